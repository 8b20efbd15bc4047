/** The topology of one container: what `warden topology --json` prints. Changes that are not additions raise `version`. */
import type { Access } from './snapshot.js';

export const VERSION = 1;

/** `command` is what runs in the container; `watcher` ends it when its owner dies; `server` is any other process of the host's that is connected to a program. */
export const PROGRAMS = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom', 'watcher', 'command', 'server'] as const;
export type Program = typeof PROGRAMS[number];

export interface Topology {
  readonly version: typeof VERSION;
  readonly container: {
    readonly id: string;
    readonly directory: string;
    /** Of its first process; null when it does not run. */
    readonly pid: number | null;
  };
  /** Each behind its parent. */
  readonly processes: readonly Process[];
  readonly channels: readonly Channel[];
}

export interface Process {
  readonly pid: number;
  /** The pid of its parent, when that is one of these processes. */
  readonly parent: number | null;
  readonly containerPid: number | null;
  readonly where: 'host' | 'container';
  readonly program: Program;
  /** The job that it belongs to. */
  readonly job: string | null;
  readonly name: string;
  readonly command: readonly string[];
  readonly state: string;
  readonly uid: number;
  readonly threads: number;
  readonly residentKib: number;
  readonly cpuMs: number;
  /** All of a program's or command's; of a server's, those that lead to them. */
  readonly descriptors: readonly Descriptor[];
}

export interface Descriptor {
  readonly fd: number;
  readonly access: Access;
  readonly role: Role;
  /** The channel that it is an end of. */
  readonly channel: string | null;
  readonly target: string;
}

export type Kind = 'pipe' | 'connection' | 'listener' | 'pty';

export interface Channel {
  /** `pipe:[7]`, `socket:[7]`, `socket:[7]-[9]` with the lower inode first, `pty:3@88` with its file system's device. */
  readonly id: string;
  readonly kind: Kind;
  readonly role: Role;
  /** Bound name of a socket; null without one. */
  readonly path: string | null;
  readonly job: string | null;
  readonly ends: readonly End[];
}

/** Data goes from `write` to `read`; a connection and a pty carry it both ways. */
export type Side = 'read' | 'write' | 'listen' | 'accepted' | 'connected' | 'master' | 'slave';

export interface End {
  readonly pid: number;
  /** All descriptors of the process for this end. */
  readonly fds: readonly number[];
  readonly side: Side;
  /** Of a connection: the inode of this end's socket. */
  readonly socket: number | null;
}

/** What a channel, or a descriptor that belongs to none, is for; the words are the terminal's and the picture's. */
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
  'event': 'eventfd',
  'internal': 'internal',
  'inherited': 'inherited',
  'file': 'file',
  'unexplained': 'unexplained',
} as const;
export type Role = keyof typeof ROLES;
