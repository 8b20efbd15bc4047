/** The kernel's report of processes and their descriptors at one moment. read.ts takes it; everything else is derived from it. */

export interface Snapshot {
  readonly processes: readonly ProcessInfo[];
  /** Of all network namespaces of the inspected processes. */
  readonly sockets: readonly SocketInfo[];
}

/** proc(5): stat, status, cmdline, ns, fd, fdinfo */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Its pid in each of its pid namespaces, ours first. */
  readonly numbers: readonly number[];
  /** The inode of its pid namespace; 0 for a zombie. */
  readonly pidNamespace: number;
  /** Relative to the mount of the memory controller's hierarchy, or of the unified one; '' when there is none. */
  readonly memoryGroup: string;
  /** Its current directory; '' when we may not read it. */
  readonly directory: string;
  readonly name: string;
  /** Empty for a kernel thread and for a zombie. */
  readonly command: readonly string[];
  /** R, S, D, T, Z…; proc(5) */
  readonly state: string;
  readonly uid: number;
  readonly threads: number;
  readonly residentKib: number;
  /** User and system time. */
  readonly cpuMs: number;
  readonly descriptors: readonly DescriptorInfo[];
}

export type Access = 'read' | 'write' | 'both';

export interface DescriptorInfo {
  readonly fd: number;
  /** The target of /proc/PID/fd/N: `pipe:[7]`, `socket:[7]`, `anon_inode:[eventfd]`, a path. */
  readonly target: string;
  readonly access: Access;
  /** For either side of a terminal: its number in its devpts. */
  readonly terminal?: number;
  /** For either side of a terminal: the device number of the file system that it was opened in. */
  readonly device?: number;
}

export interface SocketInfo {
  readonly inode: number;
  /** 0 for a socket that is not connected. */
  readonly peer: number;
  readonly listens: boolean;
  readonly name: string;
  /** The inode of the file to which the socket is bound; 0 without one. */
  readonly file: number;
}

export const CHANNELS = ['stdout', 'stderr', 'status'] as const;
export type ChannelName = typeof CHANNELS[number];

/** A container's files in a snapshot: those that its programs listen on, and its init. */
export interface ContainerPlace {
  readonly id: string;
  /** Without symbolic links, like the current directory of a process. */
  readonly directory: string;
  /** The inode of run/wshd.sock; 0 when it does not exist. */
  readonly request: number;
  readonly jobs: readonly JobPlace[];
  /** The pid in run/wshd.pid. If that file is missing, the process that listens on wshd.sock is taken. */
  readonly init?: number;
  /** Of a container that podman or CRI-O started: its monitor first, then those of commands in it. Such a container has no jobs. */
  readonly monitors?: readonly MonitorPlace[];
}

/** A conmon, ours or the original. */
export interface MonitorPlace {
  readonly pid: number;
  /** The id of the command's session; null for the container's own monitor. */
  readonly session: string | null;
  /** The inode of the bundle's `attach`; 0 when it does not exist. */
  readonly attach: number;
}

export interface JobPlace {
  readonly id: string;
  /** Inodes of the sockets' files; 0 for one that does not exist. */
  readonly sockets: Readonly<Record<ChannelName, number>>;
}
