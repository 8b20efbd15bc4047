/**
 * Makes each call site of each program fail with each errno that its call can return, once and for ever after; kills the program
 * before and after the call; and lets the module trap there. A site is struck in the first runs of a list that reach it. A site that
 * only a failure leads to is struck on top of that failure.
 */
import type { ErrnoName } from '../kernel/errno.js';
import { errnosOf } from '../scenario/call-errnos.js';
import { PROGRAM_NAMES, type ProgramName } from '../../boundary/programs.js';
import type { Site } from '../wasm/sites.js';
import { sitesOf } from './instrumented.js';
import { processors, runPool } from './pool.js';
import type { Blow, Injected, InjectedResult, Injection } from './injection.js';
import { bases } from './exhaustive-scenarios.js';

/** The number of runs in which a site is struck, of all that reach it: the first ones of the list. */
const BASES_A_SITE = 2;
/** The largest number of failures that a site may need to be reached. */
const ROUNDS = 4;
const TASK_RUNS = 20;

export interface ExhaustiveFailure { site: string; blow: string; check: string; words: string; injected: Injected }

export interface Report {
  /** Number of call sites of all programs; `reached`: of those reached. */
  sites: number;
  reached: number;
  /** Sites × errnos × (once, for ever), kills before and after, and traps; and the number of those that were carried out. */
  blows: number;
  struck: number;
  runs: number;
  seconds: number;
  /** "wshd read#3 (function 12, 0x1a3): EIO, for ever" */
  missed: string[];
  failures: ExhaustiveFailure[];
}

export interface ExhaustiveOptions {
  workers?: number;
  modules?: Readonly<Record<string, Uint8Array>>;
  signal?: AbortSignal;
  onProgress?(done: number, total: number, failures: number): void;
}

/** The blows for a site. */
function blowsAt({ call }: Site): Blow[] {
  const failures = errnosOf(call).flatMap((errno: ErrnoName) => [{ errno, forEver: false }, { errno, forEver: true }]);
  return [...failures, { kill: 'before' }, { kill: 'after' }, { trap: true }];
}

function blowName(blow: Blow): string {
  if ('trap' in blow) return 'a trap before it';
  if ('size' in blow) return `at most ${blow.size} bytes`;
  return 'kill' in blow ? `killed ${blow.kill} it` : `${blow.errno}, ${blow.forEver ? 'for ever' : 'once'}`;
}

/** The knowledge about a site. */
class SiteState {
  bases = 0;
  readonly struck = new Set<string>();

  constructor(readonly program: ProgramName, readonly site: Site, private readonly number: number) {}

  get name(): string { return `${this.program} ${this.site.call}#${this.number} (function ${this.site.function}, 0x${this.site.offset.toString(16)})`; }
}

class Exhaustion {
  readonly targets = new Map<string, SiteState>();
  readonly failures: ExhaustiveFailure[] = [];
  runs = 0;
  private queue: Injected[] = [];
  private total = 0;

  constructor(private readonly options: ExhaustiveOptions) {
    for (const program of PROGRAM_NAMES) {
      const numbers = new Map<string, number>();
      for (const site of sitesOf(program)) {
        const number = (numbers.get(site.call) ?? 0) + 1;
        numbers.set(site.call, number);
        this.targets.set(`${program} ${site.id}`, new SiteState(program, site, number));
      }
    }
  }

  async run(): Promise<void> {
    this.queue = bases();
    for (let round = 0; round <= ROUNDS && this.queue.length > 0 && this.options.signal?.aborted !== true; round++) {
      this.total += this.queue.length;
      const results = await this.runQueue();
      this.queue = [];
      // In the queue's order, whichever thread was faster, so that the runs are the same every time. An interrupted run leaves gaps.
      results.forEach((result) => this.follow(result));
    }
  }

  private async runQueue(): Promise<InjectedResult[]> {
    const { queue, options } = this, results: InjectedResult[] = [];
    let next = 0;
    await runPool({
      workers: options.workers ?? processors(), modules: options.modules, signal: options.signal,
      take: () => {
        const first = next;
        next += TASK_RUNS;
        return first < queue.length ? { first, injected: queue.slice(first, next) } : undefined;
      },
      answered: (answer) => {
        if (!('results' in answer)) return;
        for (const [index, result] of answer.results.entries()) results[answer.first + index] = result;
        this.runs += answer.results.length;
        options.onProgress?.(this.runs, this.total, this.failures.length);
      },
    });
    return results;
  }

  private follow({ injected, struck, reached, violation }: InjectedResult): void {
    const last = injected.injections.at(-1), target = last && this.targets.get(`${last.program} ${last.place}`);
    if (target && struck) target.struck.add(blowName(last.blow));
    if (violation) this.failures.push({ site: target?.name ?? 'no call', blow: last ? blowName(last.blow) : 'no fault', ...violation, injected });
    // A failure that did not come to its call leads to nothing.
    if (!struck) return;
    for (const [program, sites] of Object.entries(reached)) {
      for (const [site, count] of sites) this.strike(this.targets.get(`${program} ${site}`), injected, count);
    }
  }

  /** Plans all blows at a site that this run has reached, unless enough runs are planned for it. */
  private strike(target: SiteState | undefined, { scenario, injections }: Injected, count: number): void {
    if (!target || target.bases >= BASES_A_SITE) return;
    if (injections.some(({ program, place }) => program === target.program && place === target.site.id)) return;
    target.bases++;
    for (const blow of blowsAt(target.site)) {
      for (const hit of new Set([1, count])) {
        const injection: Injection = { program: target.program, place: target.site.id, hit, blow };
        this.queue.push({ scenario, injections: [...injections, injection] });
      }
    }
  }
}

export async function runExhaustive(options: ExhaustiveOptions = {}): Promise<Report> {
  const started = performance.now(), exhaustion = new Exhaustion(options);
  await exhaustion.run();
  const targets = [...exhaustion.targets.values()];
  const blows = targets.flatMap((target) => blowsAt(target.site).map((blow) => ({ target, name: blowName(blow) })));
  const missed = blows.filter(({ target, name }) => !target.struck.has(name));
  return {
    sites: targets.length, reached: targets.filter((target) => target.bases > 0).length,
    blows: blows.length, struck: blows.length - missed.length,
    runs: exhaustion.runs, seconds: (performance.now() - started) / 1000,
    missed: missed.map(({ target, name }) => `${target.name}: ${name}`), failures: exhaustion.failures,
  };
}

export function describeReport(report: Report): string {
  const failures = report.failures.map(({ site, blow, check, words }) => `${site}, ${blow}: ${check}: ${words}`);
  return [
    ...failures, ...report.missed.map((each) => `not reached: ${each}`),
    `${report.reached} of ${report.sites} call sites reached, ${report.struck} of ${report.blows} blows (errnos once and for ever, kills before and after, traps)`,
    `${report.runs} runs in ${report.seconds.toFixed(1)} s, ${failures.length} with a check that does not hold`,
  ].join('\n');
}
