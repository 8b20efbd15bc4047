/** A scenario with faults at exact places: the n-th call of a site, once or from then on. */
import { errnos, type ErrnoName } from '../errno.js';
import type { ProgramName } from '../files.js';
import type { Call, Fault, FaultPlan } from '../plan.js';
import type { Process } from '../process.js';
import type { Programs } from '../programs.js';
import type { Scenario } from '../scenarios/scenario.js';
import { runScenario } from '../swarm/run.js';

/** What is done to a call: it fails, once or, in the same process, for ever after; its process is killed; its module traps. */
export type Blow = { errno: ErrnoName; forEver: boolean } | { kill: 'before' | 'after' } | { trap: true };

export interface Injection {
  program: ProgramName;
  /** A call site's id; or a call's name: all of its sites. */
  place: number | string;
  /** Which of the place's calls in the whole run: 1 is the first. */
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

type Counts<Place> = Map<ProgramName, Map<Place, number>>;

/** Strikes where it is told, and counts who was where. */
export class Injections implements FaultPlan {
  private readonly sites: Counts<number> = new Map();
  private readonly names: Counts<string> = new Map();
  private readonly struck = new Map<Injection, Process>();

  constructor(private readonly injections: readonly Injection[]) {}

  get haveStruck(): boolean { return this.struck.size === this.injections.length; }

  at({ process, name, siteId }: Call): Fault | undefined {
    const { program } = process;
    if (program === undefined) return undefined;
    const hits = { [siteId]: this.count(this.sites, program, siteId), [name]: this.count(this.names, program, name) };
    for (const injection of this.injections) {
      const hit = hits[injection.place];
      if (injection.program !== program || hit === undefined) continue;
      const { blow } = injection, again = 'errno' in blow && blow.forEver && this.struck.get(injection) === process;
      if (hit !== injection.hit && !again) continue;
      this.struck.set(injection, process);
      return faultOf(blow, name);
    }
    return undefined;
  }

  /** How often each site was reached, by program. */
  get reached(): InjectedResult['reached'] {
    return Object.fromEntries([...this.sites].map(([program, sites]) => [program, [...sites]]));
  }

  private count<Place>(counts: Counts<Place>, program: ProgramName, place: Place): number {
    let places = counts.get(program);
    if (!places) counts.set(program, places = new Map());
    const count = (places.get(place) ?? 0) + 1;
    places.set(place, count);
    return count;
  }
}

function faultOf(blow: Blow, call: string): Fault {
  if (!('errno' in blow)) return blow;
  return { errno: errnos[blow.errno], ...(blow.forEver && blow.errno === 'EAGAIN' && ON_READINESS.has(call) ? { mute: true } : {}) };
}

export function runInjected(programs: Programs, injected: Injected): InjectedResult {
  const plan = new Injections(injected.injections), { violation } = runScenario(programs, injected.scenario, [], plan);
  return { injected, struck: plan.haveStruck, reached: plan.reached, violation };
}
