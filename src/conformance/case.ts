/** A rule of the protocol as something that can be tried, and what came of it. */
import { unlessAborted } from '../base/abort.js';

/** Whether the protocol asks for it (docs/reference/protocol.md), or our programs do better than it asks. */
export type Level = 'required' | 'ours';

export interface Case<World> {
  readonly about: string;
  readonly name: string;
  readonly level: Level;
  /** Returns when it holds; throws `Failure` when it does not, `Skipped` when it cannot be told. */
  run(world: World): Promise<void> | void;
}

/** The rule does not hold: what came instead. */
export class Failure extends Error {}

/** It could not be tried: why. */
export class Skipped extends Error {}

export interface Outcome {
  about: string;
  name: string;
  level: Level;
  /** null: it was not tried, `detail` says why. */
  holds: boolean | null;
  detail?: string;
  ms: number;
}

/** What is asked of a check: `only` leaves out the cases of the other level, `signal` ends it. */
export interface Choice { only?: Level | undefined; signal?: AbortSignal | undefined }

/** Runs the chosen cases in their order. `stillThere` is asked after each that failed: without an answer the rest is not tried. */
export async function runCases<World>(
  world: World, all: readonly Case<World>[], { only, signal }: Choice, stillThere: () => Promise<boolean>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [], cases = all.filter(({ level }) => only === undefined || level === only);
  let gone: string | undefined;
  for (const { about, name, level, run } of cases) {
    const begin = performance.now();
    const told = gone === undefined ? await unlessAborted(signal, attempt(() => run(world))) : { holds: null, detail: gone };
    outcomes.push({ about, name, level, ...told, ms: Math.round(performance.now() - begin) });
    if (told.holds === false && gone === undefined && !await unlessAborted(signal, stillThere())) gone = `it does not answer, or not to the end, since "${name}"`;
  }
  return outcomes;
}

async function attempt(run: () => Promise<void> | void): Promise<{ holds: boolean | null; detail?: string }> {
  try {
    await run();
    return { holds: true };
  } catch (error) {
    if (error instanceof Skipped) return { holds: null, detail: error.message };
    if (error instanceof Failure) return { holds: false, detail: error.message };
    throw error;
  }
}

/** Throws a `Failure` that says what came instead. */
export function expect(what: string, actual: unknown, expected: unknown): void {
  const [came, wanted] = [show(actual), show(expected)];
  if (came !== wanted) throw new Failure(`${what}: ${shorten(came)} instead of ${shorten(wanted)}`);
}

const SHOWN_MAX = 120;

function shorten(text: string): string { return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text; }

function show(value: unknown): string {
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString('hex') || '(none)'}` : JSON.stringify(value);
}

/** A deadline for what is not waited for otherwise. */
export function sleep(ms: number): Promise<void> { return new Promise((resolve) => { setTimeout(resolve, ms); }); }
