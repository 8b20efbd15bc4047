/** Plays random sequences on the simulation and on Linux, and shrinks one whose results differ. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Random } from '../../../src/sim/kernel/random.js';
import type { Player } from './player.js';
import type { Kind, Played, Step } from './sequence.js';

const NUMBER_MAX = 0xffff;
/** Sequences that the player has at the same time. */
const BATCH = 64;
const SHRINK_MS_MAX = 20_000;
/** Of this many sequences, Linux may answer one in two ways: on a busy machine a process or a worker of the kernel can be late beyond all patience. */
const SEQUENCES_A_RETRY = 100;
const REPEATS = 5, REPEAT_PAUSE_MS = 200;

export interface Difference {
  readonly seed: number;
  /** The shortest sequence that was found: each line with the simulation's result, and Linux's where it is another one. */
  readonly text: string;
}

export interface CompareOptions {
  readonly kind: Kind;
  readonly count: number;
  /** Of the first sequence; each further one has the next. */
  readonly seed: number;
  readonly player: Player;
  onProgress?(done: number): void;
}

function stepsOf(kind: Kind, seed: number): Step[] {
  const random = new Random(seed), number = (): number => random.below(NUMBER_MAX + 1);
  return Array.from({ length: random.between(1, kind.stepsMax) }, () => [number(), number(), number(), number()]);
}

function simulate(kind: Kind, steps: readonly Step[]): Played[] {
  const subject = kind.begin(), played: Played[] = [];
  for (const step of steps) {
    const one = subject.play(step), results = one?.result.split('\n') ?? [];
    for (const [index, line] of (one?.line.split('\n') ?? []).entries()) played.push({ line, result: results[index]! });
  }
  return played;
}

function agree(played: readonly Played[], linux: readonly string[]): boolean {
  return played.length === linux.length && played.every(({ result }, index) => result === linux[index]);
}

function describe(played: readonly Played[], linux: readonly string[]): string {
  const lines = played.map(({ line, result }, index) => {
    const other = result === linux[index] ? '' : `   (Linux: ${linux[index] ?? 'nothing'})`;
    return `${line} = ${result}${other}`;
  });
  return [...lines, ...linux.slice(played.length)].join('\n');
}

/** The first difference; undefined if all sequences agree. */
export async function compare(options: CompareOptions): Promise<Difference | undefined> {
  const { kind, count, seed, player } = options;
  let retries = Math.ceil(count / SEQUENCES_A_RETRY);
  for (let done = 0; done < count; done += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, count - done) }, (_, index) => seed + done + index);
    const all = seeds.map((each) => {
      const played = simulate(kind, stepsOf(kind, each));
      return { each, played, linux: player.play(played.map(({ line }) => line)) };
    });
    const results = await Promise.all(all.map(async ({ each, played, linux }) => ({ each, played, results: await linux })));
    for (const { each, played, results: linux } of results) {
      if (agree(played, linux) || await patientLinux(options, played) === undefined) continue;
      const text = await isSteady(options, played) ? await shrink(options, stepsOf(kind, each)) : undefined;
      if (text !== undefined) return { seed: each, text };
      if (retries-- === 0) return { seed: each, text: 'Linux answers too many sequences in two ways: the difference did not happen again' };
    }
    options.onProgress?.(done + seeds.length);
  }
  return undefined;
}

/** Linux's results, when they differ however long the player waits for the kernel's workers. */
async function patientLinux({ kind: { patience }, player }: CompareOptions, played: readonly Played[]): Promise<string[] | undefined> {
  const lines = played.map(({ line }) => line);
  let linux = await player.play(lines);
  for (const line of patience) {
    if (agree(played, linux)) return undefined;
    linux = (await player.play([line, ...lines])).slice(1);
  }
  return agree(played, linux) ? undefined : linux;
}

/** Whether Linux differs each time, with pauses in which a busy machine may come to rest. */
async function isSteady(options: CompareOptions, played: readonly Played[]): Promise<boolean> {
  for (let again = 0; again < REPEATS; again++) {
    await sleep(REPEAT_PAUSE_MS);
    if (await patientLinux(options, played) === undefined) return false;
  }
  return true;
}

/** The shortest sequence with a difference; undefined when Linux agrees this time. */
async function shrink(options: CompareOptions, steps: Step[]): Promise<string | undefined> {
  const { kind } = options;
  const number = fc.nat(NUMBER_MAX), step = fc.tuple(number, number, number, number);
  const sequence = fc.array(step, { maxLength: kind.stepsMax });
  let text: string | undefined;
  const property = fc.asyncProperty(sequence, async (some) => {
    const played = simulate(kind, some), linux = await patientLinux(options, played);
    if (!linux) return true;
    text = describe(played, linux);
    return false;
  });
  const examples: [[number, number, number, number][]][] = [[steps.map(([...numbers]) => numbers)]];
  await fc.check(property, { examples, numRuns: 1, interruptAfterTimeLimit: SHRINK_MS_MAX });
  return text;
}
