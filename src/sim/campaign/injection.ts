/** A scenario with faults at exact places: the n-th call of a site, once or from then on. */
import { errnos, type ErrnoName } from '../kernel/errno.js';
import type { ProgramName } from '../../boundary/programs.js';
import type { Call, Fault, FaultPlan } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import type { Programs } from '../guest/instances.js';
import type { Scenario } from '../scenario/scenario.js';
import { runScenario } from './run-scenario.js';

/**
 * A blow: the call fails, once or, in the same process, for ever after; its process is killed; its module traps; or the call moves at
 * most so many bytes.
 */
export type Blow = { errno: ErrnoName; forEver: boolean } | { kill: 'before' | 'after' } | { trap: true } | { size: number };

export interface Injection {
  program: ProgramName;
  /** A call site's id; or a call's name, for all of its sites. */
  place: number | string;
  /** The number of the place's call in the whole run, from 1. */
  hit: number;
  blow: Blow;
}

export interface Injected { scenario: Scenario; injections: readonly Injection[] }

export interface InjectedResult {
  injected: Injected;
  /** Whether every injection took place. */
  struck: boolean;
  /** How often each site was reached, by program: pairs of site and count. */
  reached: Partial<Record<ProgramName, [site: number, count: number][]>>;
  violation: { check: string; words: string } | undefined;
}

/** Calls whose first argument is a handle with readiness: EAGAIN for ever means that the handle is never ready. */
const ON_READINESS = new Set(['read', 'write', 'readv', 'writev', 'splice', 'accept', 'receive', 'send']);

type Counts<Place> = Map<ProgramName, Map<Place, number>>;

/** Carries out injections, and counts how often each site is reached. */
class Injections implements FaultPlan {
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
    if (!places) counts.set(program, places = new Map<Place, number>());
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
