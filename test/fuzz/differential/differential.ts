/** The same inputs to V8 and to wasm2c's output: every entry, call, byte, trap and what is left must be the same. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Random } from '../../../src/sim/kernel/random.js';
import { buildRecorder, observableModule } from '../build.js';
import { mutated } from '../mutate.js';
import { record, type Recording } from './record.js';
import { Divergence, Replay } from './replay.js';
import { keptCorpus } from '../run.js';
import type { Target } from '../targets.js';
import { fuzzRoot } from '../tools.js';

/** Inputs that one recorder gets: so much is written down before V8 does it. */
const BATCH = 250;

export interface Compared {
  inputs: number;
  /** Of these, those that trapped, alike on both sides. */
  traps: number;
  /** What was otherwise, where, and where its input is kept; undefined when nothing was. */
  fault?: string;
}

export interface CompareOptions {
  /** Decides the inputs. */
  seed: number;
  /** Beside the corpus: so many changed inputs … */
  mutations?: number;
  /** … or as many as so many seconds allow. */
  seconds?: number;
  /** Only these. */
  inputs?: readonly Uint8Array[];
  /** What is recorded, when not what ships. */
  recorded?: Uint8Array;
  /** What V8 runs, when not what is recorded. */
  replayed?: Uint8Array;
}

export function corpusInputs(target: Target): Uint8Array[] {
  const directory = keptCorpus(target);
  return existsSync(directory) ? readdirSync(directory).sort().map((name) => readFileSync(`${directory}/${name}`)) : [];
}

/** The corpus, then what the seed makes of it, a batch at a time. */
function* batches(target: Target, options: CompareOptions): Generator<Uint8Array[]> {
  const random = new Random(options.seed), deadline = performance.now() + (options.seconds ?? 0) * 1000;
  const corpus = options.inputs ?? corpusInputs(target);
  for (let from = 0; from < corpus.length; from += BATCH) yield corpus.slice(from, from + BATCH);
  if (options.inputs !== undefined) return;
  const seeds = corpus.length > 0 ? corpus : [new Uint8Array()];
  const more = (count: number): Uint8Array[] => Array.from({ length: count }, () => mutated(seeds, random, target.bytes, target.json));
  for (let left = options.mutations ?? 0; left > 0; left -= BATCH) yield more(Math.min(left, BATCH));
  while (performance.now() < deadline) yield more(BATCH);
}

export async function compare(target: Target, options: CompareOptions): Promise<Compared> {
  const module = observableModule(target.program, options.recorded);
  const recorder = await buildRecorder(target.program, module);
  const replayed = new WebAssembly.Module(options.replayed ? observableModule(target.program, options.replayed) : module);
  const left = batches(target, options);
  const recordNext = (): Promise<Batch> | undefined => {
    const { value } = left.next() as { value?: Uint8Array[] };
    return value && record(recorder, target, value).then((recorded) => ({ ...recorded, inputs: value }));
  };
  let inputs = 0, traps = 0;
  // While V8 does one batch, the next is recorded.
  for (let next = recordNext(); next;) {
    const batch = await next;
    next = recordNext();
    const { fault, ...done } = replayBatch(replayed, batch);
    inputs += done.inputs;
    traps += done.traps;
    if (!fault) continue;
    await next;
    return { inputs, traps, fault: `${fault}\n  the input is ${keep(target, batch.inputs[done.inputs]!)}, the seed ${options.seed}` };
  }
  return { inputs, traps };
}

interface Batch { recording: Recording; inputs: readonly Uint8Array[]; fault?: string }

/** How many inputs V8 did as recorded, and what was otherwise in the next. */
function replayBatch(module: WebAssembly.Module, { recording, inputs, fault }: Batch): Compared {
  let done = 0, replay: Replay | undefined;
  try {
    replay = new Replay(module, recording, { compareState: true });
    for (; done < inputs.length && !(fault !== undefined && recording.isCutOff()); done++) replay.run();
  } catch (error) {
    if (!(error instanceof Divergence)) throw error;
    return { inputs: done, traps: replay?.traps ?? 0, fault: `V8 does otherwise: ${error.message}` };
  }
  return { inputs: done, traps: replay.traps, ...(fault === undefined ? {} : { fault }) };
}

/** Where the input can be found again. */
function keep(target: Target, input: Uint8Array): string {
  mkdirSync(`${fuzzRoot}/crashes`, { recursive: true });
  const path = `${fuzzRoot}/crashes/${target.name}-differential`;
  writeFileSync(path, input);
  return path;
}
