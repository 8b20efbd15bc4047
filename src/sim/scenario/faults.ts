/** A fault plan from a seed: which calls fail, and how. */
import { errnos } from '../kernel/errno.js';
import { errnosOf } from './call-errnos.js';
import type { Call, Fault, FaultPlan } from '../kernel/events.js';
import { Random } from '../kernel/random.js';
import type { Scenario } from './scenario.js';

/** The sum of all pauses and jumps of a scenario stays below every deadline: if something is late, the logic is at fault. */
const STALL_MS_MAX = 400, JUMP_MS_MAX = 400;

export class SeededFaults implements FaultPlan {
  private readonly random: Random;
  private left: number;

  constructor(private readonly scenario: Scenario) {
    // Neither the numbers of the world, nor those of the scenario.
    this.random = new Random(scenario.seed).fork().fork();
    this.left = scenario.faults.most;
  }

  at(call: Call): Fault | undefined {
    if (this.left === 0) return undefined;
    const fault = this.choose(call);
    if (fault) this.left--;
    return fault;
  }

  private choose(call: Call): Fault | undefined {
    const { random, scenario: { faults: { errno, kill, stall, jump } } } = this;
    if (random.chance(errno)) {
      const errnosThere = errnosOf(call.name);
      return errnosThere.length === 0 ? undefined : { errno: errnos[random.pick(errnosThere)] };
    }
    if (random.chance(kill)) return { kill: random.pick(['before', 'after'] as const) };
    if (random.chance(stall)) return { stallMs: random.between(1, STALL_MS_MAX) };
    return random.chance(jump) ? { jumpMs: random.between(1, JUMP_MS_MAX) } : undefined;
  }
}

/** The kind of a fault: "errno", "kill", "stall", "jump". */
export function kindOf(fault: Fault): string {
  if (fault.errno !== undefined) return 'errno';
  if (fault.kill !== undefined) return 'kill';
  return fault.stallMs !== undefined ? 'stall' : 'jump';
}
