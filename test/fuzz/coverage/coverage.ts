/**
 * What of the sources' branches the kept corpora reach: the recorded runs of all targets are done again in V8, by modules
 * that tell of each branch.
 */
import { compileSources, entryOf } from '../../../tools/build/asc.js';
import { type Counted, countedSources, OUTCOMES_MAX, type Place } from './branches.js';
import { buildRecorder, observableModule } from '../build.js';
import { corpusInputs } from '../differential/differential.js';
import { record } from '../differential/record.js';
import { Replay } from '../differential/replay.js';
import { type Target, targets } from '../targets.js';
import { pairwise } from '../tools.js';
import { type Unreachable, unreachable } from './unreachable.js';

/** One outcome of one place. */
export interface Outcome { place: Place; outcome: string }

interface Explained extends Outcome { why: string }

export interface Coverage {
  /** Outcomes, all and those that were reached. */
  all: number;
  reached: number;
  /** Not reached, with the reason why none could. */
  explained: readonly Explained[];
  /** Not reached, and nobody says why. */
  missed: readonly Outcome[];
  /** Reasons why what was reached, or what does not exist, cannot be. */
  wrong: readonly Unreachable[];
}

export async function coverage(): Promise<Coverage> {
  const counted = countedSources(), noted = new Set<number>();
  await pairwise(targets.filter(({ uncounted }) => !uncounted), (target) => replayCounted(target, counted, noted));
  return judged(counted.places, noted);
}

async function compileCounted(program: string, sources: Counted['sources']): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(observableModule(program, await compileSources(entryOf(program), sources)));
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

async function replayCounted(target: Target, { sources }: Counted, noted: Set<number>): Promise<void> {
  const { program } = target;
  const compiled = modules.get(program) ?? compileCounted(program, sources);
  modules.set(program, compiled);
  const recorder = await buildRecorder(program, observableModule(program)), inputs = corpusInputs(target);
  const { recording, fault } = await record(recorder, target, inputs);
  if (fault !== undefined) throw new Error(`${target.name}: ${fault}`);
  const replay = new Replay(await compiled, recording, { compareState: false, more: { note: (outcome) => noted.add(outcome) } });
  for (const _input of inputs) replay.run();
}

/** What of the places was noted, held against the table of reasons. */
export function judged(places: readonly Place[], noted: ReadonlySet<number>, reasons = unreachable): Coverage {
  const used = new Set<Unreachable>(), missed: Outcome[] = [], explained: Explained[] = [];
  let all = 0;
  const unentered = new Set(places.filter((place, index) => place.text === FUNCTION && !noted.has(index * OUTCOMES_MAX)).map(functionOf));
  for (const [index, place] of places.entries()) {
    for (const [number, outcome] of place.outcomes.entries()) {
      all++;
      if (noted.has(index * OUTCOMES_MAX + number)) continue;
      const reason = reasons.find((candidate) => isFor(candidate, place, outcome))
        ?? reasons.find(({ at }) => unentered.has(functionOf(place)) && at === `${functionOf(place)}: ${FUNCTION}`);
      if (reason) explained.push({ place, outcome, why: reason.why });
      else missed.push({ place, outcome });
      if (reason) used.add(reason);
    }
  }
  const wrong = reasons.filter((reason) => !used.has(reason));
  return { all, reached: all - missed.length - explained.length, explained, missed, wrong };
}

const FUNCTION = 'function';

function functionOf({ file, name }: Place): string { return `${file} ${name}`; }

function isFor({ at, outcome }: Unreachable, place: Place, missing: string): boolean {
  return at === `${place.file} ${place.name}: ${place.text}` && outcome === missing;
}

export function coverageReport({ all, reached, explained, missed, wrong }: Coverage): string {
  const where = ({ place, outcome }: Outcome): string => `  ${place.file}:${place.line} ${place.name}: ${place.text}: ${outcome}`;
  return [
    `${reached} of ${all - explained.length} reachable outcomes are reached; ${explained.length} more cannot be`,
    ...(missed.length > 0 ? ['', 'not reached, without a reason in test/fuzz/coverage/unreachable.ts:', ...missed.map(where)] : []),
    ...(wrong.length > 0 ? ['', 'a reason why they cannot be reached, but they are, or do not exist:', ...wrong.map(({ at, outcome }) => `  ${at}: ${outcome}`)] : []),
    ...(explained.length > 0 ? ['', 'cannot be reached:', ...explained.map((each) => `${where(each)}\n      ${each.why}`)] : []),
  ].join('\n');
}
