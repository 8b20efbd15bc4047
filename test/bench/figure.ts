/** A figure is one row of the table; adding one is an entry in `figures.ts`. Here is how any figure is measured. */
import type { Bench, ProgramSet } from './bench.js';
import { median, type Summary, summarize } from './statistics.js';

export interface Figure {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  readonly unit: Unit;
  /** The most that the ratio may be; where there is no reference, the most that the value may be. */
  readonly goal?: number;
  readonly rounds: number;
  readonly quickRounds: number;
  /** Once a set of programs, before the rounds: what has to hold for the samples to mean anything. */
  readonly check?: (bench: Bench, set: ProgramSet) => Promise<void>;
  /** The samples of one round. */
  readonly sample: (bench: Bench, set: ProgramSet) => Promise<number[]>;
  /** The same for what ours is compared with. It gets our set, to find our container. */
  readonly reference?: (bench: Bench, set: ProgramSet) => Promise<number[]>;
  /** How samples become the value; the median unless told. */
  readonly value?: (samples: readonly number[]) => number;
}

export interface Unit {
  readonly name: string;
  readonly digits: number;
}

export interface Row {
  readonly figure: Figure;
  readonly reference?: Summary;
  readonly sets: readonly SetResult[];
}

export interface SetResult {
  readonly name: string;
  readonly value: Summary;
  readonly ratio?: Summary;
  readonly met?: boolean;
}

interface Side {
  readonly sample: () => Promise<number[]>;
  readonly rounds: number[][];
}

export async function measure(figure: Figure, bench: Bench): Promise<Row> {
  const { reference, sample, check } = figure;
  const ours = bench.sets[0]!;
  for (const set of bench.sets) await check?.(bench, set);
  const side = (take: () => Promise<number[]>): Side => ({ sample: take, rounds: [] });
  const base = reference && side(() => reference(bench, ours));
  const sides = bench.sets.map((set) => side(() => sample(bench, set)));
  await takeRounds(base ? [base, ...sides] : sides, bench.quick ? figure.quickRounds : figure.rounds);
  const sets = bench.sets.map((set, index) => compare(figure, set.name, sides[index]!, base));
  return base ? { figure, reference: summarize(base.rounds.flat(), median), sets } : { figure, sets };
}

/** All sides in every round, so that a busy moment of the machine hits them alike; each round the other way round. */
async function takeRounds(sides: Side[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? sides : [...sides].reverse();
    for (const side of order) side.rounds.push(await side.sample());
  }
}

function compare(figure: Figure, name: string, side: Side, base: Side | undefined): SetResult {
  const value = summarize(side.rounds.flat(), figure.value ?? median);
  const ratio = base && summarize(side.rounds.map((samples, round) => median(samples) / median(base.rounds[round]!)), median);
  return {
    name, value,
    ...(ratio ? { ratio } : {}),
    ...(figure.goal === undefined ? {} : { met: (ratio ?? value).value <= figure.goal }),
  };
}
