/** Compilers for what the fuzzer runs: no more of them at a time than there are processors, and none for what is built already. */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/base/paths.js';

export const fuzzRoot = `${packageRoot}build/fuzz`;

/** As many as there are processors in the smallest machine that this is run on. */
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a compiler in the package's root; its words are the error's. */
export async function tool(command: string, args: readonly string[]): Promise<void> {
  while (running === AT_ONCE) await new Promise<void>((resolve) => { waiting.push(resolve); });
  running++;
  try {
    await promisify(execFile)(command, args, { cwd: packageRoot });
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** Works on the items, two at a time. */
export async function pairwise<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const builds = new Map<string, Promise<void>>();

/**
 * Builds what lies in `directory` anew when a source, or `flags`, is another than the last time; the path of `product` in it.
 * `build` works in the directory that it is given, which becomes this one when all is there: another process may be at it, too.
 */
export async function once(directory: string, flags: unknown, product: string, build: (at: string) => Promise<void>): Promise<string> {
  const begun = builds.get(directory) ?? buildUnlessThere(directory, flags, build);
  builds.set(directory, begun);
  await begun;
  return `${directory}/${product}`;
}

async function buildUnlessThere(directory: string, flags: unknown, build: (at: string) => Promise<void>): Promise<void> {
  const wanted = digest(JSON.stringify(flags)), at = `${directory}.${process.pid}`;
  const isThere = (): boolean => existsSync(stampOf(directory)) && readFileSync(stampOf(directory), 'utf8') === wanted;
  if (isThere()) return;
  rmSync(at, { recursive: true, force: true });
  mkdirSync(at, { recursive: true });
  try {
    await build(at);
    writeFileSync(stampOf(at), wanted);
    // Whoever was faster has built the same, and may use it already.
    if (isThere()) return;
    rmSync(directory, { recursive: true, force: true });
    renameSync(at, directory);
  } catch (error) {
    // The same again, between the two lines above.
    if (!isThere()) throw error;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

/** Says what a directory was built from. */
function stampOf(directory: string): string { return `${directory}/stamp`; }

/** Whose files are sources of something that is built here. */
const FOLDERS = [
  'assembly', 'shim/launcher', 'shim/sys', 'test/fuzz/host', 'test/fuzz/hostile', 'test/wire/vectors', 'build/js/test/fuzz', 'build/js/test/support', 'build/js/tools/build',
];
let sources: string | undefined;

/** Of all that goes into a build. */
function digest(flags: string): string {
  sources ??= [
    'asconfig.json',
    ...FOLDERS.flatMap((folder) => readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(map|d\.ts)$/.test(entry.name))
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(packageRoot.length)).sort()),
  ].map((file) => `${file}\0${createHash('sha256').update(readFileSync(packageRoot + file)).digest('hex')}\n`).join('');
  return createHash('sha256').update(sources).update(flags).digest('hex');
}

/** Why nothing can be fuzzed here; undefined when it can. */
export function noFuzzing(): string | undefined {
  // The runtime is a package of its own: linking needs it.
  const main = '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *a, size_t b) { return !a && b; }';
  const missing = 'clang with libFuzzer is missing: apt-get install clang libclang-rt-14-dev';
  return noHost() ?? without('clang', ['-fsanitize=fuzzer'], main, missing);
}

/** Why no run can be recorded here. */
export function noRecording(): string | undefined { return noHost() ?? without('cc', [], 'int main(void) { return 0; }', 'a C compiler is missing'); }

function noHost(): string | undefined {
  return process.platform === 'linux' && process.arch === 'x64' ? undefined : 'the fuzz host is for x86-64 Linux';
}

function without(compiler: string, flags: readonly string[], program: string, reason: string): string | undefined {
  try {
    execFileSync(compiler, [...flags, '-x', 'c', '-', '-o', '/dev/null'], { input: program, stdio: 'pipe' });
    return undefined;
  } catch {
    return reason;
  }
}
