/** Checks that no process waits without a reason, that servers go on serving, and that nothing is left behind. */
import { Guest } from '../guest/guest.js';
import { OpenFile } from '../kernel/files.js';
import { PipeEnd } from '../kernel/pipe.js';
import type { Process } from '../kernel/process.js';
import { type Command, hasTerminal, type OomPlan, type RudePlan } from '../scenario/scenario.js';
import type { Stage, StagedJob, StagedWsh } from '../scenario/stage.js';
import { Listener, Socket } from '../kernel/socket.js';
import type { RunningProgram } from '../world/program.js';
import type { Blame } from './blame.js';
import { type Checker, holds } from './checker.js';
import type { JobsChecker } from './jobs.js';

const PROBE_CODE = 7;
/** The handles of an idle wshd: the socket that it listens on. */
const HANDLES_AT_REST = 1;
/** The handles of iomux-spawn besides connections and listeners: two streams, the start pipe, the start report. */
const OWN_PIPES = 4, LISTENERS = 3;

/** The answers to a request of protocol 2, as bytes and descriptors: two records, or one; a command's three streams. */
const ANSWERS: Partial<Record<RudePlan['sends'], readonly string[]>> = {
  given: ['96, 3'], tardy: ['96, 3'], surplus: ['48, 0'],
  // The command may have ended before its signal is read.
  signal: ['48, 3', '96, 3'],
};

function waitsForInput({ run }: Command): boolean { return 'script' in run && run.script.some((step) => step === 'copy' || step === 'drain'); }

export class ServiceChecker implements Checker {
  /** The process that started each one: its parent may be another later. */
  private readonly starters = new Map<Process, Process | undefined>();

  constructor(private readonly stage: Stage, private readonly blame: Blame, private readonly jobs: JobsChecker) {}

  started(process: Process): void { this.starters.set(process, process.parent); }

  quiet(): void {
    for (const [index, { process }] of this.stage.wshds.entries()) {
      holds(process.ended || this.blame.hasMuted, 'nobody-waits', () => `${process.name} neither serves nor gives up`);
      if (process.ended) this.checkStart(process, this.stage.scenario.containers[index]?.refuses === true);
    }
    for (const wsh of this.stage.wshs) holds(wsh.program.ended || this.mayWait(wsh), 'nobody-waits', () => `${wsh.program.process.name} waits for nothing`);
    for (const job of this.stage.jobs) {
      holds(job.program.ended || this.jobMayWait(job), 'nobody-waits', () => `${job.program.process.name} waits for nothing`);
      if (!job.program.ended) this.checkHandles(job);
    }
    this.checkLinks();
    this.checkWaitingOoms();
    this.checkRudes();
  }

  private checkWaitingOoms(): void {
    for (const { program, plan } of this.stage.ooms) {
      const mayWait = (plan.kills === 0 || plan.follows === true) && !plan.removed || this.blame.hit(program.process);
      holds(program.ended || mayWait, 'nobody-waits', () => `${program.process.name} does not see what happened`);
    }
  }

  /** A container fails to start only for a reason: its hook, or a fault that hit its starter or its init. */
  private checkStart(wshd: Process, refuses: boolean): void {
    const isHit = this.blame.hit(wshd) || [...this.starters].some(([child, starter]) => starter === wshd && this.blame.hit(child));
    const words = (): string => `${wshd.name} ends with ${wshd.exitCode ?? 'a signal'}, and ${refuses ? 'a hook of it fails' : 'nothing was wrong'}`;
    holds((wshd.exitCode === 0) !== refuses || isHit, 'serves', words);
  }

  private mayWait({ program, plan }: StagedWsh): boolean {
    const { command, stdin, stdout, stderr } = plan;
    if (this.blame.hit(program.process) || program.process.stopped || stdout === 'late' || stderr === 'late') return true;
    if (command.ends === undefined || hasTerminal(plan)) return true;
    // A command that was stopped before it executed, which wshd could not kill.
    if (this.stage.signalledStarts.has(plan.container) && this.blame.hitContainer(plan.container)) return true;
    return waitsForInput(command) && stdin?.ends === false;
  }

  private jobMayWait(job: StagedJob): boolean {
    const { plan, program } = job, record = this.jobs.record(job);
    if (this.blame.hit(program.process) || plan.command.ends === undefined) return true;
    // The command waits until all three channels have a link.
    if (record.child && !record.child.ended && record.child.program === undefined) return true;
    if (record.dropsSlow) return false;
    const stuck = this.stage.links.some(({ plan: link }) => link.job === job.index && (link.stdout === 'late' || link.stderr === 'late'));
    return stuck || this.stage.intruders.some(({ plan: intruder }) => intruder.job === job.index && intruder.manner === 'stares');
  }

  private checkLinks(): void {
    for (const { program, plan } of this.stage.links) {
      const job = this.stage.jobs[plan.job]!;
      const mayWait = plan.stdout === 'late' || plan.stderr === 'late' || this.blame.hit(program.process) || !job.program.ended;
      holds(program.ended || mayWait, 'nobody-waits', () => `${program.process.name} waits for a job that has ended`);
    }
  }

  /** An ended connection is closed; nothing else is kept. */
  private checkHandles({ plan, program: { process } }: StagedJob): void {
    const { runner } = process;
    if (!(runner instanceof Guest) || this.blame.hit(process)) return;
    let pipes = 0, listeners = 0, files = 0;
    for (const { description } of runner.handles) {
      if (description instanceof PipeEnd) pipes++;
      else if (description instanceof Listener) listeners++;
      else if (description instanceof OpenFile) files++;
      else holds(description instanceof Socket && description.peer?.closed === false, 'handles', () => `${process.name} keeps a connection that has ended`);
    }
    holds(pipes <= OWN_PIPES && listeners === LISTENERS, 'handles', () => `${process.name} holds ${pipes} pipes and ${listeners} listeners`);
    const filesMax = plan.options.includes('--log') ? 1 : 0;
    holds(files <= filesMax, 'handles', () => `${process.name} holds ${files} files, and may hold ${filesMax}`);
  }

  /** An invalid or late request costs its sender the connection. It gets no answer, in protocol 2 a record. */
  private checkRudes(): void {
    for (const { peer, plan } of this.stage.rudes) {
      if (!peer) continue;
      const isHit = this.blame.hitContainer(plan.container), answers = ANSWERS[plan.sends], answer = `${peer.received}, ${peer.descriptors}`;
      holds(answers === undefined ? answer === '0, 0' : isHit || answers.includes(answer), 'refusal', () => `a request (${plan.sends}) is answered with ${peer.received} bytes and ${peer.descriptors} descriptors`);
      holds(peer.ended || peer.closed || isHit, 'deadline', () => `a client that sent an invalid request (${plan.sends}, ${plan.bytes}) is kept`);
    }
  }

  released(): void {
    for (const [index, probe] of this.stage.probes.entries()) this.checkProbe(probe?.process, index);
    for (const { program } of this.stage.jobs) holds(program.ended, 'nobody-waits', () => `${program.process.name} does not end when it gets SIGTERM`);
    for (const { program } of this.stage.links) holds(program.ended, 'nobody-waits', () => `${program.process.name} does not end after its job`);
    for (const index of this.stage.containers.keys()) this.checkAtRest(index);
    for (const { program, plan } of this.stage.ooms) if (!this.blame.hit(program.process)) this.checkOom(program, plan);
  }

  private checkOom(program: RunningProgram, plan: OomPlan): void {
    if (plan.follows) this.checkFollower(program, plan);
    if (!program.ended) return;
    holds(oomCodes(plan).includes(program.exitCode!), 'exit-code', () => `${program.process.name} ends with ${program.exitCode}`);
  }

  /** One line for all processes killed at once; none when the group was removed before oom could read it. */
  private checkFollower({ process, stdout }: RunningProgram, { version, kills, removed }: OomPlan): void {
    const { text } = stdout!, told = text === 'out of memory\n', mayMiss = kills === 0 || (removed && version === 2);
    holds(told ? kills > 0 : text === '' && mayMiss, 'message', () => `${process.name} prints ${JSON.stringify(text)} for ${kills} kills`);
  }

  private checkProbe(probe: Process | undefined, index: number): void {
    const init = this.stage.inits[index], lives = init !== undefined && !init.ended;
    if (!probe) return holds(!lives || this.blame.hitContainer(index), 'serves', () => `container ${index} has lost its wshd`);
    holds(probe.exitCode === PROBE_CODE, 'serves', () => `a last command in container ${index} ends with ${probe.exitCode ?? probe.killedBy ?? 'nothing'}`);
  }

  private checkAtRest(index: number): void {
    const init = this.stage.inits[index], runner = init?.runner;
    if (!init || init.ended || !(runner instanceof Guest)) return;
    const count = [...runner.handles].length;
    holds(count === HANDLES_AT_REST, 'handles', () => `${init.name} is idle and holds ${count} handles`);
    holds(init.children.every((child) => !child.ended), 'zombies', () => `${init.name} has not reaped all children`);
  }

  cleared(): void {
    const left = this.stage.world.processes.map(({ name }) => name);
    holds(left.length === 0, 'left', () => `left behind: ${left.join(', ')}`);
  }
}

/** The exit codes that oom may have: 0 for an OOM kill that it saw, 1 without one. */
function oomCodes({ follows, kills, removed, version }: OomPlan): readonly number[] {
  if (follows || kills === 0) return [1];
  // A v2 group that is removed right after the kill may be gone before oom reads its counters.
  return removed && version === 2 ? [0, 1] : [0];
}
