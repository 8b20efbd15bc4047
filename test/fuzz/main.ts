/** `npm run fuzz`: see docs/fuzzing.md. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { packageRoot } from '../../src/paths.js';
import { noFuzzing } from './build.js';
import { coverageReport } from './coverage.js';
import { corpusOf, fuzz, keptCorpus, merge } from './run.js';
import { findTarget, type Target, targets } from './targets.js';

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('whole seconds are wanted');
  return value;
}

function list(): void {
  for (const { name, program, about } of targets) console.log(`${name.padEnd(12)} ${program.padEnd(12)} ${about}`);
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

interface Options { seconds: number; coverage?: true; minimize?: true; input?: string }

async function main(names: string[], options: Options): Promise<void> {
  if (names.length === 0 && !options.coverage && !options.minimize) return list();
  const reason = noFuzzing();
  if (reason !== undefined) throw new Error(reason);
  const some = chosen(names);
  if (options.coverage) return console.log(await coverageReport(some));
  for (const target of some) {
    if (options.minimize) await minimize(target);
    else await run(target, options);
  }
}

async function run(target: Target, options: Options): Promise<void> {
  const ended = await fuzz(target, options.input === undefined ? { seconds: options.seconds } : { inputs: [options.input] });
  process.stderr.write(ended.log);
  if (ended.code === 0) {
    const rate = Math.round(ended.perCpuSecond);
    return console.log(`${target.name}: ${ended.runs} executions, ${rate} a second of processor time; nothing found`);
  }
  console.log(`${target.name}: a fault${ended.crash === undefined ? '' : `; the input is ${ended.crash}`}`);
  process.exitCode = 1;
}

/** What was found so far, added to the corpus that is kept, as small as it can be. */
async function minimize(target: Target): Promise<void> {
  const kept = keptCorpus(target), merged = `${kept}.merged`;
  rmSync(merged, { recursive: true, force: true });
  mkdirSync(merged, { recursive: true });
  await merge(target, merged, [kept, corpusOf(target)].filter((directory) => existsSync(directory)));
  rmSync(kept, { recursive: true, force: true });
  renameSync(merged, kept);
  console.log(`${target.name}: ${readdirSync(kept).length} inputs in ${kept.slice(packageRoot.length)}`);
}

const program = new Command('npm run fuzz --')
  .argument('[TARGET...]', 'what to fuzz; without one: the list of targets')
  .option('--seconds <N>', 'how long each', seconds, 60)
  .option('--input <FILE>', 'run this input alone: a crash again')
  .option('--minimize', 'take what was found into test/fuzz/corpus, no more than adds coverage')
  .option('--coverage', 'what the kept corpora reach, function by function')
  .action(main);

try {
  await program.parseAsync();
} catch (error) {
  console.error(`fuzz: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
