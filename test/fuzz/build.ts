/**
 * Builds what runs inputs, below build/fuzz: a module, wasm2c's output of it, and the host around it: with libFuzzer and the
 * sanitizers, or as a recorder, which writes down what a run does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { packageRoot, wasmPath } from '../../src/base/paths.js';
import { type Change, compileSources, entryOf } from '../../tools/build/asc.js';
import { exportGlobals, GLOBAL_PREFIX } from '../support/globals.js';
import { bytesOf, REQUEST_BYTES, vectors } from '../wire/vectors.js';
import { guardedSources } from './guards.js';
import { fuzzRoot, once, tool } from './tools.js';

const HOST = `${packageRoot}test/fuzz/host`;

export const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
export const FLAGS = [
  '-std=gnu11', '-g1', '-fno-omit-frame-pointer', '-D_GNU_SOURCE', `-I${packageRoot}shim/launcher`, `-I${HOST}`,
];

/** How a program and its host are compiled. */
interface Toolchain {
  name: string;
  compiler: string;
  flags: readonly string[];
  /** Where this differs for the codec, whose target is to be fast. */
  codecFlags: readonly string[];
  /** Where this differs for what is the same around every program. */
  hostFlags: readonly string[];
  linkFlags: readonly string[];
  /** The host's source that has main(), or what is linked for it. */
  main: string;
}

const NO_COMPARISONS = '-fno-sanitize-coverage=trace-cmp';

const FUZZER: Toolchain = {
  name: 'fuzzer', compiler: 'clang',
  flags: [...FLAGS, '-O1', ...SANITIZERS, '-fsanitize=fuzzer-no-link'],
  // The decoder compares single bytes, which need no help; telling of each would take a third of its time.
  codecFlags: ['-O2', NO_COMPARISONS],
  // What the host compares, every byte of every stream among it, tells nothing of the module.
  hostFlags: [NO_COMPARISONS],
  linkFlags: [...SANITIZERS, '-fsanitize=fuzzer'],
  main: 'fuzzer',
};
const RECORDER: Toolchain = {
  name: 'recorder', compiler: 'cc', flags: [...FLAGS, '-O1', '-DRECORDED'], codecFlags: [], hostFlags: [], linkFlags: [], main: 'recorder',
};

/** What every program's host has besides main() and what sees the module: `machine`, and the codec's `codec`. */
const COMMON = ['world', 'oracle', 'calls', 'wire/messages', 'processes', 'runtime', 'imports'];
/** What a run begins with, of every program but the codec. */
const TARGETS = ['targets', 'containers'];

export interface Variant {
  /** Where below build/fuzz. */
  name: string;
  changes: readonly Change[];
}

/** What ships, but for the ground between its tables. */
export const GUARDED: Variant = { name: 'guarded', changes: [] };

/** Builds the program's fuzzer; the path of the executable. */
export function buildFuzzer(program: string, variant: Variant = GUARDED): Promise<string> {
  return once(`${fuzzRoot}/${variant.name}/${program}`, [variant.changes, FUZZER], FUZZER.name, async (at) => {
    const module = await compileSources(entryOf(program), guardedSources(variant.changes), ['--debug']);
    await translate(at, module);
    await compileHost(at, program, FUZZER);
  });
}

/**
 * The module as it ships, but that its globals are exported, for whoever wants to see them; `from` is another one. Both the
 * recorder and V8 run this.
 */
export function observableModule(program: string, from: Uint8Array = readFileSync(wasmPath(program))): Uint8Array<ArrayBuffer> {
  return exportGlobals(from);
}

/** Builds what records the runs of this module, as `program`; the path of the executable. */
export function buildRecorder(program: string, module: Uint8Array<ArrayBuffer>): Promise<string> {
  return once(`${fuzzRoot}/recorder/${program}`, [Buffer.from(module).toString('base64'), RECORDER], RECORDER.name, async (at) => {
    await translate(at, module);
    await compileHost(at, program, RECORDER);
  });
}

/** The module becomes program.c in the directory, and exports.h, which says what the host finds in it. */
async function translate(directory: string, module: Uint8Array<ArrayBuffer>): Promise<void> {
  writeFileSync(`${directory}/program.wasm`, module);
  await tool(`${packageRoot}node_modules/.bin/wasm2c`, [`${directory}/program.wasm`, '-n', 'program', '-o', `${directory}/program.c`]);
  touchStores(`${directory}/program.c`);
  writeFileSync(`${directory}/exports.h`, exportsHeader(module, readFileSync(`${directory}/program.h`, 'utf8')));
  writeFileSync(`${directory}/requests.h`, recordedRequests());
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

/** Compiles program.c and the host around it, to an executable of the toolchain's name. */
async function compileHost(directory: string, program: string, chain: Toolchain): Promise<void> {
  const isCodec = program === 'codec';
  const own = [...chain.flags, ...(isCodec ? chain.codecFlags : []), `-I${directory}`, `-DPROGRAM="${program}"`];
  const common = await commonObjects(chain);
  const objects = await Promise.all([
    compile(chain, `${directory}/program.c`, directory, [...own, '-w', '-include', `${HOST}/sanitizer.h`]),
    ...['machine', ...(isCodec ? ['codec'] : [])].map((name) => compile(chain, `${HOST}/${name}.c`, directory, [...own, ...WARNINGS])),
  ]);
  const rest = common.filter((object) => !(isCodec && TARGETS.some((name) => object.endsWith(`/${name}.o`))));
  await tool(chain.compiler, [...chain.linkFlags, ...objects, ...rest, '-o', `${directory}/${chain.name}`]);
}

const WARNINGS = ['-Wall', '-Wextra', '-Werror'];

/** What is the same for all programs. */
async function commonObjects(chain: Toolchain): Promise<string[]> {
  const directory = `${fuzzRoot}/${chain.name}-host`, names = [...COMMON, ...TARGETS, chain.main];
  await once(directory, chain, `${chain.main}.o`, async (at) => {
    writeFileSync(`${at}/requests.h`, recordedRequests());
    await Promise.all(names.map((name) => compile(chain, `${HOST}/${name}.c`, at, [...chain.flags, ...chain.hostFlags, ...WARNINGS, `-I${at}`])));
  });
  return names.map((name) => `${directory}/${basename(name)}.o`);
}

async function compile(chain: Toolchain, source: string, directory: string, flags: readonly string[]): Promise<string> {
  const object = `${directory}/${/([^/]+)\.c$/.exec(source)![1]}.o`;
  await tool(chain.compiler, [...flags, '-c', source, '-o', object]);
  return object;
}

/** What the module has, for machine.c; and its functions once more, telling the recorder of each call. */
function exportsHeader(module: Uint8Array<ArrayBuffer>, header: string): string {
  const imports = /wasm2c_program_instantiate\(w2c_program\*([^)]*)\)/.exec(header)?.[1];
  if (imports === undefined) throw new Error('wasm2c instantiates in another way than before');
  const declared = new Map([...header.matchAll(/^\/\* export: '(.*)' \*\/\n(\S+) (w2c_program_\w+)\((.*)\);$/gm)]
    .map(([, name = '', result = '', symbol = '', given = '']) => [name, { result, symbol, types: given.split(', ').slice(1) }]));
  const has: string[] = [], recorded: string[] = [], globals: string[] = [];
  WebAssembly.Module.exports(new WebAssembly.Module(module)).forEach(({ name, kind }, place) => {
    const { result, symbol, types } = declared.get(name)!;
    if (kind === 'global' && name.startsWith(GLOBAL_PREFIX)) globals.push(`each(${symbol})`);
    if (kind !== 'function') return;
    has.push(`#define HAS_${name}`);
    recorded.push(...recordedCall(symbol, result, types, place));
  });
  return [
    `#define INSTANTIATE(m) wasm2c_program_instantiate(m${Array.from(imports.matchAll(/,/g), () => ', NULL').join('')})`,
    `#define MODULE_GLOBALS(each) ${globals.join(' ')}`, ...has, '#ifdef RECORDED', ...recorded, '#endif', '',
  ].join('\n');
}

function recordedCall(symbol: string, result: string, types: readonly string[], place: number): string[] {
  const names = types.map((_, index) => `a${index}`);
  const given = types.flatMap((type, index) => (type === 'u64' ? [`(u32)a${index}`, `(u32)(a${index} >> 32)`] : [`a${index}`]));
  const wide = types.reduce((mask, type, index) => mask | (type === 'u64' ? 1 << (16 + index) : 0), 0);
  const call = `${symbol}(${['m', ...names].join(', ')})`;
  const returned = { void: [`${call};`, 'NULL, 0'], u32: [`u32 r = ${call};`, '&r, 1'], u64: [`u64 r = ${call};`, '(uint32_t[]){(u32)r, (u32)(r >> 32)}, 2'] }[result];
  if (!returned) throw new Error(`${symbol} is of a type that is not recorded: ${result}`);
  return [
    `static inline ${result} recorded_${symbol}(${['w2c_program *m', ...names.map((name, index) => `${types[index]!} ${name}`)].join(', ')}) {`,
    `  trace_named(EVENT_ENTER, ${place | wide}, (const uint32_t[]){${given.join(', ') || 0}}, ${given.length});`,
    `  ${returned[0]!}`, `  trace(EVENT_RETURNED, ${returned[1]!});`, ...(result === 'void' ? [] : ['  return r;']), '}',
    `#define ${symbol} recorded_${symbol}`,
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
