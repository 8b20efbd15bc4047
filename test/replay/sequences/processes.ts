/** Processes: fork, signals, stop and continue, sessions, death signals, wait. test/replay/linux/sequences/process.c */
import { ECHILD, EPERM } from '../../../src/sim/kernel/errno.js';
import { DescriptorTable } from '../../../src/sim/kernel/fd-table.js';
import { Directory } from '../../../src/sim/kernel/files.js';
import { originOf } from '../../../src/sim/kernel/fork-exec.js';
import { MountNamespace } from '../../../src/sim/kernel/mounts/mounts.js';
import { type Machine, PidNamespace, Process, type Runner, Session } from '../../../src/sim/kernel/process.js';
import { SIGNAL_MAX, SignalSet } from '../../../src/sim/kernel/signals.js';
import { chosen, type Kind, often, type Operation, type Played, type Step, type Subject } from './sequence.js';

const PROCESSES_MAX = 7;
/** All that the simulated programs send or get, and two of each default action. */
const SIGNALS = [1, 2, 3, 9, 10, 12, 13, 15, 17, 18, 18, 18, 19, 19, 20, 21, 22, 23, 28, 0];
const enum State { RUNNING, STOPPED, ZOMBIE, GONE }

/** A process that does nothing but what the sequence says. */
class Idle implements Runner {
  readonly caught = new SignalSet();
  readonly ignored = new SignalSet();
  ready(): boolean { return false; }
  wakesAt(): number { return Infinity; }
  step(): void { throw new Error('an idle process takes no step'); }
  catches(signal: number): boolean { return this.caught.has(signal); }
  ignores(signal: number): boolean { return this.ignored.has(signal); }
  ended(): void { /* Nothing runs. */ }
}

class Family implements Machine {
  readonly init: Process;

  constructor() {
    const mounts = MountNamespace.of(new Directory()), view = { mounts, root: mounts.rootPlace, directory: mounts.rootPlace };
    this.init = new Process(this, {
      parent: undefined, namespace: new PidNamespace(undefined), view, descriptors: new DescriptorTable(64), uid: 0, gid: 0,
      session: new Session(undefined), group: 0, limits: new Map(),
    });
  }

  add(): void { /* Sequences keep their processes. */ }
  remove(): void { /* As above. */ }
  runnerOf(): Runner { return new Idle(); }
  signalGroup(): void { throw new Error('there is no terminal'); }
  reportStarted(): void { /* There is no observer. */ }
  reportExecuted(): void { /* As above. */ }
  reportExited(): void { /* As above. */ }
}

class Processes implements Subject {
  private readonly family = new Family();
  private readonly all: Process[] = [];
  private readonly operations: readonly Operation[];

  constructor() {
    this.operations = [
      ...often(3, (a) => this.fork(a)), ...often(6, (a, b, c) => this.signal(a, b, c)), (a) => this.setsid(a),
      ...often(2, (a, b) => this.ignore(a, b)), ...often(2, (a, b) => this.catch(a, b)), ...often(2, (a) => this.taken(a)),
      (a, b) => this.deathSignal(a, b), (a, b) => this.exit(a, b), ...often(2, (a, b) => this.wait(a, b)),
    ];
  }

  play([operation, a, b, c]: Step): Played | undefined {
    const played = this.all.length === 0 ? this.begin() : chosen(this.operations, operation)!(a, b, c);
    if (!played || this.all.length === 1) return played;
    const states = this.all.slice(1).map((process) => stateOf(process)).join(' ');
    return { line: `${played.line}\nstates ${states}`, result: `${played.result}\n${states}` };
  }

  private start(parent: Process): void {
    const process = new Process(this.family, originOf(parent, new DescriptorTable(64))), runner = new Idle();
    // Dispositions and the mask come from the parent: fork(2).
    if (parent.runner instanceof Idle) {
      for (const signal of parent.runner.caught) runner.caught.add(signal);
      for (const signal of parent.runner.ignored) runner.ignored.add(signal);
    }
    process.runner = runner;
    this.all.push(process);
  }

  private begin(): Played {
    this.start(this.family.init);
    this.all[0]!.becomeSessionLeader();
    return { line: 'processes', result: '0' };
  }

  /** A process that can do something: its number. */
  private acting(a: number): number {
    const able = [...this.all.keys()].filter((id) => stateOf(this.all[id]!) === State.RUNNING);
    return chosen(able, a)!;
  }

  private fork(a: number): Played | undefined {
    const parent = this.acting(a);
    if (this.all.length > PROCESSES_MAX) return undefined;
    this.start(this.all[parent]!);
    return { line: `fork ${parent} ${this.all.length - 1}`, result: '0' };
  }

  /** Not to the sequence's own process, which has to go on, and not to one that is not there any more. */
  private signal(a: number, b: number, c: number): Played | undefined {
    const from = this.acting(a), to = 1 + b % Math.max(this.all.length - 1, 1), target = this.all[to], signal = chosen(SIGNALS, c)!;
    if (!target || stateOf(target) === State.GONE || (from === to && from !== 0 && signal !== 0)) return undefined;
    target.receive(signal);
    return { line: `signal ${from} ${to} ${signal}`, result: '0' };
  }

  private setsid(a: number): Played | undefined {
    const id = this.acting(a), process = this.all[id]!;
    if (id === 0) return undefined;
    if (process.group === process.pid) return { line: `setsid ${id}`, result: String(-EPERM) };
    process.becomeSessionLeader();
    return { line: `setsid ${id}`, result: '0' };
  }

  private runner(id: number): Idle { return this.all[id]!.runner as Idle; }

  private catchable(b: number): number | undefined { return [1, 2, 10, 12, 15, 17, 18, 20, 28][b % 9]; }

  private ignore(a: number, b: number): Played | undefined {
    const id = this.acting(a), signal = this.catchable(b)!;
    // Linux reaps the children of a process that ignores SIGCHLD; the simulated programs never do.
    if (signal === 17) return undefined;
    this.runner(id).ignored.add(signal);
    this.all[id]!.pending.delete(signal);
    return { line: `ignore ${id} ${signal}`, result: '0' };
  }

  private catch(a: number, b: number): Played | undefined {
    const id = this.acting(a), signal = this.catchable(b)!;
    this.runner(id).caught.add(signal);
    return { line: `catch ${id} ${signal}`, result: '0' };
  }

  private taken(a: number): Played | undefined {
    const id = this.acting(a), { pending } = this.all[id]!;
    let bits = 0;
    for (const signal of pending) {
      pending.delete(signal);
      bits |= 1 << signal;
    }
    return { line: `taken ${id}`, result: String(bits) };
  }

  private deathSignal(a: number, b: number): Played | undefined {
    const id = this.acting(a), signal = [9, 15, 0, 10][b % 4]!;
    if (id === 0) return undefined;
    this.all[id]!.deathSignal = signal;
    return { line: `deathsignal ${id} ${signal}`, result: '0' };
  }

  private exit(a: number, b: number): Played | undefined {
    const id = this.acting(a), code = b % 256;
    if (id === 0) return undefined;
    this.all[id]!.end(code << 8);
    return { line: `exit ${id} ${code}`, result: '0' };
  }

  private wait(a: number, b: number): Played | undefined {
    const parent = this.acting(a), id = 1 + b % Math.max(this.all.length - 1, 1), child = this.all[id];
    if (!child || child.pid > SIGNAL_MAX) return undefined;
    const line = `wait ${parent} ${id}`;
    if (!this.all[parent]!.children.includes(child)) return { line, result: String(-ECHILD) };
    if (!child.ended) return { line, result: '-1' };
    child.reap();
    return { line, result: String(child.status) };
  }
}

function stateOf(process: Process): State {
  if (process.reaped) return State.GONE;
  if (process.ended) return State.ZOMBIE;
  return process.stopped ? State.STOPPED : State.RUNNING;
}

export const processes: Kind = { name: 'processes', stepsMax: 40, fresh: 1000, patience: [], begin: () => new Processes() };
