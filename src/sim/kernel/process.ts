/** Processes: their parents, sessions, namespaces and descriptors, the signals that they get, and their end. */
import { DescriptorTable } from './fd-table.js';
import type { ProgramName } from '../../boundary/programs.js';
import type { View } from './mounts/mounts.js';
import type { Block } from './pipe.js';
import type { Pty } from './tty/pty.js';
import { Default, defaultOf, SIGCHLD, SIGCONT, SIGKILL, SignalSet, SIGSTOP } from './signals.js';

/** The execution of a process: a module's, a script's, or the child's between fork and exec. */
export interface Runner {
  /** True if a step would do something now. */
  ready(): boolean;
  /** The time of the next step without any event, in ms; Infinity for none. */
  wakesAt(): number;
  step(): void;
  /** True if the signal stays pending until the runner takes it; its default action does not happen. */
  catches(signal: number): boolean;
  ignores(signal: number): boolean;
  /** Called when the process has ended: the runner must not run again. */
  ended(): void;
}

export interface Limit { soft: bigint; hard: bigint }

export const RLIMIT_NOFILE = 7;

/** The attributes that a process gets from its parent. */
export type Origin = Pick<Process, 'parent' | 'namespace' | 'view' | 'descriptors' | 'uid' | 'gid' | 'session' | 'group' | 'limits'>;

/** What a process executes: a module, or a script's text. */
export type Executable = { argv: readonly string[] } & ({ program: ProgramName; script?: never } | { script: string; program?: never });

/** The part of the kernel that processes need. */
export interface Machine {
  /** The host's PID 1: adopts the host's orphans, and reaps them at once. */
  readonly init: Process;
  add(process: Process): void;
  remove(process: Process): void;
  /** The runner of a process that called execve(2). */
  runnerOf(process: Process, executable: Executable): Runner;
  signalGroup(session: Session, group: number, signal: number): void;
  reportStarted(process: Process): void;
  reportExecuted(process: Process): void;
  reportExited(process: Process): void;
}

export class PidNamespace {
  private readonly processes = new Map<number, Process>();
  private last = 0;
  init: Process | undefined;
  readonly level: number;

  constructor(readonly parent: PidNamespace | undefined) { this.level = parent ? parent.level + 1 : 0; }

  /** Assigns the process a PID in this namespace and in each of its ancestors. */
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
  /** The process group that gets signals from the terminal. */
  foreground = 0;
  constructor(readonly leader: Process | undefined) {}
}

export class Process {
  /** PIDs by the level of the namespace, the host's first. */
  readonly pids: number[] = [];
  readonly children: Process[] = [];
  /** Signals that are caught and not taken yet. */
  readonly pending = new SignalSet();
  /** Signals that came while the process was stopped, and are not caught. */
  private readonly held = new SignalSet();
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
  /** The name that ps(1) shows. */
  title = '';
  argv: readonly string[] = [];
  environment: readonly string[] = [];
  /** The program whose module runs; undefined for a script, and before exec. */
  program: ProgramName | undefined;
  /** PR_SET_PDEATHSIG: the signal to send when the parent dies; 0 for none. */
  deathSignal = 0;
  ended = false;
  reaped = false;
  stopped = false;
  /** PR_SET_CHILD_SUBREAPER: orphans among its descendants become its children. */
  isSubreaper = false;
  /** SIGKILL has come; the process ends with its next step. */
  private dying = false;
  /** The process's frames are on JavaScript's stack: a step of it is not finished. */
  busy = false;
  /** Raw wait status: wait(2). */
  status = 0;
  /** Number of calls across the boundary so far, in all programs that this process has executed. */
  calls = 0;
  /** The block to which splice(2) copied the last head of a message. */
  spliced: Block | undefined;

  constructor(readonly machine: Machine, origin: Origin) {
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

  /** In the host's PID namespace. */
  get pid(): number { return this.pids[0]!; }
  /** In the process's own PID namespace: getpid(2). */
  get namespacePid(): number { return this.pids[this.namespace.level]!; }
  /** In `namespace`, also after the end; 0 if the process is not in that namespace. */
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

  /** Receives a signal; `outside`: from a process of another PID namespace. kill(2) */
  receive(signal: number, outside = true): void {
    if (this.ended || signal === 0) return;
    this.pending.dropOpposites(signal);
    this.held.dropOpposites(signal);
    if (signal === SIGKILL || signal === SIGSTOP) return this.receiveUncatchable(signal, outside);
    if (signal === SIGCONT) this.resume();
    if (this.runner?.catches(signal)) this.pending.add(signal);
    else if (this.stopped) this.held.add(signal);
    else this.undergo(signal);
  }

  private receiveUncatchable(signal: number, outside: boolean): void {
    if (this.isInit && !outside) return;
    if (signal === SIGKILL) this.end(SIGKILL);
    else this.stop();
  }

  private stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.parent?.receive(SIGCHLD);
  }

  /** SIGCONT, however it is handled. Signals that came since the stop take effect now. */
  private resume(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.parent?.receive(SIGCHLD);
    this.held.add(SIGCONT);
    for (const signal of this.held) {
      this.held.delete(signal);
      this.undergo(signal);
    }
  }

  /** SIGKILL to a namespace's init from outside. Init ends the other members first, so its end takes time. pid_namespaces(7) */
  doom(): void {
    // A process in the middle of a call takes no further step before the call returns.
    if (this.busy) this.end(SIGKILL);
    else this.dying = true;
  }

  /** The default action of a signal that is not caught. */
  undergo(signal: number): void {
    // The kernel does not deliver to init a signal for which init has no handler.
    if (this.isInit || this.runner?.ignores(signal)) return;
    switch (defaultOf(signal)) {
      case Default.DIE: return this.end(signal);
      case Default.STOP:
        // An orphaned process group ignores the stops of a terminal, not SIGSTOP: setpgid(2). A session of its own has no other group here.
        if (signal === SIGSTOP || this.session.leader === undefined) this.stop();
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
    pty.foreground = { signal: (signal) => this.machine.signalGroup(session, session.foreground, signal) };
  }

  /** Ends with a raw wait status: _exit(2), and the kernel's clean-up. */
  end(status: number): void {
    if (this.ended) return;
    this.ended = true;
    this.status = status;
    this.runner?.ended();
    if (this.isInit) for (const other of this.namespace.members) if (other !== this) other.end(SIGKILL);
    this.descriptors.closeAll();
    if (this.session.leader === this) this.leaveTerminal();
    this.leaveChildren();
    this.machine.reportExited(this);
    if (!this.parent || this.parent.ended || this.parent === this.machine.init) this.reap();
    else this.parent.receive(SIGCHLD);
  }

  private leaveTerminal(): void {
    const { terminal } = this.session;
    if (!terminal) return;
    this.session.terminal = undefined;
    terminal.abandon();
  }

  private leaveChildren(): void {
    const heir = this.heir();
    for (const child of this.children.splice(0)) {
      child.parent = heir;
      if (child.deathSignal !== 0) child.receive(child.deathSignal);
      if (heir === this.machine.init && child.ended) child.reap();
      else {
        heir?.children.push(child);
        if (child.ended) heir?.receive(SIGCHLD);
      }
    }
  }

  /** The new parent of the children: the nearest living subreaper above in the same namespace, its init, or the host's. */
  private heir(): Process {
    for (let at = this.parent; at && at.namespace === this.namespace; at = at.parent) if (at.isSubreaper && !at.ended) return at;
    return this.namespace.init && !this.namespace.init.ended ? this.namespace.init : this.machine.init;
  }

  /** wait(2): frees the PID. */
  reap(): void {
    if (this.reaped) return;
    this.reaped = true;
    this.namespace.remove(this);
    const siblings = this.parent?.children, at = siblings ? siblings.indexOf(this) : -1;
    if (at >= 0) siblings!.splice(at, 1);
    this.machine.remove(this);
  }
}
