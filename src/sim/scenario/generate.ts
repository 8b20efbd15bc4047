/** Generates the scenario of a seed: programs, readers, bad clients, faults, and when each acts. */
import { EXIT_UNKNOWN } from '../../boundary/constants.js';
import { Random } from '../kernel/random.js';
import {
  type Act, type Command, type CommandPlan, type ContainerPlan, type FaultRates, type JobPlan, type LinkPlan, NO_FAULTS, type Reader,
  type Scenario, type Timed,
} from './scenario.js';

const SIGHUP = 1, SIGINT = 2, SIGKILL = 9, SIGUSR1 = 10, SIGTERM = 15, SIGCONT = 18, SIGTSTP = 20;
const ACTS_MAX = 7;
/** One of so many scenarios has a wshd of protocol 1. */
const UNMARKED = 3;
/** Pages that a pipe holds: pipe(7). */
const PIPE_PLACES = 16;
const NO_COMMAND = '/bin/nothing-of-this-name';
const NO_USER = 'nobody-known';

export function generate(seed: number): Scenario {
  // Not the numbers that the world of the same seed uses.
  const random = new Random(seed).fork();
  const containers = Array.from({ length: random.chance(0.08) ? 2 : 1 }, () => containerPlan(random, seed % UNMARKED === 0));
  return {
    seed,
    habits: { shorten: random.pick([0, 0.05, 0.1, 0.3]), interrupt: random.pick([0, 0.05, 0.1, 0.3]) },
    containers,
    acts: new Acts(random, containers.length).all(),
    faults: faultRates(random),
  };
}

/** Half of all scenarios have no faults, so that every check applies to them. */
function faultRates(random: Random): FaultRates {
  switch (random.below(8)) {
    case 0: return { ...NO_FAULTS, errno: 0.01, most: random.between(1, 3) };
    case 1: return { ...NO_FAULTS, kill: 0.003, most: random.between(1, 2) };
    case 2: return { ...NO_FAULTS, stall: 0.01, jump: 0.003, most: 8 };
    case 3: return { errno: 0.004, kill: 0.002, stall: 0.004, jump: 0.002, most: 6 };
    default: return NO_FAULTS;
  }
}

function containerPlan(random: Random, unmarked: boolean): ContainerPlan {
  const hooks: Record<string, string> = {};
  for (const name of ['parent-before-clone', 'parent-after-clone', 'child-before-pivot', 'child-after-pivot']) {
    if (random.chance(0.2)) hooks[name] = random.chance(0.3) ? `sleep ${random.between(1, 50)}` : 'exit 0';
  }
  return { hooks, ...unmarked && { unmarked } };
}

/** Amounts of bytes: none, a few, around a page, around the default ring, rarely a lot. */
function amount(random: Random): number {
  switch (random.below(10)) {
    case 0: return 0;
    case 1: case 2: return random.between(1, 16);
    case 3: case 4: return random.between(17, 2_000);
    case 5: case 6: return random.between(4_090, 4_102);
    case 7: case 8: return random.between(5_000, 20_000);
    default: return random.between(60_000, 90_000);
  }
}

class Acts {
  private readonly list: Timed[] = [];
  private readonly jobs: JobPlan[] = [];
  private readonly wshs: CommandPlan[] = [];
  private readonly links: LinkPlan[] = [];
  private cursors = 0;
  private ooms = 0;

  constructor(private readonly random: Random, private readonly containers: number) {}

  all(): Timed[] {
    const { random } = this;
    for (let left = random.between(1, ACTS_MAX); left > 0; left--) this.next();
    return this.list;
  }

  private put(act: Act, after?: number): void {
    const { random } = this;
    this.list.push({ after: after ?? random.pick([0, 0, random.below(10), random.below(60), random.below(400)]), act });
  }

  private next(): void {
    const { random, jobs, links } = this, choice = random.below(100);
    // The first possible act whose number is above the choice: an act that is not possible gives its share to the next one.
    const acts: readonly (readonly [below: number, isPossible: boolean, act: () => void])[] = [
      [28, true, () => { this.wsh(); }], [48, true, () => { this.job(); }], [54, true, () => { this.resumed(); }],
      [58, true, () => { this.flooded(); }], [68, jobs.length > 0, () => { this.link(random.below(jobs.length)); }],
      [76, links.length > 0, () => { this.restart(); }], [84, true, () => { this.rude(); }],
      [88, jobs.length > 0, () => { this.intruder(); }], [93, true, () => { this.signal(); }], [96, true, () => { this.oom(); }],
      [100, true, () => { this.terminal(); }],
    ];
    acts.find(([below, isPossible]) => choice < below && isPossible)![2]();
  }

  private container(): number { return this.random.below(this.containers); }

  private command(canEcho: boolean): Command {
    const { random } = this, stdout = amount(random), stderr = random.chance(0.3) ? random.between(1, 5_000) : 0;
    const steps: string[] = [];
    const parts = random.between(1, 3);
    for (let part = 0; part < parts; part++) {
      const count = part === parts - 1 ? stdout - part * Math.floor(stdout / parts) : Math.floor(stdout / parts);
      if (count > 0) steps.push(`write 1 ${count} ${random.pick([4096, 4096, 1000, 65536, Math.max(64, Math.ceil(count / 20))])}`);
      if (random.chance(0.2)) steps.push(`sleep ${random.between(1, 3_000)}`);
    }
    if (stderr > 0) steps.splice(random.below(steps.length + 1), 0, `write 2 ${stderr}`);
    return this.ending({ run: { script: [] }, options: [], stdout, stderr, later: 0, echoes: false, ends: 0 }, steps, canEcho);
  }

  private ending(command: Command, steps: string[], canEcho: boolean): Command {
    const { random } = this, code = random.pick([0, 0, 1, 42, 255, random.below(256)]);
    const choice = random.below(100), script = (...more: string[]): Command['run'] => ({ script: [...steps, ...more] });
    const silent = { ...command, stdout: 0, stderr: 0, ends: EXIT_UNKNOWN };
    if (choice < 8) {
      const signal = random.pick([SIGKILL, SIGTERM, SIGUSR1, SIGINT]);
      return { ...command, run: script(`die ${signal}`), ends: -signal };
    }
    if (choice < 16) {
      const later = random.pick([0, random.between(1, 3_000)]);
      return { ...command, run: script(`fork { sleep ${random.between(1, 2_000)}; write 1 ${later} }`, `exit ${code}`), later, ends: code };
    }
    if (choice < 19) return { ...command, run: script('hang'), ends: undefined };
    if (choice < 21) return { ...silent, run: { argv: [NO_COMMAND] } };
    if (choice < 24) return { ...silent, options: ['--user', NO_USER], run: { argv: ['/bin/script'] } };
    if (choice < 27) return { ...command, options: ['--user', 'vcap'], run: script(`exit ${code}`), ends: code };
    if (canEcho && choice < 55) {
      return { ...command, run: { script: ['copy', `exit ${code}`] }, stdout: 0, stderr: 0, echoes: true, ends: code };
    }
    if (canEcho && choice < 65) return { ...command, run: { script: ['drain', ...steps, `exit ${code}`] }, ends: code };
    return { ...command, run: script(`exit ${code}`), ends: code };
  }

  private reader(): Reader {
    const { random } = this;
    if (random.chance(0.85)) return 'eager';
    return random.chance(0.6) ? 'late' : { goneAfter: random.below(3_000) };
  }

  private wsh(): void {
    const { random } = this, fed = random.chance(0.5), command = this.command(fed);
    const act: CommandPlan = {
      do: 'wsh', container: this.container(), command, stdout: this.reader(), stderr: random.chance(0.9) ? 'eager' : this.reader(),
      ...(fed ? { stdin: { bytes: amount(random), ends: random.chance(0.9) } } : {}), sockets: random.chance(0.3),
    };
    this.wshs.push(act);
    this.put(act);
  }

  private terminal(): void {
    const { random } = this, code = random.below(256);
    const command: Command = {
      run: random.chance(0.5) ? { argv: [] } : { script: ['say 1 ready', 'interpret'] },
      options: [], stdout: 0, stderr: 0, later: 0, echoes: false, ends: code,
    };
    const act: CommandPlan = {
      do: 'wsh', container: this.container(), command, terminal: random.between(2, 99), stdout: 'eager', stderr: 'eager',
      // A shell that does not exit gets a hangup at the end.
      keys: ['say 1 one\r', 'print 1 size\r', `exit ${code}\r`].filter(() => random.chance(0.7)),
    };
    this.put(act);
    // Often after the shell has started: a size set before that is the first one.
    if (random.chance(0.7)) this.put({ do: 'resize', wsh: this.wshs.length, rows: random.between(2, 99) }, random.pick([0, 60, 200]));
    if (random.chance(0.2)) this.put({ do: 'signal', to: 'wsh', index: this.wshs.length, signal: random.pick([SIGTSTP, SIGCONT, SIGHUP]) });
    this.wshs.push(act);
  }

  private job(): void {
    const { random } = this, options: string[] = [];
    if (random.chance(0.6)) options.push('--ring', random.pick(['4K', '4K', '8K', '16K']));
    if (random.chance(0.25)) options.push('--slow', random.chance(0.8) ? 'drop' : 'wait');
    if (random.chance(0.15)) options.push('--linger', String(random.between(0, 3)));
    if (random.chance(0.1)) options.push('--exit-file', `/exit${this.jobs.length}`);
    if (random.chance(0.1)) options.push('--log', `/log${this.jobs.length}`, '--log-size-max', String(random.between(100, 5_000)));
    const act: JobPlan = { do: 'job', container: this.container(), command: this.command(false), options };
    this.jobs.push(act);
    this.put(act);
    // A job without any link waits for ever: only few jobs are like that.
    for (let left = random.chance(0.05) ? 0 : random.pick([1, 1, 1, 2, 3]); left > 0; left--) this.link(this.jobs.length - 1);
  }

  private link(job: number, cursor = this.random.chance(0.5) ? this.cursors++ : undefined): void {
    const { random } = this, stdout = this.reader(), stderr = random.chance(0.9) ? 'eager' : this.reader();
    const act: LinkPlan = { do: 'link', job, cursor, stdout, stderr, sockets: random.chance(0.3) };
    this.links.push(act);
    this.put(act);
  }

  /** Ends a link; another one resumes where it stopped. */
  private restart(): void {
    const { random } = this, index = random.below(this.links.length), { job, cursor } = this.links[index]!;
    this.put({ do: 'signal', to: 'link', index, signal: random.pick([SIGTERM, SIGTERM, SIGINT, SIGKILL]) });
    if (random.chance(0.9)) this.link(job, cursor);
  }

  /** Ends a link while the command pauses; another one resumes where it stopped. */
  private resumed(): void {
    const { random } = this, parts = Array.from({ length: random.between(2, 4) }, () => random.between(1, 6_000));
    const job = this.jobs.length, script = parts.flatMap((count) => [`write 1 ${count}`, 'write 2 10', `sleep ${random.between(100, 2_500)}`]);
    const command: Command = {
      run: { script }, options: [], stdout: parts.reduce((sum, count) => sum + count), stderr: parts.length * 10,
      later: 0, echoes: false, ends: 0,
    };
    const act: JobPlan = { do: 'job', container: this.container(), command, options: random.chance(0.7) ? ['--ring', '4K'] : [] };
    this.jobs.push(act);
    this.put(act);
    const cursor = this.cursors++;
    for (let left = random.between(1, 2); left > 0; left--) {
      const link: LinkPlan = { do: 'link', job, cursor, stdout: 'eager', stderr: 'eager', sockets: random.chance(0.3) };
      this.put(link, random.between(0, 40));
      const signal = random.pick([SIGTERM, SIGTERM, SIGINT, SIGKILL]);
      this.put({ do: 'signal', to: 'link', index: this.links.length, signal }, random.between(20, 150));
      this.links.push(link);
    }
    const last: LinkPlan = { do: 'link', job, cursor, stdout: 'eager', stderr: 'eager' };
    this.put(last, random.between(0, 40));
    this.links.push(last);
  }

  /**
   * More output than pipes, sockets and ring hold, or as many pieces as a pipe has slots, and a link that does not read; then a
   * request to end the job.
   */
  private flooded(): void {
    const { random } = this, job = this.jobs.length, code = random.below(256);
    // With a pause after each, pieces stay separate up to the pipe that nobody reads.
    const pieces = random.pick([0, random.between(PIPE_PLACES - 1, PIPE_PLACES + 1)]), piece = random.between(20, 300);
    const stdout = pieces === 0 ? random.between(250_000, 500_000) : piece * pieces;
    const writes = pieces === 0 ? `write 1 ${stdout} 65536` : `repeat ${pieces} { write 1 ${piece}; sleep ${random.between(1, 20)} }`;
    const command: Command = {
      run: { script: [writes, `exit ${code}`] }, options: [], stdout, stderr: 0, later: 0, echoes: false, ends: code,
    };
    const options = [...random.chance(0.5) ? ['--ring', '512K'] : [], ...random.chance(0.3) ? ['--slow', 'drop'] : []];
    const act: JobPlan = { do: 'job', container: this.container(), command, options };
    this.jobs.push(act);
    this.put(act);
    for (const reader of ['late', ...random.chance(0.5) ? ['eager' as const] : []] as const) {
      const link: LinkPlan = { do: 'link', job, cursor: undefined, stdout: reader, stderr: 'eager' };
      this.put(link, random.between(0, 40));
      this.links.push(link);
    }
    if (random.chance(0.5)) this.put({ do: 'signal', to: 'job', index: job, signal: SIGTERM }, random.between(50, 500));
  }

  private rude(): void {
    const { random } = this;
    const sends = random.pick(['part', 'part', 'garbage', 'long', 'version', 'tty', 'arguments', 'limits', 'limit', 'user'] as const);
    const bytes = random.pick([0, 1, random.below(9_656), 9_655]);
    this.put({ do: 'rude', container: this.container(), sends, bytes, closes: random.chance(0.4) });
  }

  private intruder(): void {
    const { random } = this;
    const manner = random.pick(['touches', 'chatters', 'stares'] as const), socket = random.pick(['stdout', 'stderr', 'status'] as const);
    this.put({ do: 'intruder', job: random.below(this.jobs.length), socket, manner });
  }

  private signal(): void {
    const { random } = this, to = random.pick(['wshd', 'wsh', 'job', 'job', 'jobs-wsh', 'command', 'command', 'oom'] as const);
    const signal = to === 'job' ? random.pick([SIGTERM, SIGTERM, SIGINT, SIGKILL]) : random.pick([SIGKILL, SIGTERM]);
    const jobs = this.jobs.length, wshs = this.wshs.length;
    const of = { wshd: this.containers, wsh: wshs, job: jobs, 'jobs-wsh': jobs, command: wshs + jobs, oom: this.ooms };
    if (of[to] > 0) this.put({ do: 'signal', to, index: random.below(of[to]), signal: to === 'wshd' ? SIGKILL : signal });
  }

  private oom(): void {
    const { random } = this;
    this.ooms++;
    this.put({ do: 'oom', version: random.pick([1, 2]), kills: random.pick([0, 1, 1, 3]), removed: random.chance(0.5) });
  }
}
