/** Faults as the seed wants them: which calls fail, and how. */
import { errnos } from '../errno.js';
import { errnosOf } from '../errnos.js';
import type { Call, Fault, FaultPlan } from '../plan.js';
import { Random } from '../random.js';
import type { Scenario } from './scenario.js';

/** All of a scenario's together stay below every deadline: what is late is late by the logic's fault. */
const STALL_MS_MAX = 400, JUMP_MS_MAX = 400;

export class SeededFaults implements FaultPlan {
  private readonly random: Random;
  private left: number;

  constructor(private readonly scenario: Scenario) {
    // Not the numbers that the world, or the scenario, was made of.
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

/** "errno", "kill", "stall", "jump": which kind a fault is. */
export function kindOf(fault: Fault): string {
  return fault.errno !== undefined ? 'errno' : fault.kill !== undefined ? 'kill' : fault.stallMs !== undefined ? 'stall' : 'jump';
}
