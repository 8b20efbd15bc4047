/** The typed contract of the addon (shim/addon): every function that TypeScript may call. */
import { createRequire } from 'node:module';
import type { Identity } from '../base/identity.js';
import { RAISE_LIMIT, WardenError } from '../base/errors.js';
import { howToGetNative } from '../base/native.js';
import { addonPath } from '../base/paths.js';

/** A call of the boundary (assembly/boundary/shim.ts): numbers in, a number >= 0 or a negated errno out. */
export type ShimCall = (...numbers: number[]) => number;

/** The same as a method of the instance. */
export type NativeCall = (this: NativeInstance, ...numbers: number[]) => number;

/** The module's entry points that the addon calls, by number. */
export const enum Entry { Ready = 1, Signal = 2, Deadline = 3 }

export interface NativeOptions {
  /** Decides which paths the instance may name: shim/sys/policy.c. */
  program: string;
  arguments: readonly string[];
  /** `NAME=value` */
  environment: readonly string[];
  /** The descriptors that are copied to the module's 0, 1 and 2. */
  stdio: readonly [stdin: number, stdout: number, stderr: number];
  /** The signals that the process passes on to the module, if the module asks for them. */
  signals: readonly number[];
  /** Must not throw. */
  deliver(entry: Entry, first: number, second: number): void;
}

/** An instance has descriptors of its own, and keeps the process alive, until `end`. */
export interface NativeInstance {
  /** Sets the memory that the calls' offsets refer to; before that, every call returns -EFAULT. */
  attach(memory: { readonly buffer: ArrayBufferLike }): void;
  /** Writes from the memory to stdout (1) or stderr (2), as much as possible without waiting: a number of bytes, or a negated errno. */
  print(fd: number, at: number, size: number): number;
  /** Writes a line to the instance's stderr if there is room for it: a number of bytes, or a negated errno, -EAGAIN without room. */
  say(line: string): number;
  /** The identity of a handle's file; undefined for an invalid handle. */
  identify(handle: number): Identity | undefined;
  /** Closes every handle, ends every watch, deadline and signal; later calls return -EBADF. */
  end(): void;
}

/** A unix socket as sock_diag(7) reports it: the only source for which sockets are connected to each other. */
export interface UnixSocket {
  readonly inode: number;
  /** The inode of the socket at the other end; 0 for none. */
  readonly peer: number;
  readonly listens: boolean;
  /** The name as bind(2) got it, so it may be relative to an unknown directory; '' for none. */
  readonly name: string;
  /** The inode of the file that bind(2) made; 0 for none. */
  readonly file: number;
}

export interface Native {
  Instance: new (options: NativeOptions) => NativeInstance;
  /** Two descriptors that child processes do not inherit, or a negated errno. pipe(2) */
  pipe(): readonly [read: number, write: number] | number;
  /** All unix sockets of a network namespace, given by a descriptor of /proc/PID/ns/net, or -1 for our own; or a negated errno. */
  unixSockets(netNamespace: number): UnixSocket[] | number;
  /**
   * Replaces this process by the program `file`, with its descriptors 0, 1 and 2, its environment and its current directory. Nothing of
   * Node remains. Returns only on failure, with a negated errno. `argv` begins with the program's name. `kept` becomes descriptor 3,
   * unless it is -1.
   */
  execute(file: string, argv: readonly string[], kept: number): number;
  /** Another descriptor of the same file, which child processes do not inherit; or a negated errno. */
  duplicate(fd: number): number;
  /** Takes over the children that this process had before it executed Node: they are reaped when they end. */
  adoptChildren(): void;
  /** Memory that nothing uses goes back to the kernel. malloc_trim(3) */
  giveMemoryBack(): void;
  /** Who connected to a unix socket; undefined for what is none. unix(7), SO_PEERCRED */
  peerOf(fd: number): readonly [pid: number, uid: number, gid: number] | undefined;
  /** Whether the descriptor is a terminal; node:tty knows it too, but loads all of Node's network to tell. */
  isTerminal(fd: number): boolean;
}

let loaded: Native | undefined;

/** Loads the addon at the first call: code that runs no module works on other systems than Linux. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

/** A module's host. Throws UNSUPPORTED where no descriptor is left for it. */
export function makeInstance(...options: ConstructorParameters<Native['Instance']>): NativeInstance {
  try {
    return new (native().Instance)(...options);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('epoll instance'))) throw error;
    throw withoutDescriptors('cannot make an epoll instance', error);
  }
}

/** What to do when this process, or the machine, has no descriptors left. */
export function withoutDescriptors(what: string, cause?: unknown): WardenError {
  return new WardenError('UNSUPPORTED', `${what}: no descriptors are left; ${RAISE_LIMIT}`, { cause });
}

function load(): Native {
  try {
    return createRequire(import.meta.url)(addonPath) as Native;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') {
      throw new WardenError('UNSUPPORTED', `${addonPath} is not there, and containers need it: ${howToGetNative()}`, { cause: error });
    }
    if (code !== 'ERR_DLOPEN_FAILED') throw error;
    throw new WardenError('UNSUPPORTED', `cannot load ${addonPath}, which is of another machine or C library: ${message}`, { cause: error });
  }
}

/**
 * The call of the boundary with this name; undefined for an unknown name. All instances share the function, because making one costs
 * more than calling it.
 */
export function callNamed(name: string): NativeCall | undefined {
  return (native().Instance.prototype as unknown as Readonly<Record<string, NativeCall | undefined>>)[`shim_${name}`];
}
