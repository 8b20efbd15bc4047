/** What may go wrong, and who watches: a simulation asks a plan at each call and tells observers what happened. */
import type { Description } from './description.js';
import type { Process } from './process.js';
import type { Kernel } from './kernel.js';

/** One call of a module's across the boundary, about to be made. */
export interface Call {
  readonly process: Process;
  /** As in assembly/shim.ts: "read", "spawn", … */
  readonly name: string;
  /** How many calls this process has made before this one. */
  readonly number: number;
  /** As the module gave them. */
  readonly args: readonly number[];
  /**
   * Where in the module it is made: "function[12]:0x1a3", the same for the same build. Costs some 20 µs, so it is
   * looked up only when asked for, and only while the call is made.
   */
  site(): string;
  /** The same as a number, free of charge, in a module that sites.ts has marked; 0 in others. */
  readonly siteId: number;
}

/** What happens to a call, instead of or beside what it asks for. */
export interface Fault {
  /** The call does nothing and answers with this errno (a positive number). */
  errno?: number;
  /** With an errno, EAGAIN: the handles that the call names are never ready again, as if nothing came any more. */
  mute?: boolean;
  /** At most so many bytes are moved; at least 1. Calls that move none ignore it. */
  size?: number;
  /** The process is killed by SIGKILL, before the call takes effect or after it. */
  kill?: 'before' | 'after';
  /** The module traps instead of making the call, as if an assertion of its own had failed. */
  trap?: boolean;
  /** The process does nothing for so long after the call; longer when another that stalls meanwhile takes longer. */
  stallMs?: number;
  /** The clock jumps forward by so much, before the call. */
  jumpMs?: number;
}

/** What a trap that is a fault says. */
export const FAULT_TRAP = 'a fault of the simulation';

/** Asked at every call of every module. Whatever it decides must depend on what it is told and on its own seed only. */
export interface FaultPlan {
  at(call: Call): Fault | undefined;
}

/** A call that was made. */
export interface CallEvent {
  readonly process: Process;
  readonly name: string;
  readonly number: number;
  readonly args: readonly number[];
  /** As in `Call`. */
  readonly siteId: number;
  /** >= 0, or a negated errno. */
  readonly result: number;
  /** Bytes that it was allowed to move, when that is less than it asked for. */
  readonly size: number | undefined;
  readonly fault: Fault | undefined;
}

/** An event that a module was called with. */
export interface Delivery {
  readonly process: Process;
  readonly entry: 'onStart' | 'onReady' | 'onSignal' | 'onDeadline';
  readonly first: number;
  readonly second: number;
}

/** A handle that a module watches. */
export interface Watched {
  readonly handle: number;
  readonly wanted: number;
  /** What of it is ready, `HANGUP` included; 0 for nothing. */
  readonly events: number;
}

/** Told what happens, in the order in which it does; it must not change anything. What it throws ends the run. */
export interface Observer {
  /** Before a module is called. */
  deliver?(delivery: Delivery): void;
  /** The module came back, exited, or trapped and recovered. */
  delivered?(delivery: Delivery): void;
  call?(event: CallEvent): void;
  /** A turn of a module's loop begins: what it watches, and what of that is ready. */
  collected?(process: Process, watched: readonly Watched[]): void;
  /** A step of a script: "write 1 4096", 4096, and the bytes that were to be written, or were read. */
  script?(process: Process, step: string, result: number, bytes?: Uint8Array): void;
  /** What a module said on stdout (1) or stderr (2) through WASI; the result is a number of bytes, or a negated errno. */
  print?(process: Process, fd: number, text: string, result: number): void;
  /** What a sink, a source or a terminal's owner did to its end; bytes as with `script`. */
  outside?(end: Description, what: 'read' | 'write' | 'close', size: number, result: number, bytes: Uint8Array): void;
  started?(process: Process): void;
  /** It executes a program: a module or a script. */
  executed?(process: Process): void;
  /** Ended; its raw wait status is in `process.status`. */
  exited?(process: Process): void;
  trapped?(process: Process, words: string): void;
  clock?(nowMs: number): void;
  /** After every step of the world: the place for what must hold at all times. */
  step?(kernel: Kernel): void;
}
