/** The role of each channel, and of each descriptor outside channels, by the processes at its ends, never by a number alone. */
import { byNumber, type Index, type RawChannel, type RawEnd } from './ends.js';
import { isInherited, type Member, type Members } from './members.js';
import type { ProgramKind, Role } from './model.js';
import { CHANNELS, type DescriptorInfo, type ContainerPlace } from './snapshot.js';

const STDIO = ['stdin', 'stdout', 'stderr'] as const;
const COMMAND_STDIO = ['command-stdin', 'command-stdout', 'command-stderr'] as const;
/** The reports that iomux-spawn reads. They are the first descriptors that it makes, in this order. */
const SPAWN_READS = ['job-stdout', 'job-stderr', 'start-report'] as const;

interface MemberEnd extends RawEnd { readonly member: Member }

export class Roles {
  /** Results: thousands of processes may share a channel, and each asks for its role. */
  private readonly known = {
    ends: new Map<RawChannel, MemberEnd[]>(), roles: new Map<RawChannel, Role | undefined>(), shown: new Map<RawChannel, boolean>(),
  };

  constructor(private readonly index: Index, private readonly place: ContainerPlace, private readonly members: Members) {}

  /** undefined when the ends do not decide the role: the channel may be a program's own stdin, stdout or stderr. */
  ofChannel(channel: RawChannel): Role | undefined { return once(this.known.roles, channel, () => this.tellRole(channel)); }

  private tellRole(channel: RawChannel): Role | undefined {
    const ends = this.endsOf(channel);
    switch (channel.kind) {
      case 'listener': return this.ofSocket(channel, ends) ?? (isWithin(ends) ? 'internal' : 'unexplained');
      case 'connection': return this.ofSocket(channel, ends) ?? (isWithin(ends) ? 'internal' : undefined);
      case 'pty': return ofPty(ends);
      case 'pipe': return this.ofPipe(ends);
    }
  }

  /** False for a channel within a server, and for one that was only left open. */
  isShown(channel: RawChannel): boolean {
    return once(this.known.shown, channel, () => this.endsOf(channel).some(({ member, process, descriptor }) => (
      member.program !== 'server' && !isInherited(this.index, process, descriptor)
    )));
  }

  endsOf(channel: RawChannel): MemberEnd[] {
    return once(this.known.ends, channel, () => channel.ends.flatMap((end) => {
      const member = this.members.get(end.process.pid);
      return member ? [{ ...end, member }] : [];
    }));
  }

  /** By the file that a socket is bound to, and by the server: any process can have a file with this number alone. */
  private ofSocket({ kind, sockets }: RawChannel, ends: readonly MemberEnd[]): Role | undefined {
    const files = sockets.map(({ file }) => file).filter((file) => file !== 0);
    const serves = (program: ProgramKind): boolean => ends.some(({ member, side }) => member.program === program && side !== 'connected');
    if (files.includes(this.place.request) && serves('wshd')) return kind === 'listener' ? 'request-socket' : 'request';
    const { monitors } = this.place;
    if (monitors) return monitorsSocket(kind, ends, serves('conmon') && monitors.some(({ attach }) => files.includes(attach)));
    const isJobs = (channel: typeof CHANNELS[number]): boolean => this.place.jobs.some((job) => files.includes(job.sockets[channel]));
    const channel = serves('iomux-spawn') ? CHANNELS.find(isJobs) : undefined;
    return channel && `${channel}-${kind === 'listener' ? 'socket' : 'link'}`;
  }

  private ofPipe(ends: readonly MemberEnd[]): Role | undefined {
    const inside = ends.filter(({ member }) => member.where === 'container');
    if (inside.length > 0) return inside.length === ends.length ? this.ofWshdPipe(inside) : this.ofCommandPipe(ends, inside);
    const spawn = ends.find(({ member }) => member.program === 'iomux-spawn');
    if (spawn && !isStdio(spawn) && !isInherited(this.index, spawn.process, spawn.descriptor)) return this.ofSpawnPipe(spawn, ends);
    return isWithin(ends) && !ends.some(isStdio) ? 'internal' : undefined;
  }

  /** Between a command and its requester: wsh, or a process that does the same without wsh. */
  private ofCommandPipe(ends: readonly MemberEnd[], inside: readonly MemberEnd[]): Role {
    const commands = inside.filter(({ member }) => member.program === 'command');
    if (commands.length === 0) return 'exit-status';
    if (commands.some(({ side }) => side === 'read')) return 'command-stdin';
    // The command itself comes before its children, whose descriptors may be anything.
    const fds = commands.map(({ descriptor }) => descriptor.fd);
    const fd = fds.find((number) => number === 1 || number === 2);
    if (fd !== undefined) return COMMAND_STDIO[fd];
    const asker = ends.find(({ member, side }) => member.where === 'host' && side === 'read');
    return (asker && this.byOrder(asker)) ?? 'unexplained';
  }

  /** wsh has received its read ends in one message: stdout, then stderr, then the exit status. */
  private byOrder(asker: MemberEnd): Role | undefined {
    if (asker.member.program !== 'wsh') return undefined;
    const reads = pipesRead(asker.member).filter(({ target }) => this.isCommands(target));
    return (['command-stdout', 'command-stderr', 'exit-status'] as const)[reads.indexOf(asker.descriptor)];
  }

  private ofWshdPipe(ends: readonly MemberEnd[]): Role {
    // A standard descriptor of a command, whose other end is closed: the end of its stdin, a reader that is gone.
    const left = ends.every(({ side }) => side === ends[0]!.side) ? ends.find((end) => isStdio(end) && this.isFirst(end)) : undefined;
    if (left) return COMMAND_STDIO[left.descriptor.fd as 0 | 1 | 2];
    const isReport = ends.some(({ member, side }) => member.program === 'wshd' && side === 'read');
    const gone = ends.every(({ member }) => member.program === 'wshd');
    if (isReport) return 'start-report';
    return gone ? 'exit-status' : 'internal';
  }

  /** Whether wshd has started the process. */
  private isFirst({ process }: MemberEnd): boolean { return this.members.get(process.parent)?.program === 'wshd'; }

  private ofSpawnPipe(spawn: MemberEnd, ends: readonly MemberEnd[]): Role {
    const others = ends.filter(({ process }) => process !== spawn.process);
    if (spawn.side === 'write') {
      if (others.some(({ process }) => process.parent === spawn.process.pid)) return 'start-gate';
      return others.length > 0 ? 'inherited' : 'internal';
    }
    if (others.length === 0) return ends.some(({ side }) => side === 'write') ? 'internal' : 'start-report';
    const fds = others.filter(({ side }) => side === 'write').map(({ descriptor }) => descriptor.fd);
    const shared = pipesRead(spawn.member).filter((descriptor) => this.index.channelOf(descriptor)?.ends
      .some(({ process, side }) => process.parent === spawn.process.pid && side === 'write'));
    if (shared.length > 1) return SPAWN_READS[shared.indexOf(spawn.descriptor)] ?? 'internal';
    return fds.includes(2) ? 'job-stderr' : 'job-stdout';
  }

  /** The role of a descriptor outside any channel with a role. */
  ofDescriptor(member: Member, descriptor: DescriptorInfo): Role {
    const special = specialRole(member.program, descriptor.target) ?? (member.program === 'conmon' ? monitorsRole(descriptor) : undefined);
    if (special) return special;
    if (isInherited(this.index, member.process, descriptor)) return 'inherited';
    if (member.program === 'wsh' || member.program === 'iomux-link') return this.movedStdio(member, descriptor);
    if (member.program === 'watcher') return watchersRole(descriptor);
    if (descriptor.fd <= 2) return STDIO[descriptor.fd as 0 | 1 | 2];
    if (member.program !== 'command') return 'unexplained';
    return this.index.channelOf(descriptor) ? 'internal' : 'file';
  }

  /** wsh and iomux-link open 0 and 1 anew and close those numbers, which then may be anything. stderr stays. */
  private movedStdio(member: Member, descriptor: DescriptorInfo): Role {
    if (descriptor.terminal !== undefined) return 'terminal';
    if (this.isLeftRequest(member, descriptor)) return 'request';
    if (descriptor.fd === 2) return 'stderr';
    if (descriptor.access === 'read') return 'stdin';
    const others = member.process.descriptors.filter((other) => other.fd !== 2 && other.access !== 'read' && !this.hasRole(member, other));
    const outputs = byNumber(others).filter((other) => !this.isOwnStdin(member, other));
    if (!outputs.includes(descriptor)) return 'stdin';
    // stdout is opened first, and may be the same object as stderr.
    const errors = member.process.descriptors.find(({ fd }) => fd === 2);
    return descriptor === (outputs.find(({ target }) => target !== errors?.target) ?? outputs[0]) ? 'stdout' : 'stderr';
  }

  /** A descriptor open for both directions. iomux-link leaves its stdin as it is; wsh opens it before it has the command's pipes. */
  private isOwnStdin({ program, process }: Member, { fd, access }: DescriptorInfo): boolean {
    if (access !== 'both' || program === 'iomux-link') return fd === 0;
    return fd < Math.min(...process.descriptors.filter(({ target }) => this.isCommands(target)).map((pipe) => pipe.fd));
  }

  private isCommands(target: string): boolean {
    return this.index.channels.get(target)?.ends.some(({ process }) => this.members.get(process.pid)?.where === 'container') ?? false;
  }

  /** The original wsh keeps its connection after wshd has closed the other end. */
  private isLeftRequest({ program }: Member, descriptor: DescriptorInfo): boolean {
    const channel = this.index.channelOf(descriptor);
    return program === 'wsh' && descriptor.fd > 2 && channel?.kind === 'connection' && channel.sockets.length === 1;
  }

  private hasRole(member: Member, descriptor: DescriptorInfo): boolean {
    const channel = this.index.channelOf(descriptor);
    return (channel !== undefined && this.ofChannel(channel) !== undefined)
      || specialRole(member.program, descriptor.target) !== undefined || isInherited(this.index, member.process, descriptor);
  }
}

function once<Key, Value>(known: Map<Key, Value>, key: Key, tell: () => Value): Value {
  if (!known.has(key)) known.set(key, tell());
  return known.get(key)!;
}

function pipesRead({ process }: Member): DescriptorInfo[] {
  return byNumber(process.descriptors.filter(({ target, access }) => access === 'read' && target.startsWith('pipe:')));
}

function isStdio({ descriptor }: RawEnd): boolean { return descriptor.fd <= 2; }

/** True if all holders are in the container, or the channel never leaves one process. */
function isWithin(ends: readonly MemberEnd[]): boolean {
  return ends.every(({ member }) => member.where === 'container') || (ends.length > 1 && ends.every(({ process }) => process === ends[0]!.process));
}

function ofPty(ends: readonly MemberEnd[]): Role | undefined {
  const inside = ends.filter(({ member }) => member.where === 'container');
  if (inside.length === 0) return ends.length > 0 ? 'terminal' : undefined;
  return inside.length === ends.length && inside.some(({ side }) => side === 'master') ? 'internal' : 'pty';
}

/** The watcher's stdin is the lifeline. */
function watchersRole({ fd, target }: DescriptorInfo): Role {
  if (fd === 0) return 'lifeline';
  if (target.endsWith('/watch.sh')) return 'file';
  return fd === 2 ? 'stderr' : 'stdout';
}

function specialRole(program: ProgramKind, target: string): Role | undefined {
  if (program !== 'command' && target === 'anon_inode:[eventpoll]') return 'readiness';
  if (program !== 'command' && target === 'anon_inode:[signalfd]') return 'signals';
  if (program === 'oom' && target === 'anon_inode:[eventfd]') return 'memory-event';
  if (program === 'oom' && (target === 'anon_inode:inotify' || target === 'anon_inode:[inotify]')) return 'memory-watch';
  if (target === 'anon_inode:[eventfd]') return 'event';
  return program === 'command' ? undefined : watcherRole(target);
}

/** conmon listens on its bundle's `attach` alone, and is connected with its caller. */
function monitorsSocket(kind: RawChannel['kind'], ends: readonly MemberEnd[], isAttach: boolean): Role | undefined {
  if (isAttach) return kind === 'listener' ? 'attach-socket' : 'attach';
  return kind === 'connection' && ends.some(({ member }) => member.program === 'conmon') ? 'sync-pipe' : undefined;
}

/** A bundle's FIFOs, and the log that the container's output is written to. */
function monitorsRole({ fd, target }: DescriptorInfo): Role | undefined {
  if (target === '/dev/null' && fd > 2) return 'internal';
  if (target.endsWith('/ctl')) return 'control';
  if (target.endsWith('/winsz')) return 'window-size';
  return /^\/(?!(?:dev|proc|sys)\/)/.test(target) ? 'log' : undefined;
}

/** The role of a memory cgroup's file, of oom or of a process that does the same. */
export function watcherRole(target: string): Role | undefined {
  if (target.endsWith('/memory.oom_control')) return 'memory-control';
  return target.endsWith('/cgroup.event_control') ? 'memory-notify' : undefined;
}
