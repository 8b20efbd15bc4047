/** One scenario from a seed, with everything that is asked of it. */
import { Blame } from '../checkers/blame.js';
import { type Checker, Violation } from '../checkers/checker.js';
import { CommandsChecker } from '../checkers/commands.js';
import { Facts } from '../checkers/facts.js';
import { JobsChecker } from '../checkers/jobs.js';
import { LinksChecker } from '../checkers/links.js';
import { ModulesChecker } from '../checkers/modules.js';
import { ServiceChecker } from '../checkers/service.js';
import { SimulationError } from '../kernel.js';
import type { FaultPlan, Observer } from '../plan.js';
import type { Programs } from '../programs.js';
import { SeededFaults } from '../scenarios/faults.js';
import type { Scenario } from '../scenarios/scenario.js';
import { Stage } from '../scenarios/stage.js';

/** What a scenario takes at most: one that takes more goes round in circles. */
const STEPS_MAX = 200_000;

export interface Outcome {
  steps: number;
  /** What did not hold first; undefined when all did. */
  violation: { check: string; words: string } | undefined;
}

/** Plays the scenario; `observers` see it, too. */
export function runScenario(programs: Programs, scenario: Scenario, observers: readonly Observer[] = [], faults?: FaultPlan): Outcome {
  const plan = faults ?? (scenario.faults.most > 0 ? new SeededFaults(scenario) : undefined);
  const stage = new Stage({ programs, scenario, plan, stepsMax: STEPS_MAX });
  const blame = new Blame(stage), facts = new Facts(), jobs = new JobsChecker(stage, blame, facts);
  const checkers: Checker[] = [
    blame, facts, new ModulesChecker(), jobs, new LinksChecker(stage, blame, jobs), new CommandsChecker(stage, blame, facts),
    new ServiceChecker(stage, blame, jobs),
  ];
  // Those that only look on see an event before it is judged.
  stage.observe(...observers, ...checkers);
  const outcome: Outcome = { steps: 0, violation: undefined };
  try {
    perform(stage, checkers);
  } catch (error) {
    outcome.violation = violationOf(error);
  }
  stage.world.audience.clear();
  stage.abandon();
  outcome.steps = stage.world.steps;
  return outcome;
}

function perform(stage: Stage, checkers: readonly Checker[]): void {
  stage.play();
  for (const checker of checkers) checker.quiet?.();
  stage.release();
  for (const checker of checkers) checker.released?.();
  stage.clear();
  for (const checker of checkers) checker.cleared?.();
}

function violationOf(error: unknown): Outcome['violation'] {
  if (error instanceof Violation) return { check: error.check, words: error.message };
  // Nobody makes any progress, but somebody is busy.
  if (error instanceof SimulationError) return { check: 'nobody-waits', words: error.message };
  // The kernel's own mistake, or a checker's: found again by its seed like any other.
  return { check: 'simulation', words: error instanceof Error ? error.stack ?? error.message : String(error) };
}
