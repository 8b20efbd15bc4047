/** The topology of one container, as `warden topology --json` prints it. A change other than an addition raises `version`. */
import type { Access, ProcessInfo } from './snapshot.js';

export const VERSION = 1;

/**
 * `conmon`: the monitor of a container, or of a command, that podman or CRI-O started; `command`: runs in the container;
 * `watcher`: ends the container when its owner dies; `server`: another process of the host, which is connected to a program.
 */
export const PROGRAMS = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom', 'watcher', 'conmon', 'command', 'server'] as const;
export type ProgramKind = typeof PROGRAMS[number];

export interface Topology {
  readonly version: typeof VERSION;
  readonly container: {
    readonly id: string;
    readonly directory: string;
    /** Pid of its init; null when it does not run. */
    readonly pid: number | null;
    /** Pid of its conmon; null for a container of a depot. */
    readonly monitor: number | null;
  };
  /** Each process after its parent. */
  readonly processes: readonly Process[];
  readonly channels: readonly Channel[];
}

type Copied = 'pid' | 'name' | 'command' | 'state' | 'uid' | 'threads' | 'residentKib' | 'cpuMs';

export interface Process extends Pick<ProcessInfo, Copied> {
  /** The pid of its parent, if that is one of these processes. */
  readonly parent: number | null;
  readonly containerPid: number | null;
  readonly where: 'host' | 'container';
  readonly program: ProgramKind;
  /** The id of its job, or of the session of its conmon. */
  readonly job: string | null;
  /** All descriptors of a program or command; of a server, those that lead to a program or command. */
  readonly descriptors: readonly Descriptor[];
}

export interface Descriptor {
  readonly fd: number;
  readonly access: Access;
  readonly role: Role;
  /** The id of the channel that it is an end of. */
  readonly channel: string | null;
  readonly target: string;
}

export type ChannelKind = 'pipe' | 'connection' | 'listener' | 'pty';

export interface Channel {
  /** `pipe:[7]`, `socket:[7]`, `socket:[7]-[9]` with the lower inode first, `pty:3@88` with its file system's device. */
  readonly id: string;
  readonly kind: ChannelKind;
  readonly role: Role;
  /** The name that a socket is bound to; null without one. */
  readonly path: string | null;
  readonly job: string | null;
  readonly ends: readonly End[];
}

/** Data flows from `write` to `read`; a connection and a pty carry it both ways. */
export type Side = 'read' | 'write' | 'listen' | 'accepted' | 'connected' | 'master' | 'slave';

export interface End {
  readonly pid: number;
  /** All descriptors of the process for this end. */
  readonly fds: readonly number[];
  readonly side: Side;
  /** For a connection: the inode of this end's socket. */
  readonly socket: number | null;
}

/** The purposes of channels, and of descriptors outside any channel; the values are shown on the terminal and in the picture. */
export const ROLES = {
  'request-socket': 'request socket',
  'request': 'request',
  'command-stdin': 'stdin',
  'command-stdout': 'stdout',
  'command-stderr': 'stderr',
  'exit-status': 'exit status',
  'pty': 'pty',
  'job-stdout': 'job\'s stdout',
  'job-stderr': 'job\'s stderr',
  'start-gate': 'start gate',
  'start-report': 'start report',
  'stdout-socket': 'stdout socket',
  'stderr-socket': 'stderr socket',
  'status-socket': 'status socket',
  'stdout-link': 'stdout link',
  'stderr-link': 'stderr link',
  'status-link': 'status link',
  'stdin': 'stdin',
  'stdout': 'stdout',
  'stderr': 'stderr',
  'terminal': 'caller\'s terminal',
  'memory-event': 'out of memory event',
  'memory-control': 'memory.oom_control',
  'memory-notify': 'cgroup.event_control',
  'memory-watch': 'memory.events',
  'readiness': 'readiness',
  'signals': 'signals',
  'lifeline': 'lifeline',
  'attach-socket': 'attach socket',
  'attach': 'attach',
  'sync-pipe': 'sync pipe',
  'control': 'control',
  'window-size': 'window size',
  'log': 'log',
  'event': 'eventfd',
  'internal': 'internal',
  'inherited': 'inherited',
  'file': 'file',
  'unexplained': 'unexplained',
} as const;
export type Role = keyof typeof ROLES;
