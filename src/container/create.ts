/** What is written into a container's directory before it is started. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, normalize, resolve } from 'node:path';
import { type Group, formatGroups, limitCpu, limitMemory, makeGroup, planGroups, SHARES_MAX, SHARES_MIN } from './cgroup.js';
import type { ContainerOptions } from './container.js';
import { reason, WardenError } from './error.js';
import { DIRECTORIES } from './layout.js';
import { type Bind, bindMounts, checkRoot, givenRoot, ownRoot } from './root.js';
import { formatSteps } from './steps.js';

/** Linux's limit of a host name: sethostname(2). */
const HOSTNAME_BYTES = 64;
const MEMORY_BYTES_MAX = Number.MAX_SAFE_INTEGER;

function usage(sentence: string): WardenError { return new WardenError('USAGE', sentence); }

export function checkMemory(bytes: number): void {
  if (bytes === Infinity || (Number.isInteger(bytes) && bytes > 0 && bytes <= MEMORY_BYTES_MAX)) return;
  throw usage(`a limit of memory is a whole number of bytes above 0, or Infinity, not ${bytes}`);
}

export function checkShares(shares: number): void {
  if (Number.isInteger(shares) && shares >= SHARES_MIN && shares <= SHARES_MAX) return;
  throw usage(`CPU shares are a whole number from ${SHARES_MIN} to ${SHARES_MAX}, not ${shares}`);
}

function checkHostname(name: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) && name.length <= HOSTNAME_BYTES) return;
  throw usage(`${JSON.stringify(name)} is no host name: 1 to ${HOSTNAME_BYTES} letters, digits, "." and "-", the first and the last a letter or digit`);
}

function checkBind(bind: Bind): Bind {
  const target = normalize(bind.target), source = resolve(bind.source);
  if (!isAbsolute(bind.target) || target === '/' || target.includes('\0')) throw usage(`the target of a bind must be an absolute path other than /, not ${JSON.stringify(bind.target)}`);
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) throw usage(`there is no directory ${source} to be bound to ${target}`);
  return { source, target: target.replace(/\/$/, ''), readOnly: bind.readOnly ?? false };
}

export interface Checked {
  readonly root: string | undefined;
  readonly binds: readonly Bind[];
}

/** All that can be known before anything is made. */
export function check(options: ContainerOptions): Checked {
  if (process.platform !== 'linux') throw new WardenError('UNSUPPORTED', `containers need Linux, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) throw new WardenError('UNSUPPORTED', 'only root can make containers (namespaces and mounts): try it with sudo');
  if (options.memoryBytes !== undefined) checkMemory(options.memoryBytes);
  if (options.cpuShares !== undefined) checkShares(options.cpuShares);
  if (options.hostname !== undefined) checkHostname(options.hostname);
  const binds = (options.binds ?? []).map(checkBind);
  return { root: options.root === undefined ? undefined : checkRoot(options.root), binds };
}

/** Writes what the hook in the container reads; nothing of it lives yet. */
export function describe(id: string, directory: string, hostname: string, { root: given, binds }: Checked): void {
  const write = (name: string, content: string | Buffer): void => writeFileSync(join(directory, name), content, { mode: 0o600, flag: 'wx' });
  try {
    for (const name of DIRECTORIES) mkdirSync(join(directory, name), { mode: 0o700 });
    const root = given === undefined ? ownRoot(id, hostname) : givenRoot(id, given);
    write('etc/steps', formatSteps({ hostname, ...root, over: bindMounts(binds) }));
  } catch (error) {
    throw new WardenError('START_FAILED', `cannot describe the container in ${directory}: ${reason(error)}`, { cause: error });
  }
}

/** The cgroups: first what is planned is written down, so that whoever comes after us knows what there may be to remove. */
export async function makeGroups(name: string, directory: string, options: ContainerOptions): Promise<Group[]> {
  const file = join(directory, 'etc/cgroups'), planned = planGroups(name);
  writeFileSync(file, formatGroups(planned), { mode: 0o600 });
  const made: Group[] = [];
  for (const group of planned) if (await makeGroup(group)) made.push(group);
  if (made.length < planned.length) writeFileSync(file, formatGroups(made), { mode: 0o600 });
  if (options.memoryBytes !== undefined) await limitMemory(made, options.memoryBytes);
  if (options.cpuShares !== undefined) await limitCpu(made, options.cpuShares);
  return made;
}
