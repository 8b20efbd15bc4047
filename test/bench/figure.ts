/** A figure is one row of the table; adding one is an entry in `figures.ts`. Here is how any figure is measured. */
import type { Bench, ProgramSet } from './bench.js';
import { median, type Summary, summarize } from './statistics.js';

export interface Figure {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  /** The most that the ratio to the first reference may be; without references, the most that the value may be. */
  readonly goal?: number;
  readonly rounds: number;
  readonly quickRounds: number;
  /** The library's or the command's: another set of programs has none of that. */
  readonly ownOnly?: boolean;
  /** Once a set of programs, before the rounds: what has to hold for the samples to mean anything. */
  readonly check?: (bench: Bench, set: ProgramSet) => Promise<void>;
  /** The samples of one round. */
  readonly sample: (bench: Bench, set: ProgramSet) => Promise<number[]>;
  readonly references?: readonly Reference[];
  /** How samples become the value; the median unless told. */
  readonly value?: (samples: readonly number[]) => number;
  /** What the value is made of, a line each, once it is measured. */
  readonly details?: (bench: Bench, set: ProgramSet) => Promise<string[]>;
}

/** What ours is compared with: the same work done otherwise. */
export interface Reference {
  readonly title: string;
  /** Why this machine cannot do it; undefined when it can. */
  readonly missing?: (bench: Bench) => Promise<string | undefined>;
  /** It gets our set, to find our container. */
  readonly sample: (bench: Bench, set: ProgramSet) => Promise<number[]>;
}

export interface Unit {
  readonly name: string;
  readonly digits: number;
}

export interface Row {
  readonly figure: Figure;
  readonly sets: readonly SetResult[];
  /** In the figure's order. */
  readonly references: readonly ReferenceResult[];
  readonly details: readonly string[];
}

export interface SetResult {
  readonly name: string;
  readonly value: Summary;
  readonly met?: boolean;
}

export interface ReferenceResult {
  readonly title: string;
  readonly missing?: string;
  readonly value?: Summary;
  /** Of each set to it, in their order. */
  readonly ratios: readonly Summary[];
}

interface Side {
  readonly sample: () => Promise<number[]>;
  readonly rounds: number[][];
}

export async function measure(figure: Figure, bench: Bench): Promise<Row> {
  const sets = figure.ownOnly ? bench.sets.slice(0, 1) : bench.sets;
  const ours = bench.sets[0]!;
  for (const set of sets) await figure.check?.(bench, set);
  const side = (take: () => Promise<number[]>): Side => ({ sample: take, rounds: [] });
  const references = await Promise.all((figure.references ?? []).map(async (reference) => {
    const missing = await reference.missing?.(bench);
    return missing === undefined ? { reference, side: side(() => reference.sample(bench, ours)) } : { reference, missing };
  }));
  const sides = sets.map((set) => side(() => figure.sample(bench, set)));
  await takeRounds([...references.flatMap((one) => one.side ?? []), ...sides], bench.quick ? figure.quickRounds : figure.rounds);
  const results = references.map((one): ReferenceResult => {
    const { title } = one.reference;
    if (!one.side) return { title, missing: one.missing, ratios: [] };
    const { rounds } = one.side;
    return { title, value: summarize(rounds.flat(), median), ratios: sides.map((of) => ratio(of, one.side)) };
  });
  const details = await figure.details?.(bench, ours) ?? [];
  return { figure, references: results, details, sets: sides.map((of, at) => result(figure, sets[at]!.name, of, results[0]?.ratios[at])) };
}

/** All sides in every round, so that a busy moment of the machine hits them alike; each round the other way round. */
async function takeRounds(sides: Side[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? sides : [...sides].reverse();
    for (const side of order) side.rounds.push(await side.sample());
  }
}

function ratio(side: Side, base: Side): Summary {
  return summarize(side.rounds.map((samples, round) => median(samples) / median(base.rounds[round]!)), median);
}

function result(figure: Figure, name: string, side: Side, toFirst: Summary | undefined): SetResult {
  const value = summarize(side.rounds.flat(), figure.value ?? median);
  const { goal, references } = figure;
  const judged = references ? toFirst : value;
  return { name, value, ...(goal === undefined || !judged ? {} : { met: judged.value <= goal }) };
}
