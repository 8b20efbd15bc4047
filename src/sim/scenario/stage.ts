/** Plays a scenario in a world of its own: sets up its containers, performs its acts in order, and cleans up. */
import { pattern } from '../script/pattern.js';
import type { FaultPlan, Observer } from '../kernel/events.js';
import type { MemoryCgroup } from '../kernel/cgroup.js';
import type { Container } from '../world/container.js';
import type { FileDescription } from '../kernel/open-file.js';
import { Guest } from '../guest/guest.js';
import { ScriptRunner } from '../script/runner.js';
import type { Sink } from '../world/endpoints.js';
import type { Process } from '../kernel/process.js';
import type { Programs } from '../guest/instances.js';
import { SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP } from '../kernel/signals.js';
import type { RunningProgram } from '../world/program.js';
import { World } from '../world/world.js';
import { Monitors } from './monitors.js';
import { Crowd, Peer } from './peer.js';
import { parcelsOf, rudeBytes } from './bad-requests.js';
import type {
  Act, Command, CommandPlan, IntruderPlan, JobPlan, LinkPlan, MiscallPlan, OomPlan, Reader, ResizePlan, RudePlan, Scenario, SignalPlan,
} from './scenario.js';

const INPUT_FD = 0;
const REST_MS_MAX = 100_000;
const COLUMNS = 80;
/** Signals after which a process continues as before. */
const PAUSES: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGCONT]);
const CHATTER = new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n');

/** The path of a command's script in its container's root; it identifies the command. */
export function scriptPath(number: number): string { return `/s/${number}`; }

export interface Staged<Plan> {
  readonly plan: Plan;
  readonly index: number;
  readonly program: RunningProgram;
  readonly startedAtMs: number;
}
export interface StagedWsh extends Staged<CommandPlan> { readonly number: number }
export interface StagedJob extends Staged<JobPlan> { readonly number: number; readonly directory: string }
export interface StagedLink extends Staged<LinkPlan> {
  readonly cursorPath: string | undefined;
  readonly outputs: readonly [stdout: FileDescription, stderr: FileDescription];
}
export interface StagedRude { readonly plan: RudePlan; readonly peer: Peer | undefined }
export interface StagedIntruder { readonly plan: IntruderPlan; readonly peer: Peer | undefined; readonly crowd: Crowd | undefined }
export interface StagedOom extends Staged<OomPlan> { readonly group: MemoryCgroup; happened: boolean }

/** Called with the bytes that a program's readers get. */
export type Listener = (program: RunningProgram, fd: number, bytes: Uint8Array) => void;

export interface StageOptions {
  programs: Programs;
  scenario: Scenario;
  plan?: FaultPlan | undefined;
  stepsMax?: number;
}

export class Stage {
  readonly world: World;
  readonly scenario: Scenario;
  readonly containers: Container[];
  /** The program that starts each container; later its init, once it serves. */
  readonly wshds: RunningProgram[] = [];
  readonly inits: (Process | undefined)[] = [];
  readonly wshs: StagedWsh[] = [];
  readonly jobs: StagedJob[] = [];
  readonly links: StagedLink[] = [];
  readonly rudes: StagedRude[] = [];
  readonly intruders: StagedIntruder[] = [];
  readonly ooms: StagedOom[] = [];
  readonly miscalls: Staged<MiscallPlan>[] = [];
  readonly monitors: Monitors;
  /** Processes that an act has sent a signal to, other than stop and continue signals. */
  readonly signalled = new Set<Process>();
  /** Signals that wait for a process to be started. */
  private readonly nextStarts: SignalPlan[] = [];
  /** Containers in which such a process got its signal. */
  readonly signalledStarts = new Set<number>();
  /** A last, plain command in each container; undefined where wshd is dead or never served. */
  readonly probes: (RunningProgram | undefined)[] = [];
  readonly listeners: Listener[] = [];
  private readonly late: Sink[] = [];
  private commands = 0;
  /** No more faults: a program that was hit must recover. */
  private calm = false;

  constructor({ programs, scenario, plan, stepsMax }: StageOptions) {
    const { seed, habits } = scenario;
    this.scenario = scenario;
    const faults: FaultPlan | undefined = plan && { at: (call) => (this.calm ? undefined : plan.at(call)) };
    this.world = new World({ programs, seed, habits, plan: faults, stepsMax });
    this.monitors = new Monitors(this.world);
    this.containers = scenario.containers.map((container, index) => this.world.container(`/c${index}`, container));
  }

  observe(...observers: readonly Observer[]): void { this.world.observe(...observers); }

  /** Runs until nothing can happen any more while late readers do not read. */
  play(): void {
    for (const [index, { descriptorsMax }] of this.scenario.containers.entries()) {
      this.wshds.push(this.containers[index]!.start({ ...(descriptorsMax === undefined ? {} : { descriptorsMax }) }));
    }
    this.world.run(() => this.wshds.every(({ ended }) => ended));
    const unmarked = this.containers.filter((_, index) => this.scenario.containers[index]!.unmarked);
    for (const { socket } of unmarked) this.world.files.unmark(socket);
    for (const [index, { init }] of this.containers.entries()) this.inits.push(this.wshds[index]!.exitCode === 0 ? init : undefined);
    for (const { after, act, until } of this.scenario.acts) {
      if (until) while (this.written(until.command) < until.written && this.step());
      for (let left = after; left > 0 && this.step(); left--);
      this.do(act);
    }
    this.rest();
  }

  private written(command: number): number {
    const runner = this.target('command', command)?.runner;
    return runner instanceof ScriptRunner ? runner.written.get(1) ?? 0 : 0;
  }

  /** Everything reads, writes to its end, or is ended; then each wshd gets one more plain command. */
  release(): void {
    for (const sink of this.late) sink.resume();
    this.monitors.release();
    for (const { program } of this.wshs) program.stdin?.end();
    this.closeIntruders();
    this.rest();
    this.calm = true;
    for (const { runner } of this.world.processes) if (runner instanceof Guest) runner.handles.unmute();
    this.endForced();
    this.probe();
    this.rest();
  }

  private closeIntruders(): void {
    for (const { peer, crowd, plan } of this.intruders) {
      if (plan.manner === 'stares') peer?.close();
      crowd?.close();
    }
  }

  /** Starts a last, plain command in each container that serves. */
  private probe(): void {
    // The remains of a failed start, which a fault kept from being killed, do not serve.
    for (const [index, container] of this.containers.entries()) {
      const serves = this.inits[index]?.ended === false;
      this.probes.push(serves ? container.wsh(['/bin/script', '-c', 'exit 7']) : undefined);
    }
  }

  /** Ends processes that would run for ever: commands, terminals, jobs without links, programs that wait for events. */
  private endForced(): void {
    for (const { program } of this.wshs) if (!program.ended) program.terminal?.hangUp();
    for (const process of this.world.processes) if (!process.program && !process.ended) process.receive(SIGKILL);
    this.rest();
    for (let times = 0; times < 2; times++) {
      for (const { program } of this.jobs) if (!program.ended) program.process.receive(SIGTERM);
      this.rest();
    }
  }

  /** Ends the containers and all processes that still wait. */
  clear(): void {
    for (const { peer } of this.rudes) peer?.close();
    this.monitors.clear();
    for (const { group, program } of this.ooms) {
      if (!program.ended) group.remove();
    }
    this.rest();
    for (const container of this.containers) container.init?.end(SIGKILL);
    this.rest();
  }

  /** Returns the module instances, whatever happened. */
  abandon(): void {
    for (const process of [...this.world.processes]) process.end(SIGKILL);
  }

  private step(): boolean {
    this.follow();
    return this.world.step();
  }

  /** Runs until nothing happens any more, or for longer than any deadline: a process that still runs then never ends. */
  private rest(): void {
    const until = this.world.nowMs + REST_MS_MAX;
    while (this.step() && this.world.nowMs < until);
  }

  /** Memory events wait until oom watches the group. */
  private follow(): void {
    this.signalStart();
    for (const oom of this.ooms) {
      const { runner } = oom.program.process;
      if (oom.happened || !(runner instanceof Guest) || runner.handles.watched.size === 0) continue;
      oom.happened = true;
      if (oom.plan.kills > 0) oom.group.outOfMemory(oom.plan.kills);
      if (oom.plan.removed) oom.group.remove();
    }
  }

  private do(act: Act): void {
    switch (act.do) {
      case 'wsh': return this.wsh(act);
      case 'job': return this.job(act);
      case 'link': return this.link(act);
      case 'rude': return this.rude(act);
      case 'intruder': return this.intruder(act);
      case 'oom': return this.oom(act);
      case 'monitor': return this.monitors.start(act);
      case 'attach': return this.monitors.attach(act);
      case 'control': return this.monitors.control(act);
      case 'miscall': return this.miscall(act);
      case 'signal': return this.signal(act);
      case 'resize': return this.resize(act);
    }
  }

  private wsh(plan: CommandPlan): void {
    const { world } = this, number = this.commands++, size = plan.asksFor === undefined ? [] : ['--tty', `${plan.asksFor}x${COLUMNS}`];
    const argv = [...size, ...this.argvOf(plan.command, plan.container, number)];
    const stream = plan.sockets ? 'socket' : 'pipe';
    const program = this.containers[plan.container]!.wsh(argv, {
      stdin: plan.stdin || plan.asksFor !== undefined ? stream : 'null', stdout: stream, stderr: stream,
      ...(plan.terminal === undefined ? {} : { terminal: { rows: plan.terminal, columns: COLUMNS } }),
    });
    this.feed(program, plan);
    this.attend(program, 1, program.stdout, plan.stdout);
    this.attend(program, 2, program.stderr, plan.stderr);
    this.wshs.push({ plan, index: this.wshs.length, program, number, startedAtMs: world.nowMs });
  }

  private argvOf({ run, options }: Command, container: number, number: number): readonly string[] {
    if ('argv' in run) return [...options, ...run.argv];
    const path = scriptPath(number);
    this.world.files.write(`${this.containers[container]!.path}/root${path}`, run.script.join('\n'), 0o644);
    return [...options, '/bin/script', path];
  }

  private feed(program: RunningProgram, { stdin, keys }: CommandPlan): void {
    if (stdin) {
      program.stdin!.write(pattern(INPUT_FD, 0, stdin.bytes));
      if (stdin.ends) program.stdin!.end();
    }
    for (const key of keys ?? []) {
      if (program.terminal) program.terminal.type(key);
      else program.stdin!.write(key);
    }
  }

  /** Attaches a reader as the plan describes it. */
  private attend(program: RunningProgram, fd: number, sink: Sink | undefined, reader: Reader): void {
    if (!sink) return;
    // A local function first: V8 allocates a closure that is assigned to a property in old space, with everything it refers to.
    const onData = (bytes: Uint8Array): void => {
      for (const listener of this.listeners) listener(program, fd, bytes);
      if (typeof reader === 'object' && sink.length >= reader.goneAfter) sink.close();
    };
    sink.onData = onData;
    if (reader === 'late') {
      sink.pause();
      this.late.push(sink);
    } else if (reader !== 'eager' && reader.goneAfter === 0) {
      sink.close();
    }
  }

  private job(plan: JobPlan): void {
    const { world } = this, container = this.containers[plan.container]!, number = this.commands++, name = `j${this.jobs.length}`;
    const program = container.spawn(name, this.argvOf(plan.command, plan.container, number), {
      spawnOptions: plan.options, ...(plan.descriptorsMax === undefined ? {} : { descriptorsMax: plan.descriptorsMax }),
    });
    const directory = container.jobDirectory(name);
    this.jobs.push({ plan, index: this.jobs.length, program, number, directory, startedAtMs: world.nowMs });
  }

  private link(plan: LinkPlan): void {
    const { world } = this, job = this.jobs[plan.job]!;
    const cursorPath = plan.cursor === undefined ? undefined : `/tmp/cursor-${plan.job}-${plan.cursor}`;
    const stream = plan.sockets ? 'socket' : 'pipe', argv = ['iomux-link', ...cursorPath === undefined ? [] : ['-w', cursorPath], job.directory];
    const program = world.start(argv, { stdout: stream, stderr: stream }), { descriptors } = program.process;
    const outputs = [descriptors.get(1)!, descriptors.get(2)!] as const;
    this.links.push({ plan, index: this.links.length, program, cursorPath, outputs, startedAtMs: world.nowMs });
    this.attend(program, 1, program.stdout, plan.stdout);
    this.attend(program, 2, program.stderr, plan.stderr);
  }

  private rude(plan: RudePlan): void {
    const parcels = parcelsOf(plan.sends), says = parcels ? new Uint8Array(0) : rudeBytes(plan);
    const peer = Peer.connect(this.world, this.containers[plan.container]!.socket, says, !plan.closes, this.rudes.length);
    peer?.sendLater(parcels ?? []);
    if (plan.closes) peer?.closeWhenSaid();
    // Bytes after a complete request do not belong to it, so send both together.
    if (peer && plan.sends === 'long') peer.atOnce = true;
    this.rudes.push({ plan, peer });
  }

  private intruder(plan: IntruderPlan): void {
    const path = `${this.jobs[plan.job]!.directory}/${plan.socket}.sock`, says = plan.manner === 'chatters' ? CHATTER : new Uint8Array(0);
    const number = 1000 + this.intruders.length, peer = Peer.connect(this.world, path, says, plan.manner === 'chatters', number);
    if (plan.manner === 'touches') peer?.close();
    const crowd = plan.count === undefined ? undefined : new Crowd(this.world, path, plan.count - 1, number);
    this.intruders.push({ plan, peer, crowd });
  }

  private oom(plan: OomPlan): void {
    const { world } = this, index = this.ooms.length, path = `/cgroup/group-${index}`, group = world.cgroup(path, plan.version);
    const program = world.start(['oom', ...plan.follows ? ['--follow'] : [], path]);
    this.ooms.push({ plan, index, program, group, happened: false, startedAtMs: world.nowMs });
  }

  private miscall(plan: MiscallPlan): void {
    const { world } = this, program = world.start(plan.argv, plan.environment ? { env: plan.environment } : {});
    this.miscalls.push({ plan, index: this.miscalls.length, program, startedAtMs: world.nowMs });
  }

  private resize({ wsh, rows }: ResizePlan): void {
    const program = this.wshs[wsh]?.program;
    if (program?.terminal) program.terminal.resize({ rows, columns: COLUMNS });
    else if (program?.process.runner instanceof Guest) program.process.runner.resize(rows, COLUMNS);
  }

  private signal(plan: SignalPlan): void {
    const { to, index, signal } = plan;
    if (to === 'next-start') {
      this.nextStarts.push(plan);
      return;
    }
    const process = this.target(to, index);
    if (!process || process.ended) return;
    if (!PAUSES.has(signal)) this.signalled.add(process);
    process.receive(signal);
  }

  /** To the process that wshd has just forked: it has not taken a step yet. */
  private signalStart(): void {
    // A last command is not the one that was meant.
    if (this.calm) return;
    const [next] = this.nextStarts, init = next && this.containers[next.index]?.init;
    const start = init?.children.find(({ argv, program, ended, stopped }) => argv === init.argv && !program && !ended && !stopped);
    if (!start) return;
    this.nextStarts.shift();
    this.signalledStarts.add(next!.index);
    start.receive(next!.signal);
  }

  private target(to: Exclude<SignalPlan['to'], 'next-start'>, index: number): Process | undefined {
    switch (to) {
      case 'wshd': return this.containers[index]?.init;
      case 'wsh': return this.wshs[index]?.program.process;
      case 'job': return this.jobs[index]?.program.process;
      case 'link': return this.links[index]?.program.process;
      case 'oom': return this.ooms[index]?.program.process;
      case 'monitor': return this.monitors.all[index] && this.monitors.daemonOf(this.monitors.all[index]);
      case 'jobs-wsh': return this.world.processes.find(({ parent }) => parent !== undefined && parent === this.jobs[index]?.program.process);
      case 'command': return this.world.processes.find(({ argv, program }) => !program && argv[1] === scriptPath(index));
    }
  }
}
