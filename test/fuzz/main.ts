/** `npm run fuzz`: see docs/internals/fuzzing.md. */
import { readFileSync, statSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { EXIT_USAGE } from '../../src/cli/exit-codes.js';
import { packageRoot } from '../../src/base/paths.js';
import { compare } from './differential/differential.js';
import { FRAMES, fuzzFrames } from './frames.js';
import { corpusOf, fuzz, keptCorpus, minimize } from './run.js';
import { findTarget, type Target, targets } from './targets.js';
import { noFuzzing, noRecording } from './tools.js';

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('whole seconds are wanted');
  return value;
}

function seed(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a seed is a whole number');
  return value;
}

function list(): void {
  for (const { name, program, about } of targets) console.log(`${name.padEnd(13)} ${program.padEnd(12)} ${about}`);
  console.log(`${FRAMES.padEnd(13)} ${'TypeScript'.padEnd(12)} the server's frames and messages, in pieces of any size`);
  const reason = noFuzzing();
  console.log(`\nAll but ${FRAMES} need clang and its runtime${reason === undefined ? ', which are here' : `: ${reason}`}.`);
}

/** Names, or all. */
function chosen(names: readonly string[]): Target[] {
  if (names.length === 0) return [...targets];
  return names.map((name) => {
    const target = findTarget(name);
    if (!target) throw new Error(`there is no target ${name}; npm run fuzz lists them`);
    return target;
  });
}

interface Options { seconds: number; coverage?: true; minimize?: true; differential?: true; seed?: number; input?: string }

/** What would be silently ignored, or be taken for a fault of the target. */
function refuse(names: readonly string[], { input, coverage: isReport, minimize: isMinimize }: Options): void {
  if (isReport && names.length > 0) throw new Error('--coverage is of all targets together');
  if (input === undefined) return;
  if (names.length !== 1 || isReport || isMinimize) throw new Error('--input FILE is run by one TARGET');
  if (!statSync(input, { throwIfNoEntry: false })?.isFile()) throw new Error(`there is no file ${input}`);
}

async function main(names: string[], options: Options): Promise<void> {
  refuse(names, options);
  const { coverage: isReport, minimize: isMinimize, differential: compares } = options;
  if (names.length === 0 && !isReport && !isMinimize && !compares) return list();
  if (names.length === 1 && names[0] === FRAMES) return fuzzServer(options);
  const reason = isReport || compares ? noRecording() : noFuzzing();
  if (reason !== undefined) throw new Error(reason);
  if (isReport) return cover();
  for (const target of chosen(names)) await work(target, options);
}

async function work(target: Target, options: Options): Promise<void> {
  if (options.minimize) return keep(target);
  return options.differential ? differ(target, options) : run(target, options);
}

/** Without clang: V8 runs what ships. */
function fuzzServer({ seconds: time, seed: given = Math.floor(Math.random() * 2 ** 32), ...others }: Options): void {
  if (others.input !== undefined || others.minimize || others.differential) throw new Error(`${FRAMES} takes --seconds and --seed only`);
  const end = performance.now() + time * 1000, { inputs, fault } = fuzzFrames(given, () => performance.now() >= end);
  console.log(`${FRAMES}: ${inputs} inputs, from the seed ${given}; ${fault ?? 'nothing found'}`);
  if (fault !== undefined) process.exitCode = 1;
}

async function run(target: Target, options: Options): Promise<void> {
  const ended = await fuzz(target, options.input === undefined ? { seconds: options.seconds } : { inputs: [options.input] });
  process.stderr.write(ended.log);
  if (ended.code === 0) {
    const rate = Math.round(ended.perCpuSecond);
    return console.log(`${target.name}: ${ended.runs} executions, ${rate} a second of processor time; nothing found`);
  }
  const why = /(the module (?:trapped|did wrong): .*|ERROR: .*|runtime error: .*)/.exec(ended.log)?.[1];
  console.log(`${target.name}: a fault${why === undefined ? '' : `, ${why}`}${ended.crash === undefined ? '' : `; the input is ${ended.crash}`}`);
  process.exitCode = 1;
}

async function cover(): Promise<void> {
  // It brings TypeScript's compiler along, which takes longer to load than all the rest.
  const { coverage, coverageReport } = await import('./coverage/coverage.js'), found = await coverage();
  console.log(coverageReport(found));
  if (found.missed.length + found.wrong.length > 0) process.exitCode = 1;
}

async function differ(target: Target, options: Options): Promise<void> {
  const { seed: given = Math.floor(Math.random() * 2 ** 32) } = options;
  const what = options.input === undefined ? { seconds: options.seconds } : { inputs: [readFileSync(options.input)] };
  const { inputs, fault } = await compare(target, { seed: given, ...what });
  const again = options.input === undefined ? `; --seed ${given} makes them again, as many as its --seconds allow` : '';
  console.log(`${target.name}: ${inputs} inputs, from the seed ${given}, the same in V8 and in wasm2c's output${again}`);
  if (fault === undefined) return;
  console.log(`${target.name}: ${fault}`);
  process.exitCode = 1;
}

async function keep(target: Target): Promise<void> {
  const kept = keptCorpus(target), count = await minimize(target, kept, corpusOf(target));
  console.log(`${target.name}: ${count} inputs in ${kept.slice(packageRoot.length)}`);
}

const program = new Command('npm run fuzz --')
  .argument('[TARGET...]', 'what to fuzz; without one: the list of targets')
  .option('--seconds <N>', 'how long each', seconds, 60)
  .option('--input <FILE>', 'run this input alone: a crash again')
  .option('--differential', 'the kept inputs, and changed ones, to V8 and to wasm2c\'s output: both must do the same')
  .option('--seed <N>', 'decides how inputs are changed for --differential and server-frames (by chance)', seed)
  .option('--minimize', 'take what was found into test/fuzz/corpus, no more than adds coverage')
  .option('--coverage', 'which branches of the sources the kept inputs reach')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
  .action(main);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = EXIT_USAGE;
}
