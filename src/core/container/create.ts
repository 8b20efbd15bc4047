/**
 * Making a container:
 *
 *   checked → directory with owner → files for the hooks and wshd → cgroups → wshd: hooks (shim/hooks), mounts → serving → container.json
 *
 * Until the last step, and with `ephemeral` for good, the container is owned by this process. If this process dies, the next sweep
 * of the depot removes the container; shim/hooks/watch.sh removes an ephemeral one at once.
 */
import { chmodSync, existsSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../../base/abort.js';
import { asWardenError, reason, unlessMissing, WardenError } from '../../base/errors.js';
import {
  formatGroups, type Group, hasGroup, limitCpu, limitCpus, limitDevices, limitCpuset, limitMemory, limitPids, makeGroup, readMemory,
  removeGroups, weighBlockDevices,
} from '../../linux/cgroup.js';
import { withNewId } from '../depot/id.js';
import { DIRECTORIES, FILTER_FILE } from '../depot/layout.js';
import { ownerLink } from '../depot/owner.js';
import { readGroups, type RecordedIds, writeRecord } from '../depot/record.js';
import type { ContainerOptions } from '../options.js';
import { cgroupMounts } from '../rootfs/rootfs.js';
import { formatIds, type Ids } from '../../linux/ids.js';
import { formatSources, formatSteps } from '../rootfs/setup-steps.js';
import type { CheckedOptions } from './check.js';
import { type Plan, planContainer, readHostFacts } from './plan.js';
import { type Choice, chooseIds, refusal } from './choose-ids.js';
import { startWshd, type Started, UnmappableError, whenServing } from './start.js';

/** A container's directory, made and owned by this process, and empty. */
export interface Site { readonly id: string; readonly directory: string }

/**
 * Makes the container in its directory. `onStarted` is called once wshd has been started, so that the caller can kill it when a later
 * step fails.
 */
export async function build(
  site: Site, checked: CheckedOptions, options: ContainerOptions, onStarted: (started: Started) => void,
): Promise<void> {
  const choice = chooseIds(checked.userns, site.directory);
  try {
    await buildWith(choice, site, checked, options, onStarted);
  } catch (error) {
    if (!(error instanceof UnmappableError)) throw error;
    if (checked.userns === 'required') throw refusal(error.why);
    await buildWith({ ids: undefined, why: error.why }, site, checked, options, onStarted);
  }
}

async function buildWith(
  { ids, why }: Choice, { id, directory }: Site, checked: CheckedOptions, { ephemeral = false, signal, onNote }: ContainerOptions,
  onStarted: (started: Started) => void,
): Promise<void> {
  const cgroup = `warden-${withNewId((unique) => unique)}`;
  const plan = describe(directory, () => {
    const planned = planContainer({ id, cgroup, directory }, checked, readHostFacts(checked), ids);
    makeDirectories(directory, ids);
    return planned;
  });
  const groups = await makeGroups(directory, plan.cgroups);
  describe(directory, () => { writeSteps(directory, plan, groups); });
  throwIfAborted(signal);
  const started = startWshd(id, directory, { ephemeral, ids, network: plan.network, isolation: plan.isolation });
  onStarted(started);
  await whenServing(started, signal);
  // The hooks have made the container's devices by now, and nothing of the user's runs yet. Between the rules no device can be made.
  if (plan.cgroups.devices && hasGroup(groups, 'devices')) await limitDevices(groups, plan.cgroups.devices);
  throwIfAborted(signal);
  const { hostname, limits } = plan, { root = null } = checked;
  const binds = checked.binds.map(({ source, target, readOnly = false }) => ({ source, target, readOnly }));
  const settings = { hostname, root, binds, network: nameOf(plan.network), limits, ephemeral };
  writeRecord(directory, { id, createdAtMs: Date.now(), ...settings, ids: recorded(ids, why) });
  if (!ephemeral) unlinkSync(ownerLink(directory));
  if (why !== undefined) onNote?.(`the container has the ids of the host, so its root is the host's: ${why}`);
  if (ids && ids.method !== 'write' && groups.length === 0) onNote?.('the container has no limits: this user may not make cgroups');
}

/** As the option has it. */
function nameOf(network: Plan['network']): string {
  if (network.of === 'file') return network.path;
  return network.of === 'host' ? 'host' : 'none';
}

function recorded(ids: Ids | undefined, why: string | undefined): RecordedIds {
  return ids ? { of: ids.method === 'write' ? 'container' : 'user', uids: ids.uids, gids: ids.gids } : { of: 'host', ...(why === undefined ? {} : { why }) };
}

function describe<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw new WardenError('START_FAILED', `cannot describe the container in ${directory}: ${reason(error)}`, { cause: error });
  }
}

/** They may be there from a first try, with other ids. */
function makeDirectories(directory: string, ids: Ids | undefined): void {
  for (const name of DIRECTORIES) if (!existsSync(join(directory, name))) mkdirSync(join(directory, name), { mode: 0o700 });
  // Root of the container enters the directory `root` in it, and nothing else.
  chmodSync(directory, ids ? 0o711 : 0o700);
}

/** Writes the files that the hooks and wshd read, once it is known which groups exist. */
function writeSteps(directory: string, { hostname, root, etc, ids, isolation: { seccomp } }: Plan, groups: readonly Group[]): void {
  for (const { name, content } of etc) {
    writeFor(directory, `etc/${name}`, Buffer.from(content));
    // Whatever this process's umask is, the container's users read them.
    chmodSync(join(directory, 'etc', name), 0o644);
  }
  const mounts = root.base.type === 'tmpfs' ? [...root.mounts, ...cgroupMounts(groups)] : root.mounts, whole = { ...root, mounts };
  writeFor(directory, 'etc/steps', formatSteps(hostname, whole, ids));
  writeFor(directory, 'etc/sources', formatSources(whole, ids));
  writeFor(directory, 'etc/ids', ids && formatIds(ids));
  writeFor(directory, FILTER_FILE, typeof seccomp === 'string' ? undefined : seccomp);
}

/** The file may be there from a first try. */
function writeFor(directory: string, name: string, bytes: Buffer | undefined): void {
  const path = join(directory, name);
  unlessMissing(() => unlinkSync(path));
  if (bytes) writeFileSync(path, bytes, { mode: 0o600, flag: 'wx' });
}

/** The plan is written down before the first group is made, so that whoever removes the container knows all groups that may exist. */
async function makeGroups(directory: string, plan: Plan['cgroups']): Promise<Group[]> {
  const file = join(directory, 'etc/cgroups'), before = readGroups(directory);
  await removeGroups(before);
  writeFileSync(file, formatGroups(plan.groups), { mode: 0o600 });
  const made: Group[] = [];
  for (const group of plan.groups) if (await makeGroup(group)) made.push(group);
  if (made.length < plan.groups.length) writeFileSync(file, formatGroups(made), { mode: 0o600 });
  await setLimits(made, plan);
  return made;
}

async function setLimits(made: readonly Group[], plan: Plan['cgroups']): Promise<void> {
  const { memoryBytes, cpuShares, cpus, pids, cpusetCpus, cpusetMems, blkioWeight } = plan;
  if (memoryBytes !== undefined) await limitMemory(made, memoryBytes);
  if (cpuShares !== undefined) await limitCpu(made, cpuShares);
  if (cpus !== undefined) await limitCpus(made, cpus);
  if (pids.required || hasGroup(made, 'pids')) await limitPids(made, pids.limit);
  if (cpusetCpus !== undefined || cpusetMems !== undefined) await limitCpuset(made, cpusetCpus, cpusetMems);
  if (blkioWeight !== undefined) await weighBlockDevices(made, blkioWeight);
}

/** With less, neither the init nor the root's file system, whose size the limit bounds, has room. */
const MEMORY_BYTES_MIN = 1 << 20;

/** The error to report for a failed build. A process killed by the OOM killer cannot report why, so the cgroup's counters are read. */
export async function explain(error: unknown, directory: string, { memoryBytes }: ContainerOptions): Promise<WardenError> {
  const failure = asWardenError(error, 'START_FAILED', (why) => `cannot make the container ${directory}: ${why}`);
  if (failure.code !== 'START_FAILED' || memoryBytes === undefined) return failure;
  const memory = await readMemory(readGroups(directory));
  const lacksRoom = memoryBytes < MEMORY_BYTES_MIN && failure.message.includes('ENOSPC');
  if (!lacksRoom && (memory?.oomKills ?? 0) === 0) return failure;
  return new WardenError('START_FAILED', `the container could not be started: its limit of memory, ${memoryBytes} bytes, is too low for its init; `
    + 'give it a megabyte at least', { cause: error });
}
