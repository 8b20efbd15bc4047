/** The simulated machine: its processes, its clock, and who takes the next step. */
import { Audience } from './audience.js';
import { Directory } from './files.js';
import { MountNamespace, type View } from './mounts.js';
import type { Description } from './description.js';
import type { Call, CallEvent, Delivery, Fault, FaultPlan, Observer, Watched } from './plan.js';
import { type Limit, type Origin, PidNamespace, Process, RLIMIT_NOFILE, Session } from './process.js';
import type { Programs } from './programs.js';
import { Random } from './random.js';
import { SIGKILL } from './signals.js';
import { DescriptorTable } from './descriptors.js';

/** How often what is allowed to vary does: probabilities. */
export interface Habits {
  /** Per call that moves bytes: fewer than it could. */
  shorten: number;
  /** Per call: other processes run before it takes effect. */
  interrupt: number;
}

export interface KernelOptions {
  programs: Programs;
  /** Decides everything that happens by chance; 0 .. 2^53 - 1. */
  seed: number;
  plan?: FaultPlan | undefined;
  observers?: readonly Observer[] | undefined;
  habits?: Partial<Habits> | undefined;
  /** A run that takes more steps than this is stuck. */
  stepsMax?: number | undefined;
}

/** The simulation itself cannot go on: a run without an end, a call that blocks for ever. */
export class SimulationError extends Error {
  constructor(readonly seed: number, words: string) { super(`${words} (seed ${seed})`); }
}

/** Whoever takes steps: processes, and what stands for the world outside. */
export interface Actor {
  ready(): boolean;
  wakesAt(): number;
  step(): void;
}

const STEPS_MAX = 1_000_000;
/** Interruptions of interruptions. */
const NESTING_MAX = 4;
const STEPS_AN_INTERRUPTION = 4;
const NOFILE_SOFT = 1024n, NOFILE_HARD = 4096n;

export class Kernel {
  readonly random: Random;
  readonly programs: Programs;
  readonly seed: number;
  readonly plan: FaultPlan | undefined;
  readonly habits: Readonly<Habits>;
  readonly audience = new Audience();
  readonly root = new Directory();
  readonly namespace = new PidNamespace(undefined);
  /** Takes in the host's orphans, and reaps them at once. */
  readonly init: Process;
  readonly view: View;
  /** Milliseconds since the start. */
  nowMs = 0;
  steps = 0;
  private readonly stepsMax: number;
  private readonly actors: Actor[] = [];
  private nesting = 0;

  constructor(options: KernelOptions) {
    this.seed = options.seed;
    this.random = new Random(options.seed);
    this.programs = options.programs;
    this.plan = options.plan;
    this.observe(...options.observers ?? []);
    this.habits = { shorten: 0.1, interrupt: 0.1, ...options.habits };
    this.stepsMax = options.stepsMax ?? STEPS_MAX;
    const mounts = MountNamespace.of(this.root);
    this.view = { mounts, root: mounts.rootPlace, directory: mounts.rootPlace };
    this.init = new Process(this, this.origin(undefined));
    this.init.title = 'init';
  }

  /** What a process has that the machine starts. */
  origin(parent: Process | undefined): Origin {
    const limits = new Map<number, Limit>([[RLIMIT_NOFILE, { soft: NOFILE_SOFT, hard: NOFILE_HARD }]]);
    return {
      parent, namespace: this.namespace, view: { ...this.view }, descriptors: new DescriptorTable(Number(NOFILE_SOFT)),
      uid: 0, gid: 0, session: parent?.session ?? new Session(undefined), group: parent?.group ?? 0, limits,
    };
  }

  /** All that live, and zombies; without the machine's own. */
  get processes(): Process[] { return this.actors.filter((actor): actor is Process => actor instanceof Process); }

  add(actor: Actor): void { this.actors.push(actor); }
  remove(actor: Actor): void {
    const at = this.actors.indexOf(actor);
    if (at >= 0) this.actors.splice(at, 1);
  }
  forget(process: Process): void { this.remove(process); }

  /** One step of whoever is ready, or the clock's to the next moment at which somebody is. False: nothing will happen any more. */
  step(): boolean { return this.stepOfReady() || this.advanceClock(); }

  /** Without moving the clock. */
  private stepOfReady(): boolean {
    const ready = this.actors.filter((actor) => actor.ready());
    if (ready.length === 0) return false;
    if (++this.steps > this.stepsMax) throw new SimulationError(this.seed, `no end after ${this.stepsMax} steps: ${this.describe()}`);
    ready[this.random.below(ready.length)]!.step();
    this.tellStep();
    return true;
  }

  private advanceClock(): boolean {
    let next = Infinity;
    for (const actor of this.actors) {
      const wakesAt = actor.wakesAt();
      // Whose time has come already waits for others to come back to it.
      if (wakesAt > this.nowMs && wakesAt < next) next = wakesAt;
    }
    if (next === Infinity) return false;
    this.setClock(next);
    return true;
  }

  setClock(nowMs: number): void {
    this.nowMs = nowMs;
    for (const tell of this.audience.clock) tell(nowMs);
  }

  /** Lets others run in the middle of a process's call, as a real machine may at any moment. */
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
   * Ends everything that still runs, without telling anybody. What the modules ran in is used again by the next simulation:
   * one that is not ended costs the next a new instance for each of its processes.
   */
  end(): void {
    this.audience.clear();
    for (const process of this.processes) process.end(SIGKILL);
  }

  [Symbol.dispose](): void { this.end(); }

  /** A call that blocks: others run until it need not any more, or until the time has come. */
  block(process: Process, what: string, until: () => boolean, untilMs = Infinity): void {
    const waiter: Actor = { ready: () => false, wakesAt: () => untilMs, step: () => undefined };
    this.add(waiter);
    try {
      while (!process.ended && !until() && this.nowMs < untilMs) {
        if (!this.step()) throw new SimulationError(this.seed, `${process.name} blocks for ever in ${what}`);
      }
    } finally {
      this.remove(waiter);
    }
  }

  signalGroup(session: Session, group: number, signal: number): void {
    for (const process of this.processes) if (process.session === session && process.group === group) process.receive(signal);
  }

  /** What everybody does, for a run that does not end. */
  private describe(): string {
    return this.processes.filter((process) => process.ready()).map((process) => process.name).join(', ') || 'nobody is ready';
  }

  faultAt(call: Call): Fault | undefined { return this.plan?.at(call); }

  /** Who is told of everything from now on, behind those who are told already. */
  observe(...observers: readonly Observer[]): void { this.audience.add(...observers); }

  tellCall(event: CallEvent): void { for (const tell of this.audience.call) tell(event); }
  tellDeliver(delivery: Delivery): void { for (const tell of this.audience.deliver) tell(delivery); }
  tellDelivered(delivery: Delivery): void { for (const tell of this.audience.delivered) tell(delivery); }
  tellScript(process: Process, step: string, result: number, bytes?: Uint8Array): void {
    for (const tell of this.audience.script) tell(process, step, result, bytes);
  }
  tellPrint(process: Process, fd: number, text: string, result: number): void {
    for (const tell of this.audience.print) tell(process, fd, text, result);
  }
  tellCollected(process: Process, watched: readonly Watched[]): void {
    for (const tell of this.audience.collected) tell(process, watched);
  }
  tellOutside(end: Description, what: 'read' | 'write' | 'close', size: number, result: number, bytes: Uint8Array): void {
    for (const tell of this.audience.outside) tell(end, what, size, result, bytes);
  }
  tellStarted(process: Process): void { for (const tell of this.audience.started) tell(process); }
  tellExecuted(process: Process): void { for (const tell of this.audience.executed) tell(process); }
  tellExited(process: Process): void { for (const tell of this.audience.exited) tell(process); }
  tellTrapped(process: Process, words: string): void { for (const tell of this.audience.trapped) tell(process, words); }
  private tellStep(): void { for (const tell of this.audience.step) tell(this); }
}
