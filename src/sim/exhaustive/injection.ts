/** A scenario with faults at exact places: the n-th call of a site, once or from then on. */
import { errnos, type ErrnoName } from '../errno.js';
import type { ProgramName } from '../files.js';
import type { Call, Fault, FaultPlan } from '../plan.js';
import type { Process } from '../process.js';
import type { Programs } from '../programs.js';
import type { Scenario } from '../scenarios/scenario.js';
import { runScenario } from '../swarm/run.js';

/** What is done to a call: it fails, once or, in the same process, for ever after; or its process is killed. */
export type Blow = { errno: ErrnoName; forEver: boolean } | { kill: 'before' | 'after' };

export interface Injection {
  program: ProgramName;
  site: number;
  /** Which of the site's calls in the whole run: 1 is the first. */
  hit: number;
  blow: Blow;
}

export interface Injected { scenario: Scenario; injections: readonly Injection[] }

export interface InjectedResult {
  injected: Injected;
  /** Whether every injection came to its call. */
  struck: boolean;
  /** How often each site was reached, by program: pairs of site and count. */
  reached: Partial<Record<ProgramName, [site: number, count: number][]>>;
  violation: { check: string; words: string } | undefined;
}

/** Calls whose first number is a handle that readiness belongs to: EAGAIN for ever means that it never comes. */
const ON_READINESS = new Set(['read', 'write', 'readv', 'writev', 'splice', 'accept', 'receive']);

/** Strikes where it is told, and counts who was where. */
export class Injections implements FaultPlan {
  readonly counts = new Map<ProgramName, Map<number, number>>();
  private readonly struck = new Map<Injection, Process>();

  constructor(private readonly injections: readonly Injection[]) {}

  get haveStruck(): boolean { return this.struck.size === this.injections.length; }

  at({ process, name, siteId }: Call): Fault | undefined {
    const { program } = process;
    if (program === undefined) return undefined;
    const hit = this.count(program, siteId);
    for (const injection of this.injections) {
      if (injection.program !== program || injection.site !== siteId) continue;
      const { blow } = injection, again = 'errno' in blow && blow.forEver && this.struck.get(injection) === process;
      if (hit !== injection.hit && !again) continue;
      this.struck.set(injection, process);
      return faultOf(blow, name);
    }
    return undefined;
  }

  private count(program: ProgramName, site: number): number {
    let sites = this.counts.get(program);
    if (!sites) this.counts.set(program, sites = new Map());
    const count = (sites.get(site) ?? 0) + 1;
    sites.set(site, count);
    return count;
  }
}

function faultOf(blow: Blow, call: string): Fault {
  if ('kill' in blow) return { kill: blow.kill };
  return { errno: errnos[blow.errno], ...(blow.forEver && blow.errno === 'EAGAIN' && ON_READINESS.has(call) ? { mute: true } : {}) };
}

export function runInjected(programs: Programs, injected: Injected): InjectedResult {
  const plan = new Injections(injected.injections), { violation } = runScenario(programs, injected.scenario, [], plan);
  const reached = Object.fromEntries([...plan.counts].map(([program, sites]) => [program, [...sites]]));
  return { injected, struck: plan.haveStruck, reached, violation };
}
