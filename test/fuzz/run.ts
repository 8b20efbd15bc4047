/** Runs a target's fuzzer. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { buildFuzzer, GUARDED, type Variant } from './build.js';
import type { Target } from './targets.js';
import { fuzzRoot } from './tools.js';

/** An input that takes longer is a hang. */
const INPUT_SECONDS = 10;

/** What is in the repository. */
export function keptCorpus(target: Target): string { return `${packageRoot}test/fuzz/corpus/${target.name}`; }

/** What was found by fuzzing here. */
export function corpusOf(target: Target): string { return `${fuzzRoot}/corpus/${target.name}`; }

export interface Fuzzed {
  /** 0 when nothing was found. */
  code: number;
  /** The fuzzer's words. */
  log: string;
  runs: number;
  perCpuSecond: number;
  /** The input that crashes it. */
  crash: string | undefined;
}

export interface FuzzOptions {
  /** Fuzzes for so long, from both corpora on … */
  seconds?: number;
  /** … or runs these files, or directories of them, and no others. */
  inputs?: readonly string[];
  variant?: Variant;
  /** Whether to start from the corpus that is kept; else from nothing. */
  kept?: boolean;
  /** Where what is found is put; the target's own place when not given. */
  corpus?: string;
}

export async function fuzz(target: Target, options: FuzzOptions): Promise<Fuzzed> {
  const { seconds, inputs, variant = GUARDED, corpus = corpusOf(target), kept = true } = options;
  mkdirSync(corpus, { recursive: true });
  const seeds = kept && existsSync(keptCorpus(target)) ? [keptCorpus(target)] : [];
  const what = inputs === undefined
    ? [`-max_total_time=${seconds ?? 60}`, corpus, ...seeds]
    : ['-runs=0', ...inputs];
  return run(target, variant, [...dictionary(target), `-timeout=${INPUT_SECONDS}`, '-print_final_stats=1', ...what]);
}

/** The target's words, where libFuzzer reads them. */
function dictionary({ name, words = [] }: Target): string[] {
  if (words.length === 0) return [];
  const path = `${fuzzRoot}/${name}.words`;
  const escaped = (word: string): string => [...word].map((letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
  writeFileSync(path, words.map((word) => `"${escaped(word)}"\n`).join(''));
  return [`-dict=${path}`];
}

/** What the fuzzer names by its hash; all others somebody has put there, and stay. */
const FOUND = /^[0-9a-f]{40}$/;

/** Adds what was found to the corpus that is kept, if there is one yet, as small as it can be; how many inputs that has then. */
export async function minimize(target: Target, kept: string, found: string): Promise<number> {
  const merged = `${kept}.merged`;
  rmSync(merged, { recursive: true, force: true });
  for (const directory of [kept, merged]) mkdirSync(directory, { recursive: true });
  try {
    await merge(target, merged, [kept, found].filter((directory) => existsSync(directory)));
    for (const name of readdirSync(kept)) if (FOUND.test(name)) rmSync(`${kept}/${name}`);
    for (const name of readdirSync(merged)) renameSync(`${merged}/${name}`, `${kept}/${name}`);
  } finally {
    rmSync(merged, { recursive: true });
  }
  return readdirSync(kept).length;
}

/** Writes to the empty directory `into` the smallest inputs of the others that cover all that these cover. */
async function merge(target: Target, into: string, from: readonly string[]): Promise<void> {
  const { code, log } = await run(target, GUARDED, ['-merge=1', into, ...from]);
  if (code !== 0 || readdirSync(into).length === 0) throw new Error(`cannot minimize ${target.name}: ${log}`);
}

async function run(target: Target, variant: Variant, args: readonly string[]): Promise<Fuzzed> {
  const crashes = `${fuzzRoot}/crashes`;
  mkdirSync(crashes, { recursive: true });
  const common = [`-max_len=${target.bytes}`, `-artifact_prefix=${crashes}/${target.name}-`, '-detect_leaks=0'];
  const child = spawn(await buildFuzzer(target.program, variant), [...common, ...args], {
    env: { ...process.env, WARDEN_FUZZ_TARGET: target.name }, stdio: ['ignore', 'ignore', 'pipe'],
  });
  const pieces: Buffer[] = [];
  child.stderr.on('data', (piece: Buffer) => pieces.push(piece));
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  const log = Buffer.concat(pieces).toString('latin1');
  const runs = Number(/stat::number_of_executed_units: (\d+)/.exec(log)?.[1] ?? 0);
  const cpuSeconds = Number(/processor seconds: ([\d.]+)/.exec(log)?.[1] ?? 0);
  return {
    code: signal === null ? code ?? 1 : 1, log, runs, perCpuSecond: cpuSeconds > 0 ? runs / cpuSeconds : 0,
    crash: /Test unit written to (\S+)/.exec(log)?.[1],
  };
}
