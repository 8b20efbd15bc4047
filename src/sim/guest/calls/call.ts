/** A call of the boundary, and the interface of a guest that the calls need. */
import type { ProgramName } from '../../../boundary/programs.js';
import type { SpawnDescription } from '../../kernel/fork-exec.js';
import type { Kernel } from '../../kernel/kernel.js';
import type { FileDescription } from '../../kernel/open-file.js';
import type { Process, Runner } from '../../kernel/process.js';
import type { Settings } from '../../kernel/tty/pty.js';
import type { SignalSet } from '../../kernel/signals.js';
import type { HandleTable } from '../handles.js';

/** The guest that makes a call: its process, its handles, its memory. */
export interface CallContext {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly program: ProgramName;
  readonly handles: HandleTable;
  /** Descriptors that the process was started with and has not adopted yet. */
  readonly given: Set<number>;
  /** Children that `kill` may name: started by the guest, or adopted. shim/sys/process.c */
  readonly children: Set<Process>;
  /** The description of a process that spawn calls are filling in. */
  description: SpawnDescription | undefined;
  /** Children between fork and exec. */
  starting: number;
  /** The terminal's settings before raw mode. */
  settings: Settings | undefined;
  /** True after dropStdioAndEnvironment. */
  silent: boolean;
  /** When `onDeadline` is due, in ms. */
  wakeAtMs: number;
  /** [at, at + size) of the memory; undefined when not all of it is the module's. */
  bytes(at: number, size: number): Uint8Array | undefined;
  /** The same, for writing. */
  writable(at: number, size: number): Uint8Array | undefined;
  string(at: number): string | undefined;
  store(at: number, ...numbers: readonly number[]): boolean;
  /** The part of `size` bytes that this call may move. */
  allowed(size: number): number;
  allowedOf(bytes: Uint8Array): Uint8Array;
  /** Repeats an attempt until it would not block, if the descriptor blocks. */
  attempt(description: FileDescription, call: string, events: number, once: () => number): number;
  setSignals(set: SignalSet): number;
  /** The runner of a child: a copy of the module, which begins with `onFork`. */
  forked(child: Process): Runner;
  /** Leaves the module for good: the process executes another program. */
  left(): never;
}

/** Carries out a call: a number >= 0, or a negated errno. */
export type Run = (guest: CallContext, a: number, b: number, c: number, d: number, e: number) => number;

/** Calls by name: how many numbers each takes, and its implementation. */
export type CallTable = Readonly<Record<string, readonly [count: number, run: Run]>>;

export interface BoundaryCall {
  readonly name: string;
  readonly count: number;
  readonly run: Run;
  /** The call moves bytes of a stream, and may move fewer than requested. */
  readonly isStream: boolean;
  /** The call is for a program that does not serve yet. */
  readonly isStarting: boolean;
  /** The call describes a process: without it the description is incomplete. */
  readonly describes: boolean;
}
