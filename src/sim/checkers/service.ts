/** Nobody waits without a reason, whatever others do; what serves goes on to serve; and nothing is left behind. */
import { Guest } from '../guest.js';
import { PipeEnd } from '../pipe.js';
import type { Process } from '../process.js';
import { type Command, hasTerminal, type OomPlan } from '../scenarios/scenario.js';
import type { Stage, StagedJob, StagedWsh } from '../scenarios/stage.js';
import { Listener, Socket } from '../socket.js';
import type { Program } from '../world.js';
import type { Blame } from './blame.js';
import { type Checker, holds } from './checker.js';
import type { JobsChecker } from './jobs.js';

const PROBE_CODE = 7;
/** Of a wshd that has nothing to do: the socket that it listens on. */
const HANDLES_AT_REST = 1;
/** Of iomux-spawn besides connections and listeners: two streams, the gate, the report. */
const OWN_PIPES = 4, LISTENERS = 3;

function waitsForInput({ run }: Command): boolean { return 'script' in run && run.script.some((step) => step === 'copy' || step === 'drain'); }

export class ServiceChecker implements Checker {
  /** Who started whom: later its parent may be another. */
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
    for (const { program, plan } of this.stage.ooms) {
      const mayWait = (plan.kills === 0 || plan.follows === true) && !plan.removed || this.blame.hit(program.process);
      holds(program.ended || mayWait, 'nobody-waits', () => `${program.process.name} does not see what happened`);
    }
    this.checkRudes();
  }

  /** A container does not start for a reason only: a hook, or because who starts it was hit, or its first process. */
  private checkStart(wshd: Process, refuses: boolean): void {
    const isHit = this.blame.hit(wshd) || [...this.starters].some(([child, starter]) => starter === wshd && this.blame.hit(child));
    const words = (): string => `${wshd.name} ends with ${wshd.exitCode ?? 'a signal'}, and ${refuses ? 'a hook of it fails' : 'nothing was wrong'}`;
    holds((wshd.exitCode === 0) !== refuses || isHit, 'serves', words);
  }

  private mayWait({ program, plan }: StagedWsh): boolean {
    const { command, stdin, stdout, stderr } = plan;
    if (this.blame.hit(program.process) || program.process.stopped || stdout === 'late' || stderr === 'late') return true;
    if (command.ends === undefined || hasTerminal(plan)) return true;
    return waitsForInput(command) && stdin?.ends === false;
  }

  private jobMayWait(job: StagedJob): boolean {
    const { plan, program } = job, record = this.jobs.record(job);
    if (this.blame.hit(program.process) || plan.command.ends === undefined) return true;
    // Nobody listens on all three: the command waits for that.
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

  /** A connection that ended is let go of; nothing else is kept. */
  private checkHandles({ program: { process } }: StagedJob): void {
    const { runner } = process;
    if (!(runner instanceof Guest) || this.blame.hit(process)) return;
    let pipes = 0, listeners = 0;
    for (const { description } of runner.handles) {
      if (description instanceof PipeEnd) pipes++;
      else if (description instanceof Listener) listeners++;
      else holds(description instanceof Socket && description.peer?.closed === false, 'handles', () => `${process.name} keeps a connection that has ended`);
    }
    holds(pipes <= OWN_PIPES && listeners === LISTENERS, 'handles', () => `${process.name} holds ${pipes} pipes and ${listeners} listeners`);
  }

  /** A bad or late request costs its sender the connection: nothing is answered. */
  private checkRudes(): void {
    for (const { peer, plan } of this.stage.rudes) {
      if (!peer) continue;
      holds(peer.received + peer.descriptors === 0, 'refusal', () => `a request that is bad (${plan.sends}) is answered with ${peer.received} bytes`);
      const isHit = this.blame.hitContainer(plan.container);
      holds(peer.ended || peer.closed || isHit, 'deadline', () => `a client that sent a bad request (${plan.sends}, ${plan.bytes}) is kept`);
    }
  }

  released(): void {
    for (const [index, probe] of this.stage.probes.entries()) this.checkProbe(probe?.process, index);
    for (const { program } of this.stage.jobs) holds(program.ended, 'nobody-waits', () => `${program.process.name} does not end when it is asked to`);
    for (const { program } of this.stage.links) holds(program.ended, 'nobody-waits', () => `${program.process.name} does not end after its job`);
    for (const index of this.stage.containers.keys()) this.checkAtRest(index);
    for (const { program, plan } of this.stage.ooms) {
      if (this.blame.hit(program.process)) continue;
      if (plan.follows) this.checkFollower(program, plan);
      if (!program.ended) continue;
      // Killed and removed in the same instant, a v2 group may be gone before anybody can look.
      const codes = plan.follows ? [1] : plan.kills > 0 ? plan.removed && plan.version === 2 ? [0, 1] : [0] : [1];
      holds(codes.includes(program.exitCode!), 'exit-code', () => `${program.process.name} ends with ${program.exitCode}`);
    }
  }

  /** A line for all that was killed at once; none where the group was gone before anybody could look. */
  private checkFollower({ process, stdout }: Program, { version, kills, removed }: OomPlan): void {
    const { text } = stdout!, told = text === 'out of memory\n', mayMiss = kills === 0 || (removed && version === 2);
    holds(told ? kills > 0 : text === '' && mayMiss, 'message', () => `${process.name} says ${JSON.stringify(text)} of ${kills} kills`);
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
    holds(count === HANDLES_AT_REST, 'handles', () => `${init.name} has nothing to do and holds ${count} handles`);
    holds(init.children.every((child) => !child.ended), 'zombies', () => `${init.name} has not reaped all that ended`);
  }

  cleared(): void {
    const left = this.stage.world.processes.map(({ name }) => name);
    holds(left.length === 0, 'left', () => `still there: ${left.join(', ')}`);
  }
}
