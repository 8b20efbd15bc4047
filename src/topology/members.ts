/** Which processes belong to a container: its own, its jobs', and whoever holds the other end of something of theirs. */
import type { Index, RawChannel } from './ends.js';
import type { ProgramKind } from './model.js';
import { CHANNELS, type ContainerPlace, type DescriptorInfo, type MonitorPlace, type ProcessInfo } from './snapshot.js';

export interface Member {
  readonly process: ProcessInfo;
  readonly program: ProgramKind;
  readonly where: 'host' | 'container';
  readonly job: string | null;
}

export type Members = Map<number, Member>;

export interface Found {
  /** The container's init; undefined when it does not run. */
  readonly init: ProcessInfo | undefined;
  readonly members: Members;
}

/** Members in the order in which they are found: the container's, its jobs', listeners, and their starters. */
export function findMembers(index: Index, place: ContainerPlace): Found {
  const members: Members = new Map();
  const init = findInit(index, place);
  if (place.monitors) return { init, members: monitored(index, place.monitors, init) };
  if (init) addContainer(index, init, 'wshd', members);
  addJobs(index, place, members);
  for (const [pid, job] of followJobs(index, members)) members.set(pid, { ...members.get(pid)!, job });
  addConnected(index, members, () => true);
  if (init) addMemoryWatchers(index, init, members);
  addWatcher(index, place, members);
  // A channel that a program only shares with others, such as stderr, leads to the processes at its other end, and no further.
  addConnected(index, members, ({ program, where }) => where === 'host' && program !== 'server');
  addParents(index, members);
  return { init, members };
}

function findInit(index: Index, place: ContainerPlace): ProcessInfo | undefined {
  const known = place.init === undefined ? undefined : index.byPid.get(place.init);
  return known ?? holdersOf(index, place.request, 'wshd.sock').find(({ numbers }) => numbers.length > 1 && numbers.at(-1) === 1);
}

/** Processes that listen on the socket with this name and file. Another file system may have a file with the same number. */
function holdersOf(index: Index, file: number, name: string): ProcessInfo[] {
  if (file === 0) return [];
  const listeners = [...index.channels.values()].filter(({ kind }) => kind === 'listener');
  return listeners.filter(({ sockets: [socket] }) => socket!.file === file && (socket!.name === name || socket!.name.endsWith(`/${name}`)))
    .flatMap(({ ends }) => ends.map(({ process }) => process));
}

function isOnHost({ numbers }: ProcessInfo): boolean { return numbers.length === 1; }

/** A container of podman's: its first process is the user's own, and each command in it has a monitor of its own. */
function monitored(index: Index, monitors: readonly MonitorPlace[], init: ProcessInfo | undefined): Members {
  const members: Members = new Map(), inside: Members = new Map();
  for (const { pid, session: job } of monitors) {
    const process = index.byPid.get(pid);
    if (process) members.set(pid, { process, program: 'conmon', where: 'host', job });
  }
  if (init) addContainer(index, init, 'command', inside);
  for (const { pid, session: job } of monitors.filter(({ session }) => session !== null)) {
    for (const { pid: own } of descendants(index, pid)) if (inside.has(own)) inside.set(own, { ...inside.get(own)!, job });
  }
  for (const [pid, member] of inside) if (!members.has(pid)) members.set(pid, member);
  addConnected(index, members, () => true);
  addParents(index, members);
  return members;
}

function addContainer(index: Index, init: ProcessInfo, program: ProgramKind, members: Members): void {
  members.set(init.pid, { process: init, program, where: 'container', job: null });
  const add = (process: ProcessInfo): void => {
    if (!members.has(process.pid)) members.set(process.pid, { process, program: 'command', where: 'container', job: null });
  };
  for (const process of descendants(index, init.pid)) add(process);
  // Without a pid namespace of its own the container shares the host's.
  if (isOnHost(init)) return;
  // Processes that entered from outside, as by nsenter(1), have no ancestor in the container.
  for (const process of index.byPid.values()) if (process.pidNamespace === init.pidNamespace) add(process);
}

/** Each process after its parent. Not recursive: a container can make a chain of processes longer than the stack. */
function descendants(index: Index, pid: number): ReadonlySet<ProcessInfo> {
  const found = new Set<ProcessInfo>(), waiting = [...index.children.get(pid) ?? []].reverse();
  for (let process = waiting.pop(); process; process = waiting.pop()) {
    // Processes are not read in the same moment, so one can appear to be its own ancestor.
    if (found.has(process)) continue;
    found.add(process);
    for (const child of [...index.children.get(process.pid) ?? []].reverse()) waiting.push(child);
  }
  return found;
}

function addJobs(index: Index, place: ContainerPlace, members: Members): void {
  for (const { id, sockets } of place.jobs) {
    // A process in a container can bind a socket of any name.
    const holders = new Set(CHANNELS.flatMap((channel) => holdersOf(index, sockets[channel], `${channel}.sock`)).filter(isOnHost));
    for (const spawn of holders) {
      // Before it executes, the command's process is a copy of iomux-spawn's.
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
  // The loop also visits the entries that it adds.
  for (const [pid, job] of jobs) {
    for (const child of index.children.get(pid) ?? []) if (!jobs.has(child.pid) && members.has(child.pid)) jobs.set(child.pid, job);
  }
  return jobs;
}

/** The other ends of the channels that a process holds. */
function oppositeEnds(index: Index, process: ProcessInfo): RawChannel['ends'] {
  return process.descriptors.flatMap((descriptor) => {
    const channel = isInherited(index, process, descriptor) ? undefined : index.channelOf(descriptor);
    const mine = channel?.ends.find((end) => end.descriptor === descriptor);
    return channel?.ends.filter((end) => isOpposite(channel, mine!, end)) ?? [];
  });
}

/** A descriptor that was inherited and not closed: the parent has the same object under the same number. */
export function isInherited(index: Index, process: ProcessInfo, { fd, target }: DescriptorInfo): boolean {
  if (fd <= 2) return false;
  return index.byPid.get(process.parent)?.descriptors.some((theirs) => theirs.fd === fd && theirs.target === target) ?? false;
}

function isOpposite(channel: RawChannel, mine: RawChannel['ends'][number], other: RawChannel['ends'][number]): boolean {
  if (mine.process === other.process) return false;
  if (channel.kind === 'connection') return mine.descriptor.target !== other.descriptor.target;
  return channel.kind !== 'listener' && mine.side !== other.side;
}

const HOST_PROGRAMS: ReadonlySet<string> = new Set<ProgramKind>(['wsh', 'iomux-link', 'oom']);

function hostProgram({ name }: ProcessInfo): ProgramKind { return HOST_PROGRAMS.has(name) ? name as ProgramKind : 'server'; }

function addConnected(index: Index, members: Members, from: (member: Member) => boolean): void {
  for (const member of [...members.values()].filter(from)) {
    for (const { process } of oppositeEnds(index, member.process)) {
      if (members.has(process.pid)) continue;
      // A link belongs to its job. A wsh that is connected without being a job's child belongs to the process at its other end.
      const program = hostProgram(process);
      members.set(process.pid, { process, program, where: 'host', job: program === 'iomux-link' ? member.job : null });
    }
  }
}

/** oom, and other processes that have the memory.oom_control of the container's group open. */
function addMemoryWatchers(index: Index, init: ProcessInfo, members: Members): void {
  const { memoryGroup: group } = init;
  if (group === '' || group === '/') return;
  for (const process of index.byPid.values()) {
    if (members.has(process.pid)) continue;
    const isOom = process.name === 'oom' && process.command.at(-1)?.replace(/\/+$/, '').endsWith(group);
    const watches = process.descriptors.some(({ target }) => target.endsWith(`${group}/memory.oom_control`));
    if (isOom || watches) members.set(process.pid, { process, program: hostProgram(process), where: 'host', job: null });
  }
}

/** watch.sh, or a shell about to run it, in the container's directory on the host; in the container any process may have that name. */
function addWatcher(index: Index, { directory }: ContainerPlace, members: Members): void {
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
