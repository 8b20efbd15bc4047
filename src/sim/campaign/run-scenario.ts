/** Runs one scenario with all checkers. */
import { Blame } from '../checkers/blame.js';
import { type Checker, Violation } from '../checkers/checker.js';
import { CommandsChecker } from '../checkers/commands.js';
import { Facts } from '../checkers/facts.js';
import { JobsChecker } from '../checkers/jobs.js';
import { LinksChecker } from '../checkers/links.js';
import { ModulesChecker } from '../checkers/modules.js';
import { MonitorsChecker } from '../checkers/monitors.js';
import { ServiceChecker } from '../checkers/service.js';
import { SimulationError } from '../kernel/kernel.js';
import type { FaultPlan, Observer } from '../kernel/events.js';
import type { Programs } from '../guest/instances.js';
import { SeededFaults } from '../scenario/faults.js';
import type { Scenario } from '../scenario/scenario.js';
import { Stage } from '../scenario/stage.js';

/** A scenario that takes more steps than this does not end. */
const STEPS_MAX = 200_000;

export interface Outcome {
  steps: number;
  /** The first violation; undefined when all checks hold. */
  violation: { check: string; words: string } | undefined;
}

/** Plays the scenario; `observers` receive its events, too. */
export function runScenario(programs: Programs, scenario: Scenario, observers: readonly Observer[] = [], faults?: FaultPlan): Outcome {
  const plan = faults ?? (scenario.faults.most > 0 ? new SeededFaults(scenario) : undefined);
  const stage = new Stage({ programs, scenario, plan, stepsMax: STEPS_MAX });
  const blame = new Blame(stage), facts = new Facts(), jobs = new JobsChecker(stage, blame, facts);
  const checkers: Checker[] = [
    blame, facts, new ModulesChecker(), jobs, new LinksChecker(stage, blame, jobs), new CommandsChecker(stage, blame, facts),
    new ServiceChecker(stage, blame, jobs), new MonitorsChecker(stage, blame),
  ];
  // Observers come first: they get an event before a checker rejects it.
  stage.observe(...observers, ...checkers);
  const outcome: Outcome = { steps: 0, violation: undefined };
  try {
    perform(stage, checkers);
  } catch (error) {
    outcome.violation = violationOf(error);
  }
  stage.world.observers.clear();
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
  // No process makes progress, but one is busy.
  if (error instanceof SimulationError) return { check: 'nobody-waits', words: error.message };
  // A mistake of the kernel or of a checker: its seed finds it again like any other.
  return { check: 'simulation', words: error instanceof Error ? error.stack ?? error.message : String(error) };
}
