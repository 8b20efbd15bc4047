/**
 * A process that runs a module: what the launcher and shim/sys are to a native program. Its loop collects what is ready,
 * in an order of the seed's, and delivers it, a step each; its calls across the boundary are in calls/.
 */
import { trapWords } from '../host/module.js';
import { boundary, type BoundaryCall } from './calls/index.js';
import { Description, WOULD_BLOCK } from './description.js';
import { EIO, EPIPE } from './errno.js';
import { HandleTable } from './handles.js';
import { decode } from './memory.js';
import type { Caller, Instance } from './programs.js';
import { type Call, type CallEvent, type Delivery, type Fault, FAULT_TRAP } from './plan.js';
import type { Process, Runner } from './process.js';
import { SIGKILL, SIGPIPE, SignalSet } from './signals.js';
import type { SpawnDescription } from './spawn.js';
import type { Settings } from './pty.js';
import type { ProgramName } from './files.js';
import { EXIT_HOST, HANGUP, Kind } from '../vocabulary.js';

const EVENTS_A_TURN = 64;
/** __WASI_ERRNO_IO */
const WASI_IO_ERROR = 29;
/** A line of diagnostics is not worth more waiting than this. */
const PRINT_DEADLINE_MS = 1_000;
/** Bytes read at once that the boundary's other side wrote at once: Linux never parts them. */
const RECORD_BYTES = 16;
/** PIPE_BUF: what is written into a pipe as a whole or not at all. pipe(7) */
const ATOMIC_BYTES = 4096;

/** How many of the first descriptors may be given to a program; wshd's second stage gets two more. assembly/wshd/stages.ts */
const STANDARD = 3, GIVEN_MAX: Partial<Record<ProgramName, number>> = { wshd: 5 };

/** Thrown through the module's frames to leave it: its process has ended. */
class Left {}
const LEFT = new Left();

/** What stands for descriptors of the launcher's own: epoll's and signalfd's. */
class Internal extends Description {
  get kind(): Kind { return Kind.OTHER; }
  constructor() { super(true, false); }
  poll(): number { return 0; }
}

/*
 * Records that come and go by the million are classes: what describes the shape of a literal is forgotten with the last of
 * its objects, and V8 then compiles anew whatever was compiled for it.
 */

class Ready {
  constructor(readonly handle: number, readonly generation: number, readonly events: number) {}
}
const SIGNALS = new Ready(0, 0, 0);

class MadeCall implements Call, CallEvent {
  result = 0;
  size: number | undefined = undefined;
  fault: Fault | undefined = undefined;

  constructor(readonly process: Process, readonly name: string, readonly number: number, readonly args: readonly number[],
    readonly siteId: number) {}

  site(): string { return callSite(); }
}

class Delivered implements Delivery {
  constructor(readonly process: Process, readonly entry: Delivery['entry'], readonly first: number, readonly second: number) {}
}

export class Guest implements Runner, Caller {
  readonly handles: HandleTable;
  /** What the module asked to get as `onSignal`. */
  signals = new SignalSet();
  /** When `onDeadline` is due. */
  wakeAtMs = Infinity;
  /** The process that is being described. */
  description: SpawnDescription | undefined;
  /** Processes that were started and have not executed yet. */
  starting = 0;
  /** The terminal's settings before `raw`. */
  settings: Settings | undefined;
  silent = false;
  /** Descriptors that it was started with, and has not taken over yet: shim/sys/policy.c. */
  readonly given = new Set<number>();
  /** Bytes that the call which is being made may move. */
  private allowance = Infinity;
  private started = false;
  private readonly turn: Ready[] = [];
  private signalDescriptor = -1;
  private inside = false;
  private instance: Instance;

  constructor(readonly process: Process, readonly program: ProgramName, readonly argv: readonly string[],
    readonly environment: readonly string[]) {
    this.handles = new HandleTable(() => process.descriptors);
    this.instance = process.kernel.programs.acquire(program, boundary, this);
    for (let fd = 0; fd < (GIVEN_MAX[program] ?? STANDARD); fd++) if (process.descriptors.get(fd)) this.given.add(fd);
    process.descriptors.add(new Internal());
  }

  get kernel(): Process['kernel'] { return this.process.kernel; }

  // --- memory

  get memoryBytes(): number { return this.instance.memory.size; }
  bytes(at: number, size: number): Uint8Array | undefined { return this.instance.memory.bytes(at, size); }
  writable(at: number, size: number): Uint8Array | undefined { return this.instance.memory.writable(at, size); }
  string(at: number): string | undefined { return this.instance.memory.string(at); }
  store(at: number, ...numbers: readonly number[]): boolean { return this.instance.memory.store(at, ...numbers); }

  // --- the loop

  ready(): boolean {
    if (!this.started || this.turn.length > 0 || this.wakeAtMs <= this.kernel.nowMs || this.hasSignals()) return true;
    for (const { wanted, description, muted } of this.handles.watched.values()) {
      if (muted) continue;
      if (description.alwaysReady || (description.poll() & (wanted | HANGUP)) !== 0) return true;
    }
    return false;
  }

  wakesAt(): number { return this.wakeAtMs; }
  private hasSignals(): boolean { return this.process.pending.intersects(this.signals); }

  step(): void {
    if (!this.started) {
      this.started = true;
      return this.enter('onStart', 0, 0);
    }
    if (this.turn.length === 0) this.collect();
    while (this.turn.length > 0) if (this.deliver(this.turn.shift()!)) break;
    if (!this.process.ended && this.turn.length === 0 && this.wakeAtMs <= this.kernel.nowMs) {
      this.wakeAtMs = Infinity;
      this.enter('onDeadline', 0, 0);
    }
  }

  /** What epoll_wait(2) would report, in an order of the seed's, then what it refuses because it is always ready. */
  private collect(): void {
    if (this.kernel.audience.collected.length > 0) this.tellCollected();
    const always: Ready[] = [];
    if (this.hasSignals()) this.turn.push(SIGNALS);
    for (const [handle, { description, wanted, generation, muted }] of this.handles.watched) {
      if (muted) continue;
      if (description.alwaysReady) always.push(new Ready(handle, generation, wanted));
      else {
        const events = description.poll() & (wanted | HANGUP);
        if (events !== 0) this.turn.push(new Ready(handle, generation, events));
      }
    }
    this.kernel.random.shuffle(this.turn);
    if (this.turn.length > EVENTS_A_TURN) this.turn.length = EVENTS_A_TURN;
    this.turn.push(...always.sort((a, b) => a.handle - b.handle));
  }

  private tellCollected(): void {
    this.kernel.tellCollected(this.process, [...this.handles.watched].map(([handle, { description, wanted }]) => (
      { handle, wanted, events: description.alwaysReady ? wanted : description.poll() & (wanted | HANGUP) })));
  }

  /** False when it is not wanted any more: an earlier event of the turn has closed it, or ended the interest. */
  private deliver(event: Ready): boolean {
    if (event === SIGNALS) return this.deliverSignals();
    const slot = this.handles.get(event.handle);
    if (!slot || slot.generation !== event.generation || slot.wanted === 0) return false;
    this.enter('onReady', event.handle, slot.description.alwaysReady ? slot.wanted : event.events);
    return true;
  }

  private deliverSignals(): boolean {
    let any = false;
    for (const signal of this.process.pending) {
      if (!this.signals.has(signal)) continue;
      this.process.pending.delete(signal);
      any = true;
      this.enter('onSignal', signal, 0);
      if (this.process.ended) break;
    }
    return any;
  }

  private enter(entry: Delivery['entry'], first: number, second: number): void {
    const delivery = new Delivered(this.process, entry, first, second);
    this.kernel.tellDeliver(delivery);
    this.run(entry, first, second);
    this.kernel.tellDelivered(delivery);
  }

  /** What a host in JavaScript asks of wsh between events: assembly/shim.ts. */
  resize(rows: number, columns: number): void { if (!this.process.ended) this.run('resize', rows, columns); }

  /** Runs the module, until it returns or its process has ended. */
  private run(entry: Delivery['entry'] | 'resize', first: number, second: number): void {
    const run = this.instance.exports[entry] as (first: number, second: number) => void;
    this.inside = true;
    try {
      run(first, second);
    } catch (thrown) {
      this.leave(thrown);
    } finally {
      this.inside = false;
      if (this.process.ended) this.letGo();
    }
  }

  /** The module was left by an exception: its process has ended, or it trapped and says what that costs. */
  private leave(thrown: unknown): void {
    if (thrown instanceof Left) return;
    if (!(thrown instanceof WebAssembly.RuntimeError) && !(thrown instanceof RangeError)) throw thrown;
    const words = trapWords(thrown);
    this.kernel.tellTrapped(this.process, words);
    try {
      this.print(2, new TextEncoder().encode(`${this.program}: ${words}\n`));
      const code = this.instance.exports.onTrap();
      if (code >= 0) this.process.end((code & 0xff) << 8);
    } catch (second) {
      if (second instanceof Left) return;
      if (!(second instanceof WebAssembly.RuntimeError) && !(second instanceof RangeError)) throw second;
      this.process.end(EXIT_HOST << 8);
    }
  }

  // --- signals

  catches(signal: number): boolean { return this.signals.has(signal); }
  ignores(signal: number): boolean { return signal === SIGPIPE; }

  setSignals(set: SignalSet): number {
    this.signals = set;
    if (this.signalDescriptor < 0) {
      const fd = this.process.descriptors.add(new Internal());
      if (fd < 0) return fd;
      this.signalDescriptor = fd;
    }
    // What came while it was caught does now what it does by default.
    for (const signal of this.process.pending) {
      if (set.has(signal)) continue;
      this.process.pending.delete(signal);
      this.process.undergo(signal);
    }
    return 0;
  }

  // --- calls

  /** A call of the boundary: faults, interruptions, the call itself, and who is told. */
  call(to: BoundaryCall, siteId: number, numbers: readonly number[]): number {
    const { kernel, process } = this, { name } = to, [a = 0, b = 0, c = 0, d = 0, e = 0] = numbers;
    const made = new MadeCall(process, name, process.calls++, numbers, siteId);
    const fault = kernel.plan && this.faultAt(made);
    if (fault?.trap) this.trap(name, a);
    if (kernel.random.chance(kernel.habits.interrupt)) kernel.interrupt();
    this.stayOnlyIfAlive();
    this.allowance = fault?.size ?? (to.isStream ? this.allowanceOf(name, a, c, e) : Infinity);
    const result = fault?.errno === undefined ? to.run(this, a, b, c, d, e) : this.fail(fault, name, a, b);
    if (result < 0 && to.describes && this.description) this.description.failed ||= result;
    made.result = result;
    if (this.allowance !== Infinity) made.size = this.allowance;
    kernel.tellCall(made);
    if (fault) this.suffer(fault);
    this.stayOnlyIfAlive();
    return result;
  }

  /** What a fault does behind its call. */
  private suffer({ stallMs, kill }: Fault): void {
    const { kernel, process } = this;
    if (stallMs !== undefined) kernel.block(process, 'a stall', () => false, kernel.nowMs + stallMs);
    if (kill === 'after') process.end(SIGKILL);
  }

  /** The call is not made; but what a module closes has left its tables before, and nothing can trap in between. */
  private trap(name: string, handle: number): never {
    if (name === 'close') this.handles.close(handle);
    throw new WebAssembly.RuntimeError(FAULT_TRAP);
  }

  /** Answers with the fault's errno; what a call does all the same, or leaves undone, is as in shim/sys. */
  private fail({ errno, mute }: Fault, name: string, handle: number, other: number): number {
    // close(2): the descriptor is gone, whatever the answer is.
    if (name === 'close') this.handles.close(handle);
    if (name === 'spawnBegin') this.description = undefined;
    if (mute) for (const each of name === 'splice' ? [handle, other] : [handle]) this.handles.mute(each);
    return -errno!;
  }

  private faultAt(made: MadeCall): Fault | undefined {
    const fault = made.fault = this.kernel.faultAt(made);
    if (fault?.jumpMs !== undefined) this.kernel.setClock(this.kernel.nowMs + fault.jumpMs);
    if (fault?.kill === 'before') this.process.end(SIGKILL);
    this.stayOnlyIfAlive();
    return fault;
  }

  /** The process may have been killed while others ran in the middle of its call. */
  stayOnlyIfAlive(): void { if (this.process.ended) throw LEFT; }

  /** How much of what a call asks to move it may, by habit: only what Linux might part, too. */
  private allowanceOf(name: string, handle: number, size: number, rest: number): number {
    const { random, habits } = this.kernel;
    if (!random.chance(habits.shorten)) return Infinity;
    const description = this.handles.description(handle);
    if (!description || description.alwaysReady || description.kind === Kind.OTHER || description.kind === Kind.FILE) return Infinity;
    const asked = name === 'readv' || name === 'writev' ? size + rest : size, writes = name === 'write' || name === 'writev';
    if (asked <= (writes ? ATOMIC_BYTES : RECORD_BYTES)) return Infinity;
    const least = writes ? ATOMIC_BYTES : 1;
    // Often a few bytes, sometimes nearly all.
    return random.chance(0.5) ? random.between(least, Math.min(asked, least + 64)) : random.between(least, asked);
  }

  /** Of so many bytes, those that this call may move. */
  allowed(size: number): number { return Math.min(size >>> 0, this.allowance); }
  allowedOf(bytes: Uint8Array): Uint8Array { return bytes.length <= this.allowance ? bytes : bytes.subarray(0, this.allowance); }

  /** Waits, where the descriptor blocks, until an attempt would not. */
  attempt(description: Description, what: string, events: number, once: () => number): number {
    for (;;) {
      const result = once();
      if (result !== WOULD_BLOCK || description.nonblocking) return result;
      this.kernel.block(this.process, what, () => (description.poll() & (events | HANGUP)) !== 0);
      this.stayOnlyIfAlive();
    }
  }

  // --- WASI

  wasi(name: string, siteId: number, run: () => number): number {
    const { kernel, process } = this, made = new MadeCall(process, name, process.calls, NOTHING, siteId);
    const fault = kernel.plan && this.faultAt(made);
    if (fault?.trap) this.trap(name, 0);
    const result = fault?.errno === undefined ? run() : WASI_IO_ERROR;
    if (fault?.errno !== undefined) {
      made.result = -fault.errno;
      kernel.tellCall(made);
    }
    if (fault) this.suffer(fault);
    this.stayOnlyIfAlive();
    return result;
  }

  nowMs(): number { return this.kernel.nowMs; }

  print(fd: number, bytes: Uint8Array): number {
    if (this.silent) return bytes.length;
    const description = this.process.descriptors.get(fd);
    if (!description) return -EIO;
    const room = (): boolean => (description.poll() & ~1) !== 0;
    if (!room()) this.kernel.block(this.process, 'a message', room, this.kernel.nowMs + PRINT_DEADLINE_MS);
    this.stayOnlyIfAlive();
    const sent = room() ? description.write(bytes) : -EIO;
    this.kernel.tellPrint(this.process, fd, decode(bytes), sent);
    return sent === -EPIPE ? -EIO : sent;
  }

  exit(code: number): never {
    this.process.end((code & 0xff) << 8);
    throw LEFT;
  }

  ended(): void { if (!this.inside) this.letGo(); }

  private letGo(): void {
    if (this.instance.caller !== this) return;
    this.kernel.programs.release(this.instance);
  }
}

const NOTHING: readonly number[] = [];

/** The innermost frame of a module on the stack. */
function callSite(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 20;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  return /wasm-(function\[\d+\]:0x[\da-f]+)/.exec(stack)?.[1] ?? 'unknown';
}
