/**
 * A process that runs a module: the counterpart of the launcher and shim/sys for a native program. Its loop collects ready
 * handles, in an order that the seed decides, and delivers one event a step. The calls across the boundary are in calls/.
 */
import { trapWords } from '../../boundary/module.js';
import type { BoundaryCall, CallContext } from './calls/call.js';
import { boundary } from './calls/index.js';
import { FileDescription, WOULD_BLOCK } from '../kernel/open-file.js';
import { EIO, EPERM, EPIPE } from '../kernel/errno.js';
import { Delivered, MadeCall } from './call-record.js';
import { HandleTable } from './handles.js';
import { decode } from './memory.js';
import type { Instance, InstanceUser, Programs } from './instances.js';
import type { Kernel } from '../kernel/kernel.js';
import { type Delivery, type Fault, FAULT_TRAP } from '../kernel/events.js';
import type { Process, Runner } from '../kernel/process.js';
import { SIGKILL, SIGPIPE, SignalSet } from '../kernel/signals.js';
import type { SpawnDescription } from '../kernel/fork-exec.js';
import type { Settings } from '../kernel/tty/pty.js';
import type { ProgramName } from '../../boundary/programs.js';
import { EXIT_HOST, HANGUP, FileType } from '../../boundary/constants.js';

const EVENTS_A_TURN = 64;
/** __WASI_ERRNO_IO */
const WASI_IO_ERROR = 29;
/** A diagnostic line waits at most this long for room on stderr. */
const PRINT_DEADLINE_MS = 1_000;
/** Linux never splits a write as short as the boundary's records. */
const RECORD_BYTES = 16;
/** PIPE_BUF: a write of at most this size into a pipe is atomic. pipe(7) */
const ATOMIC_BYTES = 4096;

/** How many of the first descriptors may be given to a program; wshd's second stage gets up to three more. assembly/programs/wshd/handshake.ts */
const STANDARD = 3, GIVEN_MAX: Partial<Record<ProgramName, number>> = { 'wshd': 6, 'monitor': 32, 'warden-runtime': 32 };

/** Thrown through the module's frames to leave the module: its process has ended. */
class Left {}
const LEFT = new Left();

/** Takes the place of descriptors of the launcher's own: epoll's and signalfd's. */
class Internal extends FileDescription {
  get kind(): FileType { return FileType.OTHER; }
  constructor() { super(true, false); }
  poll(): number { return 0; }
}

/*
 * Records of which millions are made are classes, not literals: V8 drops a literal's hidden class when the last instance dies,
 * which deoptimises the code that uses it.
 */

class Ready {
  constructor(readonly handle: number, readonly generation: number, readonly events: number) {}
}
const SIGNALS = new Ready(0, 0, 0);

export class Guest implements Runner, InstanceUser, CallContext {
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly handles: HandleTable;
  /** Signals that the module receives by `onSignal`. */
  signals = new SignalSet();
  /** When `onDeadline` is due, in ms. */
  wakeAtMs = Infinity;
  /** The description of a process that spawn calls are filling in. */
  description: SpawnDescription | undefined;
  /** Children between fork and exec. */
  starting = 0;
  /** The terminal's settings before `setRawMode`. */
  settings: Settings | undefined;
  silent = false;
  /** Children that `kill` may name: started by the guest, or adopted. shim/sys/process.c */
  readonly children = new Set<Process>();
  /** Descriptors that the process was started with and has not adopted yet: shim/sys/policy.c. */
  readonly given = new Set<number>();
  /** The number of bytes that the current call may move. */
  private allowance = Infinity;
  private started = false;
  /** The first entry point to call. */
  private first: 'onStart' | 'onFork' = 'onStart';
  private readonly turn: Ready[] = [];
  private signalDescriptor = -1;
  private inside = false;
  private instance: Instance;

  constructor(readonly kernel: Kernel, private readonly programs: Programs, readonly process: Process, readonly program: ProgramName) {
    this.argv = process.argv;
    this.environment = process.environment;
    this.handles = new HandleTable(() => process.descriptors);
    this.instance = programs.acquire(program, boundary, this);
    for (let fd = 0; fd < (GIVEN_MAX[program] ?? STANDARD); fd++) if (process.descriptors.get(fd)) this.given.add(fd);
    process.descriptors.add(new Internal());
  }

  /** The runner of a child: a copy of the module, which begins with `onFork`. */
  forked(child: Process): Guest {
    const guest = new Guest(this.kernel, this.programs, child, this.program);
    guest.first = 'onFork';
    guest.instance.copyFrom(this.instance);
    guest.given.clear();
    for (const fd of this.given) guest.given.add(fd);
    this.handles.copyTo(guest.handles);
    return guest;
  }

  /** Leaves the module for good: the process executes another program. */
  left(): never {
    this.releaseInstance();
    throw LEFT;
  }

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
      return this.enter(this.first, 0, 0);
    }
    if (this.turn.length === 0) this.collect();
    while (this.turn.length > 0) if (this.deliver(this.turn.shift()!)) break;
    if (!this.process.ended && this.turn.length === 0 && this.wakeAtMs <= this.kernel.nowMs) {
      this.wakeAtMs = Infinity;
      this.enter('onDeadline', 0, 0);
    }
  }

  /**
   * The events that epoll_wait(2) would report, in an order that the seed decides; then the handles that epoll refuses because they
   * are always ready.
   */
  private collect(): void {
    if (this.kernel.observers.collected.length > 0) this.reportCollected();
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

  private reportCollected(): void {
    this.kernel.reportCollected(this.process, [...this.handles.watched].map(([handle, { description, wanted }]) => (
      { handle, wanted, events: description.alwaysReady ? wanted : description.poll() & (wanted | HANGUP) })));
  }

  /** False when an earlier event of the turn has closed the handle, or ended the interest. */
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
    this.kernel.reportDeliver(delivery);
    this.run(entry, first, second);
    this.kernel.reportDelivered(delivery);
  }

  /** A host in JavaScript calls wsh's `resize` between events: assembly/boundary/shim.ts. */
  resize(rows: number, columns: number): void { if (!this.process.ended) this.run('resize', rows, columns); }

  /** Runs the module until it returns or its process has ended. */
  private run(entry: Delivery['entry'] | 'resize', first: number, second: number): void {
    const run = this.instance.exports[entry] as (first: number, second: number) => void;
    this.inside = true;
    try {
      run(first, second);
    } catch (thrown) {
      this.leave(thrown);
    } finally {
      this.inside = false;
      if (this.process.ended) this.releaseInstance();
    }
  }

  /** An exception left the module: its process has ended, or the module trapped, and its `onTrap` decides what that costs. */
  private leave(thrown: unknown): void {
    if (thrown instanceof Left) return;
    if (!(thrown instanceof WebAssembly.RuntimeError) && !(thrown instanceof RangeError)) throw thrown;
    const words = trapWords(thrown);
    this.kernel.reportTrapped(this.process, words);
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
    // Signals that came while they were caught take their default action now.
    for (const signal of this.process.pending) {
      if (set.has(signal)) continue;
      this.process.pending.delete(signal);
      this.process.undergo(signal);
    }
    return 0;
  }

  // --- calls

  /** A call of the boundary: faults, interruptions, the call itself, then the observers. */
  call(to: BoundaryCall, siteId: number, numbers: readonly number[]): number {
    const { kernel, process } = this;
    const made = new MadeCall(process, to.name, process.calls++, numbers, siteId);
    const fault = kernel.plan && this.faultAt(made);
    if (fault?.trap) this.trap(to.name, numbers[0] ?? 0);
    if (kernel.random.chance(kernel.habits.interrupt)) kernel.interrupt();
    this.stayOnlyIfAlive();
    const result = this.carryOut(to, fault, numbers);
    if (result < 0 && to.describes && this.description) this.description.failed ||= result;
    made.result = result;
    if (this.allowance !== Infinity) made.size = this.allowance;
    kernel.reportCall(made);
    if (fault) this.suffer(fault);
    this.stayOnlyIfAlive();
    return result;
  }

  /** The call itself, or the failure that a fault makes of it. */
  private carryOut(to: BoundaryCall, fault: Fault | undefined, [a = 0, b = 0, c = 0, d = 0, e = 0]: readonly number[]): number {
    this.allowance = fault?.size ?? this.ownAllowance(to, a, c, e);
    if (fault?.errno !== undefined) return this.fail(fault, to.name, a, b);
    return this.mayCall(to) ? to.run(this, a, b, c, d, e) : -EPERM;
  }

  /** How many bytes the call may move where no fault says it. */
  private ownAllowance({ isStream, name }: BoundaryCall, a: number, c: number, e: number): number {
    return isStream ? this.allowanceOf(name, a, c, e) : Infinity;
  }

  /** The calls that start a container are gone once PID 1 serves. */
  private mayCall({ isStarting }: BoundaryCall): boolean { return !isStarting || !this.silent; }

  /** The effects of a fault after its call. */
  private suffer({ stallMs, kill }: Fault): void {
    const { kernel, process } = this;
    if (stallMs !== undefined) kernel.block(process, 'a stall', () => false, kernel.nowMs + stallMs);
    if (kill === 'after') process.end(SIGKILL);
  }

  /** Traps without making the call. A handle to close is closed first: modules remove it from their tables before they call `close`. */
  private trap(name: string, handle: number): never {
    if (name === 'close') this.handles.close(handle);
    throw new WebAssembly.RuntimeError(FAULT_TRAP);
  }

  /** Returns the fault's errno. Side effects of a failed call are those of shim/sys. */
  private fail({ errno, mute }: Fault, name: string, handle: number, other: number): number {
    // close(2): the descriptor is closed even when the call fails.
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

  /** Leaves the module if the process was killed while others ran in the middle of its call. */
  stayOnlyIfAlive(): void { if (this.process.ended) throw LEFT; }

  /** The part of a call's bytes that it may move, by the habit `shorten`: only what Linux might split, too. */
  private allowanceOf(name: string, handle: number, size: number, rest: number): number {
    const { random, habits } = this.kernel;
    if (!random.chance(habits.shorten) || !this.isByteStream(handle)) return Infinity;
    const asked = name === 'readv' || name === 'writev' ? size + rest : size, writes = name === 'write' || name === 'writev';
    if (asked <= (writes ? ATOMIC_BYTES : RECORD_BYTES)) return Infinity;
    const least = writes ? ATOMIC_BYTES : 1;
    // Half of the time a few bytes, else up to nearly all.
    return random.chance(0.5) ? random.between(least, Math.min(asked, least + 64)) : random.between(least, asked);
  }

  private isByteStream(handle: number): boolean {
    const description = this.handles.description(handle);
    if (!description || description.keepsMessages || description.alwaysReady) return false;
    return description.kind !== FileType.OTHER && description.kind !== FileType.FILE;
  }

  /** The part of `size` bytes that this call may move. */
  allowed(size: number): number { return Math.min(size >>> 0, this.allowance); }
  allowedOf(bytes: Uint8Array): Uint8Array { return bytes.length <= this.allowance ? bytes : bytes.subarray(0, this.allowance); }

  /** Waits, if the descriptor blocks, until an attempt does not return `WOULD_BLOCK`. */
  attempt(description: FileDescription, what: string, events: number, once: () => number): number {
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
      kernel.reportCall(made);
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
    this.kernel.reportPrint(this.process, fd, decode(bytes), sent);
    return sent === -EPIPE ? -EIO : sent;
  }

  exit(code: number): never {
    this.process.end((code & 0xff) << 8);
    throw LEFT;
  }

  ended(): void { if (!this.inside) this.releaseInstance(); }

  private releaseInstance(): void {
    if (this.instance.caller !== this) return;
    this.programs.release(this.instance);
  }
}

const NOTHING: readonly number[] = [];
