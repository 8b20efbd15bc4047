/** The start of a server: what its depot has is picked up, or removed. */
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ifReadable, reason } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { Container } from '../../index.js';
import { ServedContainer } from '../container/container.js';
import type { RecoverableBackend, Resources } from '../container/backend.js';
import { LAYERS, removeLayer } from '../linux/layer.js';
import type { ServedJob } from '../job/job.js';
import type { Server } from '../server.js';
import { readSnapshot, resourcesOf, type Snapshot } from './snapshot.js';

/** As many are picked up at once. */
const AT_ONCE = 16;
const ID = /^[0-9a-v]{11}$/;

/** `directory`: where the container lies now; its depot's entry of its id where it is left out. */
export type MakeBackend = (resources: Resources, directory?: string) => RecoverableBackend;

interface Entry {
  readonly directory: string;
  readonly snapshot: Snapshot | undefined;
  readonly resources: Resources;
  readonly backend: RecoverableBackend;
}

/**
 * `prepare`: what all that will be picked up can have done at once. Returns the living jobs: following each costs some milliseconds,
 * which no client has to wait for.
 */
export async function recoverAll(
  server: Server, make: MakeBackend, prepare: (backends: readonly RecoverableBackend[]) => Promise<void>,
): Promise<ServedJob[]> {
  const { depot } = server.config.server;
  const names = (ifReadable(() => readdirSync(depot)) ?? []).filter((name) => name !== LAYERS && !name.endsWith('.owner')).sort();
  const entries = names.map((name) => join(depot, name)).filter((path) => lstatSync(path).isDirectory()).map((directory): Entry => {
    const snapshot = readSnapshot(directory), resources = snapshot ? resourcesOf(snapshot) : remains(directory);
    return { directory, snapshot, resources, backend: make(resources, directory) };
  });
  const serving = new Set<Entry>();
  for (const entry of entries) if (entry.snapshot && await entry.backend.isServing()) serving.add(entry);
  // Programs of the host do this; meanwhile the jobs are found.
  const prepared = prepare([...serving].map(({ backend }) => backend)).catch((error: unknown) => {
    server.log.warn('recovery goes on one by one', { error: reason(error) });
  });
  const found = new Map<Entry, Promise<ServedContainer | undefined>>();
  await eachOf(entries, async (entry) => {
    const picked = pickUpServing(server, entry, serving.has(entry));
    picked.catch(() => undefined);
    found.set(entry, picked);
    await picked.catch(() => undefined);
  });
  await prepared;
  await eachOf(entries, (entry) => recoverOne(server, entry, found.get(entry)!));
  await Container.sweep(depot);
  // A layer is made before its container's directory, and removed after it.
  const alive = new Set(server.containers.map(({ resources }) => resources.id));
  for (const id of ifReadable(() => readdirSync(join(depot, LAYERS))) ?? []) if (ID.test(id) && !alive.has(id)) removeLayer(depot, id);
  return server.containers.flatMap((container) => [...container.jobs.values()]);
}

async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => { for (let item = queue.shift(); item; item = queue.shift()) await work(item); };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** undefined for what cannot be picked up. */
async function pickUpServing(
  server: Server, { snapshot, resources, backend }: Entry, isServing: boolean,
): Promise<ServedContainer | undefined> {
  return snapshot && isServing ? pickUp(server, snapshot, resources, backend) : undefined;
}

/** Follows one after the other, and lets clients in between. */
export async function followAll(server: Server, jobs: readonly ServedJob[]): Promise<void> {
  for (const job of jobs) {
    if (server.draining) return;
    job.follow();
    await new Promise((resolve) => { setImmediate(resolve); });
  }
}

/** Recovered, or destroyed: one that cannot be used is worth nothing. */
async function recoverOne(
  server: Server, { directory, snapshot, resources, backend }: Entry, picked: Promise<ServedContainer | undefined>,
): Promise<void> {
  try {
    const container = await picked;
    if (container) {
      await backend.recover();
      server.adopt(container);
      server.log.info('container recovered', { handle: resources.handle, path: directory });
      return;
    }
    server.log.info('remains destroyed', { path: directory, why: snapshot ? 'its first process has ended' : 'it has no snapshot' });
  } catch (error) {
    server.log.warn('container cannot be recovered, and is destroyed', { path: directory, error: reason(error) });
  }
  try {
    await backend.destroy();
    removeRest(directory);
  } catch (error) {
    server.log.error('cannot destroy', { path: directory, error: reason(error) });
  }
}

/** Without a snapshot: the id by etc/config, else by the directory's name. */
function remains(directory: string): Resources {
  const config = textOfFile(join(directory, 'etc/config'), 'utf8');
  const id = /^id=([0-9a-v]{11})$/m.exec(config)?.[1] ?? basename(directory);
  return {
    id, handle: id, network: 0, uid: 0, ports: [], netIn: [], netOut: [], limitCpu: undefined, limitMemory: undefined, bandwidth: undefined,
  };
}

/** The directory of a container without what makes it one, as somebody has removed files by hand. Nothing is mounted there. */
function removeRest(directory: string): void {
  if (!ID.test(basename(directory)) || !lstatSync(directory, { throwIfNoEntry: false })) return;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  if (!mounts.includes(` ${directory}/`)) rmSync(directory, { recursive: true, force: true });
}

async function pickUp(server: Server, snapshot: Snapshot, resources: Resources, backend: RecoverableBackend): Promise<ServedContainer> {
  const container = new ServedContainer(resources, backend, snapshot.grace_time, server);
  container.recover(snapshot.state, snapshot.events);
  for (const [key, record] of Object.entries(snapshot.jobs)) {
    const id = Number(key), options = { discard: record.discard_output, logTag: record.log_tag ?? undefined };
    if (record.status) {
      container.addJob(id, options, undefined).recoverEnded(record.status[0]);
      continue;
    }
    const process = await backend.findJob(id);
    if (!process) continue;
    container.addJob(id, options, process);
  }
  await backend.removeJobsExcept(new Set(container.jobs.keys()));
  container.removeSpoolsOfOthers();
  if (resources.limitMemory !== undefined) container.watchMemory();
  container.save();
  return container;
}
