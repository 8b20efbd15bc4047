/** What the kernel tells about processes and their descriptors at one moment. `read.ts` takes it; all else is made from it. */

export interface Snapshot {
  readonly processes: readonly ProcessInfo[];
  /** Of every network namespace that has a process looked at. */
  readonly sockets: readonly SocketInfo[];
}

/** proc(5): stat, status, cmdline, ns, fd, fdinfo */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Its number in each pid namespace that it is in, ours first. */
  readonly numbers: readonly number[];
  /** The inode of its pid namespace; 0 for a zombie. */
  readonly pidNamespace: number;
  /** Below the mount of the memory controller's hierarchy, or of the unified one; '' when there is none. */
  readonly memoryGroup: string;
  /** Its current directory; '' when that cannot be seen. */
  readonly directory: string;
  readonly name: string;
  /** Empty when it has none: a kernel thread, a zombie. */
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
  /** What /proc/PID/fd/N leads to: `pipe:[7]`, `socket:[7]`, `anon_inode:[eventfd]`, a path. */
  readonly target: string;
  readonly access: Access;
  /** Of a terminal's either side: which of its devpts. */
  readonly terminal?: number;
  /** Of a terminal's either side: the device number of the file system that it was opened in. */
  readonly device?: number;
}

export interface SocketInfo {
  readonly inode: number;
  /** 0: not connected. */
  readonly peer: number;
  readonly listens: boolean;
  readonly name: string;
  /** The inode of the file with that name; 0 without one. */
  readonly file: number;
}

export const CHANNELS = ['stdout', 'stderr', 'status'] as const;
export type Channel = typeof CHANNELS[number];

/** Where a container is to be found in a snapshot: the files that its programs listen on, and its first process. */
export interface Place {
  readonly id: string;
  /** Without a link in its path, as a process's current directory is. */
  readonly directory: string;
  /** The inode of run/wshd.sock; 0 when it is not there. */
  readonly request: number;
  readonly jobs: readonly JobPlace[];
  /** PID 1 as run/wshd.pid tells it; wshd.sock's holder is asked when that is missing. */
  readonly first?: number;
}

export interface JobPlace {
  readonly id: string;
  /** Inodes of the files; 0 for one that is not there. */
  readonly sockets: Readonly<Record<Channel, number>>;
}
