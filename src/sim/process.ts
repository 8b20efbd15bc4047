/** Processes: who is whose child, in which session and namespaces, what each has open, and how each ends. */
import { DescriptorTable } from './descriptors.js';
import type { ProgramName } from './files.js';
import type { Kernel } from './kernel.js';
import type { View } from './mounts.js';
import type { Block } from './pipe.js';
import type { Pty } from './pty.js';
import { Default, defaultOf, SIGCHLD, SIGCONT, SIGKILL, SignalSet, SIGSTOP } from './signals.js';

/** What a process does. */
export interface Runner {
  /** Whether a step would do something now. */
  ready(): boolean;
  /** When it has something to do even if nothing happens; Infinity: never. */
  wakesAt(): number;
  step(): void;
  /** True when the signal is kept until it is asked for, instead of doing what it does by default. */
  catches(signal: number): boolean;
  ignores(signal: number): boolean;
  /** The process has ended: nothing of it runs any more. */
  ended(): void;
}

export interface Limit { soft: bigint; hard: bigint }

export const RLIMIT_NOFILE = 7;
export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** What a process has from whoever started it. */
export interface Origin {
  parent: Process | undefined;
  namespace: PidNamespace;
  view: View;
  descriptors: DescriptorTable;
  uid: number;
  gid: number;
  session: Session;
  group: number;
  limits: Map<number, Limit>;
}

export class PidNamespace {
  private readonly processes = new Map<number, Process>();
  private last = 0;
  init: Process | undefined;
  readonly level: number;

  constructor(readonly parent: PidNamespace | undefined) { this.level = parent ? parent.level + 1 : 0; }

  /** Gives the process a number here and in every namespace around. */
  admit(process: Process): void {
    for (let at: PidNamespace | undefined = this; at; at = at.parent) {
      process.pids[at.level] = ++at.last;
      at.processes.set(at.last, process);
      at.init ??= process;
    }
  }

  remove(process: Process): void {
    for (let at: PidNamespace | undefined = this; at; at = at.parent) at.processes.delete(process.pids[at.level]!);
  }

  find(pid: number): Process | undefined { return this.processes.get(pid); }
  get members(): Process[] { return [...this.processes.values()]; }
}

/** setsid(2) */
export class Session {
  terminal: Pty | undefined;
  /** The process group that gets the terminal's signals. */
  foreground = 0;
  constructor(readonly leader: Process | undefined) {}
}

export class Process {
  /** By level of namespace: the host's first. */
  readonly pids: number[] = [];
  readonly children: Process[] = [];
  readonly pending = new SignalSet();
  parent: Process | undefined;
  namespace: PidNamespace;
  view: View;
  descriptors: DescriptorTable;
  uid: number;
  gid: number;
  session: Session;
  group: number;
  limits: Map<number, Limit>;
  runner: Runner | undefined;
  /** What ps shows. */
  title = '';
  argv: readonly string[] = [];
  environment: readonly string[] = [];
  /** The module that it runs; undefined for a script, and before it executes. */
  program: ProgramName | undefined;
  /** The signal that it gets when its parent dies; 0 for none. */
  deathSignal = 0;
  ended = false;
  reaped = false;
  stopped = false;
  /** Killed, but not gone yet: its next step is its end. */
  private dying = false;
  /** Its frames are on JavaScript's stack: it is in the middle of something. */
  busy = false;
  /** Raw wait status: wait(2). */
  status = 0;
  /** Calls across the boundary so far, in all programs that it executed. */
  calls = 0;
  /** Where splice(2) has copied the last head of a message to. */
  spliced: Block | undefined;

  constructor(readonly kernel: Kernel, origin: Origin) {
    this.parent = origin.parent;
    this.namespace = origin.namespace;
    this.view = origin.view;
    this.descriptors = origin.descriptors;
    this.uid = origin.uid;
    this.gid = origin.gid;
    this.session = origin.session;
    this.group = origin.group;
    this.limits = origin.limits;
    origin.namespace.admit(this);
    origin.parent?.children.push(this);
    if (this.group === 0) this.group = this.pid;
  }

  /** As the host sees it. */
  get pid(): number { return this.pids[0]!; }
  /** As it sees itself. */
  get ownPid(): number { return this.pids[this.namespace.level]!; }
  /** As a process of that namespace sees it, also when it has ended; 0: not at all. */
  pidIn(namespace: PidNamespace): number {
    for (let at: PidNamespace | undefined = this.namespace; at; at = at.parent) if (at === namespace) return this.pids[at.level]!;
    return 0;
  }

  /** "wshd(3)" */
  get name(): string { return `${this.title || 'process'}(${this.pid})`; }
  get exitCode(): number | undefined { return this.ended && (this.status & 0x7f) === 0 ? this.status >> 8 : undefined; }
  /** The signal that killed it. */
  get killedBy(): number | undefined { return this.ended && (this.status & 0x7f) !== 0 ? this.status & 0x7f : undefined; }

  ready(): boolean {
    if (this.ended || this.busy) return false;
    if (this.dying || this.stopped) return this.dying;
    return this.runner !== undefined && this.runner.ready();
  }

  wakesAt(): number {
    if (this.ended || this.busy || this.stopped || this.dying || !this.runner) return Infinity;
    return this.runner.wakesAt();
  }

  step(): void {
    if (this.dying) return this.end(SIGKILL);
    this.busy = true;
    try {
      this.runner!.step();
    } finally {
      this.busy = false;
    }
  }

  /** A signal comes, from inside its namespace or from outside. kill(2) */
  receive(signal: number, outside = true): void {
    if (this.ended || signal === 0) return;
    if (signal === SIGKILL || signal === SIGSTOP) {
      if (this.isInit && !outside) return;
      if (signal === SIGKILL) this.end(SIGKILL);
      else this.stopped = true;
      return;
    }
    if (signal === SIGCONT) this.stopped = false;
    if (this.runner?.catches(signal)) this.pending.add(signal);
    else this.undergo(signal);
  }

  /** SIGKILL to the first process of a namespace, from outside: it ends the others first, which takes its time. pid_namespaces(7) */
  doom(): void {
    // In the middle of a call of its own it has no step to take before that returns.
    if (this.busy) this.end(SIGKILL);
    else this.dying = true;
  }

  /** What a signal does that nobody catches. */
  undergo(signal: number): void {
    // The first process of a namespace is safe from what it did not ask for.
    if (this.isInit || this.runner?.ignores(signal)) return;
    switch (defaultOf(signal)) {
      case Default.DIE: return this.end(signal);
      case Default.STOP:
        this.stopped = true;
        return;
      case Default.CONTINUE: case Default.IGNORE: return;
    }
  }

  get isInit(): boolean { return this.namespace.init === this; }

  becomeSessionLeader(): void {
    this.session = new Session(this);
    this.group = this.pid;
  }

  takeTerminal(pty: Pty): void {
    const { session } = this;
    session.terminal = pty;
    session.foreground = this.group;
    pty.foreground = { signal: (signal) => this.kernel.signalGroup(session, session.foreground, signal) };
  }

  /** Ends with a raw wait status. _exit(2), and what the kernel does then */
  end(status: number): void {
    if (this.ended) return;
    this.ended = true;
    this.status = status;
    this.runner?.ended();
    if (this.isInit) for (const other of this.namespace.members) if (other !== this) other.end(SIGKILL);
    this.descriptors.closeAll();
    if (this.session.leader === this) this.leaveTerminal();
    this.leaveChildren();
    this.kernel.tellExited(this);
    if (!this.parent || this.parent.ended || this.parent === this.kernel.init) this.reap();
    else this.parent.receive(SIGCHLD);
  }

  private leaveTerminal(): void {
    const { terminal } = this.session;
    if (!terminal) return;
    this.session.terminal = undefined;
    terminal.abandon();
  }

  private leaveChildren(): void {
    const heir = this.namespace.init && !this.namespace.init.ended ? this.namespace.init : this.kernel.init;
    for (const child of this.children.splice(0)) {
      child.parent = heir;
      if (child.deathSignal !== 0) child.receive(child.deathSignal);
      if (heir === this.kernel.init && child.ended) child.reap();
      else {
        heir?.children.push(child);
        if (child.ended) heir?.receive(SIGCHLD);
      }
    }
  }

  /** Its number is free from now on. */
  reap(): void {
    if (this.reaped) return;
    this.reaped = true;
    this.namespace.remove(this);
    const siblings = this.parent?.children, at = siblings ? siblings.indexOf(this) : -1;
    if (at >= 0) siblings!.splice(at, 1);
    this.kernel.forget(this);
  }
}
