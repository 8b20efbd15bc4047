/** Which processes belong to a container: its own, its jobs', and whoever holds the other end of something of theirs. */
import { basename } from 'node:path';
import type { Index, RawChannel } from './ends.js';
import type { Program } from './model.js';
import { CHANNELS, type DescriptorInfo, type Place, type ProcessInfo } from './snapshot.js';

export interface Member {
  readonly process: ProcessInfo;
  readonly program: Program;
  readonly where: 'host' | 'container';
  readonly job: string | null;
}

export type Members = Map<number, Member>;

export interface Found {
  /** The container's first process; undefined when it does not run. */
  readonly first: ProcessInfo | undefined;
  readonly members: Members;
}

/** In the order in which they are found: what a container has, what its jobs have, who listens, who started them. */
export function findMembers(index: Index, place: Place): Found {
  const members: Members = new Map();
  const first = firstProcess(index, place);
  if (first) addContainer(index, first, members);
  addJobs(index, place, members);
  for (const [pid, job] of followJobs(index, members)) members.set(pid, { ...members.get(pid)!, job });
  addConnected(index, members, () => true);
  if (first) addMemoryWatchers(index, first, members);
  addWatcher(index, place, members);
  // What a program only shares with others, its stderr say, leads to whoever is at the other end of it, and no further.
  addConnected(index, members, ({ program, where }) => where === 'host' && program !== 'server');
  addParents(index, members);
  return { first, members };
}

function firstProcess(index: Index, place: Place): ProcessInfo | undefined {
  const known = place.first === undefined ? undefined : index.byPid.get(place.first);
  return known ?? holdersOf(index, place.request, 'wshd.sock').find(({ numbers }) => numbers.length > 1 && numbers.at(-1) === 1);
}

/** Who listens on the socket of that name and file. Both, for another file system may have a file of that number. */
function holdersOf(index: Index, file: number, name: string): ProcessInfo[] {
  if (file === 0) return [];
  const listeners = [...index.channels.values()].filter(({ kind }) => kind === 'listener');
  return listeners.filter(({ sockets: [socket] }) => socket!.file === file && basename(socket!.name) === name)
    .flatMap(({ ends }) => ends.map(({ process }) => process));
}

function isOnHost({ numbers }: ProcessInfo): boolean { return numbers.length === 1; }

function addContainer(index: Index, first: ProcessInfo, members: Members): void {
  members.set(first.pid, { process: first, program: 'wshd', where: 'container', job: null });
  const add = (process: ProcessInfo): void => {
    if (!members.has(process.pid)) members.set(process.pid, { process, program: 'command', where: 'container', job: null });
  };
  for (const process of descendants(index, first.pid)) add(process);
  // Those that came in from outside, by nsenter(1) say, are nobody's descendants there.
  for (const process of index.byPid.values()) if (process.pidNamespace === first.pidNamespace) add(process);
}

/** Each behind its parent. No calls within calls: a container can make a chain of processes longer than they may get. */
function descendants(index: Index, pid: number): ReadonlySet<ProcessInfo> {
  const found = new Set<ProcessInfo>(), waiting = [...index.children.get(pid) ?? []].reverse();
  for (let process = waiting.pop(); process; process = waiting.pop()) {
    // Of processes that are not all looked at in the same moment, one can seem to be its own ancestor.
    if (found.has(process)) continue;
    found.add(process);
    for (const child of [...index.children.get(process.pid) ?? []].reverse()) waiting.push(child);
  }
  return found;
}

function addJobs(index: Index, place: Place, members: Members): void {
  for (const { id, sockets } of place.jobs) {
    // What runs in a container can bind a socket of any name.
    const holders = new Set(CHANNELS.flatMap((channel) => holdersOf(index, sockets[channel], `${channel}.sock`)).filter(isOnHost));
    for (const spawn of holders) {
      // Until it executes, the command's process is a copy of iomux-spawn's.
      const parent = index.byPid.get(spawn.parent);
      if (parent && holders.has(parent)) continue;
      members.set(spawn.pid, { process: spawn, program: 'iomux-spawn', where: 'host', job: id });
      for (const child of index.children.get(spawn.pid) ?? []) addJobProcess(index, child, id, members);
    }
  }
}

function addJobProcess(index: Index, process: ProcessInfo, job: string, members: Members): void {
  if (members.has(process.pid)) return;
  members.set(process.pid, { process, program: process.name === 'wsh' ? 'wsh' : 'command', where: 'host', job });
  for (const child of index.children.get(process.pid) ?? []) addJobProcess(index, child, job, members);
}

/** Commands in the container belong to the job whose wsh holds the other ends of their pipes; so do their descendants. */
function followJobs(index: Index, members: Members): Map<number, string> {
  const jobs = new Map<number, string>();
  for (const { process, where, job } of members.values()) {
    if (where === 'host' && job !== null) {
      for (const { process: other } of oppositeEnds(index, process)) {
        if (members.get(other.pid)?.program === 'command') jobs.set(other.pid, job);
      }
    }
  }
  // Those that are added here come here, too.
  for (const [pid, job] of jobs) {
    for (const child of index.children.get(pid) ?? []) if (!jobs.has(child.pid) && members.has(child.pid)) jobs.set(child.pid, job);
  }
  return jobs;
}

/** The ends on the other side of what a process holds. */
export function oppositeEnds(index: Index, process: ProcessInfo): RawChannel['ends'] {
  return process.descriptors.flatMap((descriptor) => {
    const channel = isInherited(index, process, descriptor) ? undefined : index.channelOf(descriptor);
    const mine = channel?.ends.find((end) => end.descriptor === descriptor);
    return channel?.ends.filter((end) => isOpposite(channel, mine!, end)) ?? [];
  });
}

/** What somebody forgot to close: the parent has the same under the same number. */
export function isInherited(index: Index, process: ProcessInfo, { fd, target }: DescriptorInfo): boolean {
  if (fd <= 2) return false;
  return index.byPid.get(process.parent)?.descriptors.some((theirs) => theirs.fd === fd && theirs.target === target) ?? false;
}

function isOpposite(channel: RawChannel, mine: RawChannel['ends'][number], other: RawChannel['ends'][number]): boolean {
  if (mine.process === other.process) return false;
  if (channel.kind === 'connection') return mine.descriptor.target !== other.descriptor.target;
  return channel.kind !== 'listener' && mine.side !== other.side;
}

const HOST_PROGRAMS: ReadonlySet<string> = new Set<Program>(['wsh', 'iomux-link', 'oom']);

function hostProgram({ name }: ProcessInfo): Program { return HOST_PROGRAMS.has(name) ? name as Program : 'server'; }

function addConnected(index: Index, members: Members, from: (member: Member) => boolean): void {
  for (const member of [...members.values()].filter(from)) {
    for (const { process } of oppositeEnds(index, member.process)) {
      if (members.has(process.pid)) continue;
      // A link is a job's; a wsh that is connected without being a job's child belongs to whoever works at it.
      const program = hostProgram(process);
      members.set(process.pid, { process, program, where: 'host', job: program === 'iomux-link' ? member.job : null });
    }
  }
}

/** oom, and whoever else has the memory.oom_control of the container's group open. */
function addMemoryWatchers(index: Index, first: ProcessInfo, members: Members): void {
  const { memoryGroup: group } = first;
  if (group === '' || group === '/') return;
  for (const process of index.byPid.values()) {
    if (members.has(process.pid)) continue;
    const isOom = process.name === 'oom' && process.command.at(-1)?.replace(/\/+$/, '').endsWith(group);
    const watches = process.descriptors.some(({ target }) => target.endsWith(`${group}/memory.oom_control`));
    if (isOom || watches) members.set(process.pid, { process, program: hostProgram(process), where: 'host', job: null });
  }
}

/** Runs lib/watch.sh, or waits to, in the container's directory on the host; in the container anything may be called that. */
function addWatcher(index: Index, { directory }: Place, members: Members): void {
  for (const process of index.byPid.values()) {
    if (members.has(process.pid) || !isOnHost(process) || process.directory !== directory) continue;
    if (process.command[1]?.endsWith('/watch.sh')) members.set(process.pid, { process, program: 'watcher', where: 'host', job: null });
  }
}

function addParents(index: Index, members: Members): void {
  for (const { process, where, program } of [...members.values()]) {
    const parent = index.byPid.get(process.parent);
    if (where === 'container' || program === 'server' || !parent || parent.pid === 1 || members.has(parent.pid)) continue;
    members.set(parent.pid, { process: parent, program: 'server', where: 'host', job: null });
  }
}
