/** Faults and events of a simulation: the kernel asks a fault plan at each call, and reports every event to observers. */
import type { FileDescription } from './open-file.js';
import type { Process } from './process.js';

/** One call that a module is about to make across the boundary. */
export interface Call {
  readonly process: Process;
  /** As in assembly/boundary/shim.ts: "read", "spawn", … */
  readonly name: string;
  /** The number of calls that this process made before this one. */
  readonly number: number;
  /** The module's numbers, unchanged. */
  readonly args: readonly number[];
  /**
   * The call's place in the module: "function[12]:0x1a3", the same for the same build. The look-up takes some 20 µs and works
   * only while the call is being made.
   */
  site(): string;
  /** The same place as a number, free of charge, in a module instrumented by wasm/sites.ts; 0 in other modules. */
  readonly siteId: number;
}

/** A deviation of a call from its normal course. */
export interface Fault {
  /** The call does nothing and returns this errno (a positive number). */
  errno?: number;
  /** With errno EAGAIN: the handles in the call's arguments are never ready again. */
  mute?: boolean;
  /** The call moves at most this many bytes; at least 1. Calls that move no bytes ignore it. */
  size?: number;
  /** SIGKILL kills the process, before the call takes effect or after it. */
  kill?: 'before' | 'after';
  /** The module traps instead of making the call, as at a failed assertion. */
  trap?: boolean;
  /** The process pauses for this long after the call; longer when another process's pause, begun meanwhile, is longer. */
  stallMs?: number;
  /** The clock jumps forward by this much before the call. */
  jumpMs?: number;
}

/** The message of a trap that a fault caused. */
export const FAULT_TRAP = 'a fault of the simulation';

/** Asked at every call of every module. Its answers must depend only on the calls that it has seen and on its own seed. */
export interface FaultPlan {
  at(call: Call): Fault | undefined;
}

/** A finished call. */
export interface CallEvent {
  readonly process: Process;
  readonly name: string;
  readonly number: number;
  readonly args: readonly number[];
  /** As in `Call`. */
  readonly siteId: number;
  /** >= 0, or a negated errno. */
  readonly result: number;
  /** The most bytes that the call was allowed to move, when that is less than it asked for. */
  readonly size: number | undefined;
  readonly fault: Fault | undefined;
}

/** A call of one of a module's entry points. */
export interface Delivery {
  readonly process: Process;
  readonly entry: 'onStart' | 'onReady' | 'onSignal' | 'onDeadline' | 'onFork';
  readonly first: number;
  readonly second: number;
}

/** A handle that a module watches. */
export interface Watched {
  readonly handle: number;
  readonly wanted: number;
  /** The events that are ready, `HANGUP` included; 0 for none. */
  readonly events: number;
}

/** Receives events in the order in which they happen. An observer must not change the simulation; an exception from it ends the run. */
export interface Observer {
  /** Before a module's entry point is called. */
  deliver?(delivery: Delivery): void;
  /** The module returned, exited, or trapped and recovered. */
  delivered?(delivery: Delivery): void;
  call?(event: CallEvent): void;
  /** A turn of a module's loop begins: the handles that it watches, with their readiness. */
  collected?(process: Process, watched: readonly Watched[]): void;
  /** A step of a script: "write 1 4096", 4096, and the bytes that it tried to write, or has read. */
  script?(process: Process, step: string, result: number, bytes?: Uint8Array): void;
  /** A module printed to stdout (1) or stderr (2) through WASI; the result is a number of bytes, or a negated errno. */
  print?(process: Process, fd: number, text: string, result: number): void;
  /** A call of a sink, a source or a terminal's owner on its end; bytes as with `script`. */
  outside?(end: FileDescription, call: 'read' | 'write' | 'close', size: number, result: number, bytes: Uint8Array): void;
  started?(process: Process): void;
  /** The process executes a program: a module or a script. */
  executed?(process: Process): void;
  /** The process has ended; its raw wait status is in `process.status`. */
  exited?(process: Process): void;
  trapped?(process: Process, words: string): void;
  clock?(nowMs: number): void;
  /** After every step of the world: the place to check an invariant. */
  step?(): void;
}
