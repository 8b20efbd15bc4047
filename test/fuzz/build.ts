/**
 * Builds what the fuzzer runs, below build/fuzz: the guarded modules, wasm2c's output of them, the host around it, with
 * libFuzzer and the sanitizers. What its inputs have not changed is not built again.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/paths.js';
import { bytesOf, REQUEST_BYTES, vectors } from '../wire/vectors.js';
import { type Change, guardSources } from './guards.js';

const HOST = `${packageRoot}test/fuzz/host`;
export const fuzzRoot = `${packageRoot}build/fuzz`;

export const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
export const FLAGS = [
  '-std=gnu11', '-g1', '-fno-omit-frame-pointer', '-D_GNU_SOURCE', `-I${packageRoot}shim/launcher`, `-I${HOST}`,
];
const FUZZED = ['-O2', ...SANITIZERS, '-fsanitize=fuzzer-no-link'];
const LINKED = ['-O2', ...SANITIZERS, '-fsanitize=fuzzer'];
/** Sources of the host that every fuzzed program has; the codec has `codec.c` instead of `targets.c`. */
const SOURCES = ['machine', 'world', 'oracle', 'calls', 'processes', 'imports', 'fuzzer'];

/** Why nothing can be fuzzed here; undefined when it can. */
export function noFuzzing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the fuzz host is for x86-64 Linux';
  try {
    execFileSync('clang', ['-fsanitize=fuzzer', '-x', 'c', '-', '-o', '/dev/null'], {
      input: '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *a, size_t b) { return !a && b; }', stdio: 'pipe',
    });
    return undefined;
  } catch {
    return 'clang with libFuzzer is missing: apt-get install clang libclang-rt-14-dev';
  }
}

export interface Variant {
  /** Where below build/fuzz. */
  name: string;
  changes: readonly Change[];
}

/** What ships, but for the ground between its tables. */
export const GUARDED: Variant = { name: 'guarded', changes: [] };

/** Builds the program; the path of the executable. */
export function buildFuzzer(program: string, variant: Variant = GUARDED): string {
  const directory = `${fuzzRoot}/${variant.name}/${program}`, executable = `${directory}/fuzzer`;
  return once(directory, [variant.changes, FLAGS, FUZZED, LINKED], executable, () => {
    guardSources(directory, variant.changes);
    compileModule(directory, program, ['--debug']);
    touchStores(`${directory}/program.c`);
    // The decoder compares single bytes, which need no help; telling of each would take a third of its time.
    const traced = program === 'codec' ? ['-fno-sanitize-coverage=trace-cmp'] : [];
    const objects = compileHost(directory, program, 'clang', [...FLAGS, ...FUZZED, ...traced], SOURCES);
    execFileSync('clang', [...LINKED, ...objects, '-o', executable], { stdio: 'inherit' });
  });
}

/** Builds anew when a source, or `flags`, is another than the last time. */
export function once(directory: string, flags: unknown, product: string, build: () => void): string {
  const stamp = `${directory}/stamp`, wanted = digest(JSON.stringify(flags));
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return product;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  build();
  writeFileSync(stamp, wanted);
  return product;
}

let sources: string | undefined;

/** Of all that goes into a build. */
function digest(flags: string): string {
  const hash = createHash('sha256');
  sources ??= ['assembly', 'shim/launcher', 'shim/sys', 'test/fuzz/host', 'test/fuzz/hostile', 'test/wire/vectors'].flatMap((folder) => (
    readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`).sort()
      .map((file) => `${file}\0${createHash('sha256').update(readFileSync(file)).digest('hex')}\n`)
  )).join('') + ['asconfig.json', 'build/js/test/fuzz/guards.js', 'build/js/test/fuzz/build.js', 'build/js/test/fuzz/hostile.js']
    .map((file) => readFileSync(packageRoot + file, 'utf8')).join('');
  return hash.update(sources).update(flags).digest('hex');
}

/** Runs asc in a directory with an asconfig.json. */
export function compileScript(directory: string, args: readonly string[]): void {
  const asc = `${packageRoot}node_modules/assemblyscript/bin/asc.js`;
  execFileSync(process.execPath, [asc, ...args], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** assembly/ below `directory` becomes program.c beside it. */
export function compileModule(directory: string, program: string, flags: readonly string[]): void {
  compileScript(directory, [`assembly/${program}/index.ts`, '-o', 'program.wasm', ...flags]);
  execFileSync(`${packageRoot}node_modules/.bin/wasm2c`, ['program.wasm', '-n', 'program', '-o', 'program.c'], { cwd: directory });
}

/** Has every store say what it writes to, so that a run can be undone. */
function touchStores(path: string): void {
  let text = readFileSync(path, 'utf8');
  const replace = (from: RegExp, to: string): void => {
    if (!from.test(text)) throw new Error(`${path}: wasm2c writes its stores in another way than before: ${from.source}`);
    text = text.replace(from, to);
  };
  replace(/( +)(wasm_rt_memcpy\(MEM_ADDR_MEMOP\(mem, addr, sizeof\(t1\)\), &wrapped,)/, '$1touch_store(MEM_ADDR_MEMOP(mem, addr, sizeof(t1)), sizeof(t1)); \\\n$1$2');
  replace(/( +)(memset\(MEM_ADDR\(mem, d, n\), val, n\);)/, '$1touch_memory(MEM_ADDR(mem, d, n), n);\n$1$2');
  replace(/( +)(memmove\(MEM_ADDR\(dest, dest_addr, n\), MEM_ADDR\(src, src_addr, n\), n\);)/, '$1touch_memory(MEM_ADDR(dest, dest_addr, n), n);\n$1$2');
  writeFileSync(path, text);
}

/** Compiles program.c and the host around it; the objects. */
export function compileHost(
  directory: string, program: string, compiler: string, flags: readonly string[], names: readonly string[],
): string[] {
  writeFileSync(`${directory}/requests.h`, recordedRequests());
  const imports = /wasm2c_program_instantiate\(w2c_program\*([^)]*)\)/.exec(readFileSync(`${directory}/program.h`, 'utf8'))?.[1];
  if (imports === undefined) throw new Error(`${directory}/program.h: wasm2c instantiates in another way than before`);
  const given = Array.from(imports.matchAll(/,/g), () => 'NULL').join(', ');
  const own = [
    ...flags, `-I${directory}`, `-DPROGRAM="${program}"`, `-DMODULE_IMPORTS=${given}`, ...(program === 'codec' ? ['-DNO_ENTRIES'] : []),
  ];
  const object = (name: string, source: string, ...more: string[]): string => {
    execFileSync(compiler, [...own, ...more, '-c', source, '-o', `${directory}/${name}.o`], { stdio: 'inherit' });
    return `${directory}/${name}.o`;
  };
  const host = [...names, program === 'codec' ? 'codec' : 'targets'];
  return [
    object('program', `${directory}/program.c`, '-w', '-include', `${HOST}/sanitizer.h`),
    ...host.map((name) => object(name, `${HOST}/${name}.c`, '-Wall', '-Wextra', '-Werror')),
  ];
}

/** The requests that an original wsh sent, for the host to send them. */
function recordedRequests(): string {
  const rows = vectors.map((vector) => `  {${[...bytesOf(vector)].join(',')}},`);
  return [
    `#define REQUESTS ${vectors.length}`, `#define REQUEST_SIZE ${REQUEST_BYTES}`,
    'static const uint8_t requests[REQUESTS][REQUEST_SIZE] = {', ...rows, '};', '',
  ].join('\n');
}
