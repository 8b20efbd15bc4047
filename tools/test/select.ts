/** Selects the test files of a run: by parts of their paths, by a named set, or by what changed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';

/** The ending of files that take long: `--changed` names them only. */
export const SLOW = '.slow.test.ts';
/** Slow files that use all processors, or need build/fuzz for themselves. Each of them runs alone; other slow ones mostly wait. */
const ALONE = ['fuzz/', 'sim/campaign/'];

/** What needs neither Linux nor root, a C compiler, the addon or the native programs. */
const PORTABLE = ['behaviours/simulated', 'core/', 'fuzz/', 'oci/', 'playground/', 'sim/', 'tidy/', 'tools/prepare', 'wire/'];
/** What needs no root and is over within half a minute, all together. */
const QUICK = [
  'behaviours/simulated', 'boundary/', 'core/', 'oci/', 'sim/guest/traps', 'sim/guest/wasi', 'sim/kernel/', 'sim/scenario/', 'sim/wasm/', 'sim/world/', 'tidy/',
  'wire/codec', 'wire/request', 'wire/splits',
];

/** What depends on the version of Node: V8 and its modules, the addon, child processes, the command. Not what runs without Node. */
const ON_NODE = [
  'behaviours/simulated', 'boundary/', 'cli/usage', 'core/', 'host/', 'library/examples', 'library/exec', 'sim/guest/', 'sim/world/', 'wire/codec', 'wire/request',
];

/** The stages of .ci/run; every test belongs to one. */
export const STAGES = {
  unit: ['boundary/', 'core/', 'oci/', 'tidy/', 'tools/', 'wire/'],
  programs: ['behaviours/', 'conformance/', 'host/', 'programs/', 'replay/'],
  library: ['cli/', 'library/', 'server/', 'topology/'],
  containers: ['bench/', 'containers/', 'monitor/'],
  simulation: ['playground/', 'sim/'],
  fuzz: ['fuzz/'],
} as const satisfies Record<string, readonly string[]>;
export type Stage = keyof typeof STAGES;

/** What `--coverage` measures: the tests whose processes run src/ as it is compiled, and are not there to use up a machine. */
const COVERED = ['behaviours/simulated', 'boundary/', 'cli/', 'conformance/', 'core/', 'host/', 'library/', 'server/', 'playground/recording', 'topology/', 'wire/', 'sim/'];

const MAP_PAGE = 'docs/internals/testing.md';

/** All test files, by path below test/. Taken from the sources, because a compiled file may outlive its source. */
export function allTests(): string[] {
  return readdirSync(`${packageRoot}test`, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
}

const startsWithOne = (file: string, prefixes: readonly string[]): boolean => prefixes.some((prefix) => file.startsWith(prefix));

/** Whether no other file may run beside this one. */
export function runsAlone(file: string): boolean { return file.endsWith(SLOW) && startsWithOne(file, ALONE); }

export function portableTests(): string[] { return allTests().filter((file) => startsWithOne(file, PORTABLE)); }

export function stageTests(stage: Stage): string[] { return allTests().filter((file) => startsWithOne(file, STAGES[stage])); }

/** Without slow files, and without the test of the bundle. */
export function isCovered(file: string): boolean { return startsWithOne(file, COVERED) && !file.endsWith(SLOW) && file !== 'cli/bundle.test.ts'; }

export function quickTests(): string[] { return allTests().filter((file) => startsWithOne(file, QUICK) && !file.endsWith(SLOW)); }

export function nodeTests(): string[] { return allTests().filter((file) => startsWithOne(file, ON_NODE) && !file.endsWith(SLOW)); }

export interface Row { readonly changed: string; readonly tests: readonly string[] }

/** The page's table: the beginning of a source's path, and the beginnings of its tests' paths below test/. */
export function testMap(): Row[] {
  const page = readFileSync(packageRoot + MAP_PAGE, 'utf8');
  const [, text] = /<!-- tests of what changed -->\n(.*?)<!-- end of tests of what changed -->/s.exec(page) ?? [];
  if (text === undefined) throw new Error(`${MAP_PAGE} has no table of the tests that belong to what changed`);
  return text.split('\n').filter((line) => line.startsWith('| `')).flatMap((line) => {
    const [, changed = '', tests = ''] = line.split('|');
    const named = (cell: string): string[] => [...cell.matchAll(/`(.*?)`/g)].map(([, name]) => name!);
    return named(changed).map((each) => ({ changed: each, tests: named(tests) }));
  });
}

/** The tests of a file: itself if it is a test; otherwise those of the row with the longest matching path. */
export function testsOf(file: string, rows: readonly Row[], tests: readonly string[]): string[] {
  if (file.endsWith('.test.ts')) return tests.filter((test) => `test/${test}` === file);
  const row = rows.filter(({ changed }) => file.startsWith(changed)).sort((a, b) => b.changed.length - a.changed.length)[0];
  return row ? tests.filter((test) => startsWithOne(test, row.tests)) : [];
}

/** Files that differ from the commit at which this branch began, committed or not; `base` names another commit. */
export function changedFiles(base?: string): string[] {
  const git = (...args: string[]): string[] => (
    execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').filter((line) => line !== '')
  );
  const start = base ?? forkPoint(git);
  return [...new Set([...git('diff', '--name-only', start), ...git('ls-files', '--others', '--exclude-standard')])].sort();
}

/** The commit at which this branch left main; on main itself, or without a main, the last commit. */
function forkPoint(git: (...args: string[]) => string[]): string {
  for (const main of ['origin/main', 'main']) {
    try {
      return git('merge-base', 'HEAD', main)[0]!;
    } catch {
      // There is no such branch.
    }
  }
  return 'HEAD';
}

/** The tests of all changed files; slow ones are listed instead of run. */
export function changedTests(base?: string): { files: string[]; slow: string[] } {
  const rows = testMap(), tests = allTests();
  const found = new Set(changedFiles(base).flatMap((file) => testsOf(file, rows, tests)));
  const files = tests.filter((file) => found.has(file) || file.startsWith('tidy/'));
  return { files: files.filter((file) => !file.endsWith(SLOW)), slow: files.filter((file) => file.endsWith(SLOW)) };
}
