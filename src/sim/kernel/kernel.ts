/** The simulated machine: its processes, its clock, and the choice of the actor that takes the next step. */
import type { Call, CallEvent, Delivery, Fault, FaultPlan, Observer, Watched } from './events.js';
import { DescriptorTable } from './fd-table.js';
import { Directory } from './files.js';
import { MountNamespace, type View } from './mounts/mounts.js';
import { Observers } from './observers.js';
import type { FileDescription } from './open-file.js';
import { PipePages } from './pipe.js';
import {
  type Executable, type Limit, type Machine, type Origin, PidNamespace, Process, RLIMIT_NOFILE, type Runner, Session,
} from './process.js';
import { Random } from './random.js';
import { SIGKILL } from './signals.js';

/** Probabilities of behaviour that Linux allows but does not promise. */
export interface Habits {
  /** Per call that moves bytes: it moves fewer than it could. */
  shorten: number;
  /** Per call: other processes run before it takes effect. */
  interrupt: number;
}

export interface KernelOptions {
  /** Decides everything that happens by chance; 0 .. 2^53 - 1. */
  seed: number;
  plan?: FaultPlan | undefined;
  observers?: readonly Observer[] | undefined;
  habits?: Partial<Habits> | undefined;
  /** A run of more steps than this is stuck. */
  stepsMax?: number | undefined;
}

/** The simulation cannot go on: the run has no end, or a call blocks for ever. */
export class SimulationError extends Error {
  constructor(readonly seed: number, words: string) { super(`${words} (seed ${seed})`); }
}

/** Takes steps: a process, or a part of the world outside of the machine. */
export interface Actor {
  ready(): boolean;
  wakesAt(): number;
  step(): void;
}

const STEPS_MAX = 1_000_000;
/** Depth of interruptions of interruptions. */
const NESTING_MAX = 4;
const STEPS_AN_INTERRUPTION = 4;
const NOFILE_SOFT = 1024n, NOFILE_HARD = 4096n;

export abstract class Kernel implements Machine {
  readonly random: Random;
  readonly seed: number;
  readonly plan: FaultPlan | undefined;
  readonly habits: Readonly<Habits>;
  readonly observers = new Observers();
  readonly root = new Directory();
  readonly namespace = new PidNamespace(undefined);
  readonly init: Process;
  readonly view: View;
  /** Milliseconds since the start. */
  nowMs = 0;
  steps = 0;
  private readonly stepsMax: number;
  private readonly actors: Actor[] = [];
  private nesting = 0;
  private readonly pipePages = new Map<number, PipePages>();

  constructor(options: KernelOptions) {
    this.seed = options.seed;
    this.random = new Random(options.seed);
    this.plan = options.plan;
    this.observe(...options.observers ?? []);
    this.habits = { shorten: 0.1, interrupt: 0.1, ...options.habits };
    this.stepsMax = options.stepsMax ?? STEPS_MAX;
    const mounts = MountNamespace.of(this.root);
    this.view = { mounts, root: mounts.rootPlace, directory: mounts.rootPlace };
    this.init = new Process(this, this.origin(undefined));
    this.init.title = 'init';
  }

  abstract runnerOf(process: Process, executable: Executable): Runner;

  /** The attributes of a process that the machine itself starts. */
  private origin(parent: Process | undefined): Origin {
    const limits = new Map<number, Limit>([[RLIMIT_NOFILE, { soft: NOFILE_SOFT, hard: NOFILE_HARD }]]);
    return {
      parent, namespace: this.namespace, view: { ...this.view }, descriptors: new DescriptorTable(Number(NOFILE_SOFT)),
      uid: 0, gid: 0, session: parent?.session ?? new Session(undefined), group: parent?.group ?? 0, limits,
    };
  }

  /** The account of pipes' pages of a user without privileges; none for root. */
  pipePagesOf(uid: number): PipePages | undefined {
    if (uid === 0) return undefined;
    let pages = this.pipePages.get(uid);
    if (!pages) this.pipePages.set(uid, pages = new PipePages());
    return pages;
  }

  /** Running processes and zombies, without the machine's init. */
  get processes(): Process[] { return this.actors.filter((actor): actor is Process => actor instanceof Process); }

  add(actor: Actor): void { this.actors.push(actor); }
  remove(actor: Actor): void {
    const at = this.actors.indexOf(actor);
    if (at >= 0) this.actors.splice(at, 1);
  }

  /**
   * One step of a ready actor. Without one, the clock moves to the next moment at which an actor is ready. False when nothing can
   * happen any more.
   */
  step(): boolean { return this.stepOfReady() || this.advanceClock(); }

  /** Does not move the clock. */
  private stepOfReady(): boolean {
    const ready = this.actors.filter((actor) => actor.ready());
    if (ready.length === 0) return false;
    if (++this.steps > this.stepsMax) throw new SimulationError(this.seed, `no end after ${this.stepsMax} steps: ${this.readyNames()}`);
    ready[this.random.below(ready.length)]!.step();
    for (const report of this.observers.step) report();
    return true;
  }

  private advanceClock(): boolean {
    let next = Infinity;
    for (const actor of this.actors) {
      const wakesAt = actor.wakesAt();
      // Skip actors whose deadline has passed: they are blocked in a nested call.
      if (wakesAt > this.nowMs && wakesAt < next) next = wakesAt;
    }
    if (next === Infinity) return false;
    this.setClock(next);
    return true;
  }

  setClock(nowMs: number): void {
    this.nowMs = nowMs;
    for (const report of this.observers.clock) report(nowMs);
  }

  /** Lets others run in the middle of a process's call: a real machine may do so at any moment. */
  interrupt(): void {
    if (this.nesting >= NESTING_MAX) return;
    this.nesting++;
    try {
      for (let left = this.random.between(1, STEPS_AN_INTERRUPTION); left > 0 && this.stepOfReady(); left--);
    } finally {
      this.nesting--;
    }
  }

  /**
   * Ends every process, without events. The next simulation uses the module instances again: a process that has not ended keeps
   * its instance, and the next simulation has to make a new one.
   */
  end(): void {
    this.observers.clear();
    for (const process of this.processes) process.end(SIGKILL);
  }

  [Symbol.dispose](): void { this.end(); }

  /** A call that blocks: others run until the condition holds, or until the deadline. */
  block(process: Process, call: string, until: () => boolean, untilMs = Infinity): void {
    const waiter: Actor = { ready: () => false, wakesAt: () => untilMs, step: () => undefined };
    this.add(waiter);
    try {
      while (!process.ended && !until() && this.nowMs < untilMs) {
        if (!this.step()) throw new SimulationError(this.seed, `${process.name} blocks for ever in ${call}`);
      }
    } finally {
      this.remove(waiter);
    }
  }

  signalGroup(session: Session, group: number, signal: number): void {
    for (const process of this.processes) if (process.session === session && process.group === group) process.receive(signal);
  }

  private readyNames(): string {
    return this.processes.filter((process) => process.ready()).map((process) => process.name).join(', ') || 'no process is ready';
  }

  faultAt(call: Call): Fault | undefined { return this.plan?.at(call); }

  /** Adds observers behind the present ones. */
  observe(...observers: readonly Observer[]): void { this.observers.add(...observers); }

  reportCall(event: CallEvent): void { for (const report of this.observers.call) report(event); }
  reportDeliver(delivery: Delivery): void { for (const report of this.observers.deliver) report(delivery); }
  reportDelivered(delivery: Delivery): void { for (const report of this.observers.delivered) report(delivery); }
  reportScript(process: Process, step: string, result: number, bytes?: Uint8Array): void {
    for (const report of this.observers.script) report(process, step, result, bytes);
  }
  reportPrint(process: Process, fd: number, text: string, result: number): void {
    for (const report of this.observers.print) report(process, fd, text, result);
  }
  reportCollected(process: Process, watched: readonly Watched[]): void {
    for (const report of this.observers.collected) report(process, watched);
  }
  reportOutside(end: FileDescription, call: 'read' | 'write' | 'close', size: number, result: number, bytes: Uint8Array): void {
    for (const report of this.observers.outside) report(end, call, size, result, bytes);
  }
  reportStarted(process: Process): void { for (const report of this.observers.started) report(process); }
  reportExecuted(process: Process): void { for (const report of this.observers.executed) report(process); }
  reportExited(process: Process): void { for (const report of this.observers.exited) report(process); }
  reportTrapped(process: Process, words: string): void { for (const report of this.observers.trapped) report(process, words); }
}
