/** The typed contract of the addon (shim/addon): everything that TypeScript can ask of it. */
import { createRequire } from 'node:module';
import { addonPath } from '../paths.js';

/** A call of the boundary (assembly/shim.ts): numbers in, a number >= 0 or a negated errno out. */
export type ShimCall = (...numbers: number[]) => number;

/** The same, of the instance that it is called on. */
export type NativeCall = (this: NativeInstance, ...numbers: number[]) => number;

/** The module's exports that the addon has called, by number. */
export const enum Entry { Ready = 1, Signal = 2, Deadline = 3 }

export interface NativeOptions {
  /** Decides which paths the instance may name: shim/sys/policy.c. */
  program: string;
  arguments: readonly string[];
  /** `NAME=value` */
  environment: readonly string[];
  /** Descriptors of which the module gets copies, as its 0, 1 and 2. */
  stdio: readonly [stdin: number, stdout: number, stderr: number];
  /** Of the signals that the module asks for, those that it gets from the process. */
  signals: readonly number[];
  /** Must not throw. */
  deliver(entry: Entry, first: number, second: number): void;
}

/**
 * What tells an open file from all others, in other processes too: device and inode (stat(2)); of a pty's master the device
 * number of the terminal that it is the master of, else 0.
 */
export type Identity = readonly [device: number, inode: number, slave: number];

/** Has descriptors of its own, and keeps the process alive, until `end`. */
export interface NativeInstance {
  /** Whose memory the calls' offsets mean; until then every one is answered with -EFAULT. */
  attach(memory: { readonly buffer: ArrayBufferLike }): void;
  /** Writes from the memory to stdout (1) or stderr (2), as much as goes without waiting: bytes, or a negated errno. */
  print(fd: number, at: number, size: number): number;
  /** A line on the instance's stderr, when there is room for it: bytes, or a negated errno, -EAGAIN when there is none. */
  say(line: string): number;
  /** What a handle stands for; undefined when it is none. */
  identify(handle: number): Identity | undefined;
  /** Closes every handle, ends every watch, deadline and signal; from then on each call is answered with -EBADF. */
  end(): void;
}

/** A unix socket as sock_diag(7) tells of it: the only way to learn which is connected to which. */
export interface UnixSocket {
  readonly inode: number;
  /** The inode of the socket at the other end; 0 for none. */
  readonly peer: number;
  readonly listens: boolean;
  /** As bind(2) got it, so perhaps relative to a directory that nobody remembers; '' for none. */
  readonly name: string;
  /** The inode of the file that bind(2) made; 0 for none. */
  readonly file: number;
}

export interface Native {
  Instance: new (options: NativeOptions) => NativeInstance;
  /** Two descriptors that no process started later inherits, or a negated errno. pipe(2) */
  pipe(): readonly [read: number, write: number] | number;
  /** All unix sockets of a network namespace, a descriptor of /proc/PID/ns/net, or of our own for -1; or a negated errno. */
  unixSockets(netNamespace: number): UnixSocket[] | number;
  /**
   * This process goes on as the program `file`, with its descriptors 0, 1 and 2, its environment and its current directory:
   * nothing of Node remains. Returns only when that cannot be, with a negated errno. `argv`: the program's name first.
   */
  execute(file: string, argv: readonly string[]): number;
  /**
   * No program started from here on inherits what whoever started this process left open: Node's own start sees to that, but
   * not behind a gap in the numbers. 0, or a negated errno. close_range(2)
   */
  sealDescriptors(): number;
  /** Whether the descriptor is a terminal; node:tty knows it too, but loads all of Node's network to tell. */
  isTerminal(fd: number): boolean;
}

let loaded: Native | undefined;

/** Loaded when first asked for: what does not run a module need not be on Linux. */
export function native(): Native {
  loaded ??= createRequire(import.meta.url)(addonPath) as Native;
  return loaded;
}

/** The boundary's call of that name, one function for all instances: making one costs more than calling it. undefined when there is none. */
export function callNamed(name: string): NativeCall | undefined {
  return (native().Instance.prototype as unknown as Readonly<Record<string, NativeCall | undefined>>)[`shim_${name}`];
}
