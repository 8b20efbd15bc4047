/** The hostile guest, built for the native host under the monitor, and for whoever instantiates modules. docs/internals/fuzzing.md */
import { PROGRAM_NAMES } from '../../src/boundary/programs.js';
import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { compile } from '../../tools/build/asc.js';
import { FLAGS, SANITIZERS } from './build.js';
import { fuzzRoot, once, tool } from './tools.js';

/** The guest's own directory, in a file system of its own. */
const OWN = '/run/own';

const directory = `${fuzzRoot}/hostile`;
/** Where the host is, below the repository: once under each program's name. */
export const HOSTILE_HOST = 'build/fuzz/hostile/host';
const MODULE = 'hostile.wasm';
/** Where `buildHostileModule` puts it. */
export const HOSTILE_MODULE = `${directory}/module/${MODULE}`;

/** The module, whose arguments are: a program's name, a seed, how many calls, paths to try. */
export function buildHostileModule(): Promise<string> {
  return once(`${directory}/module`, [], MODULE, async (at) => writeFileSync(`${at}/${MODULE}`, await compile('test/fuzz/hostile/index.ts')));
}

/** The native host with that guest; called by a program's name it is held to that program's paths. */
export async function buildHostileHost(): Promise<string> {
  const module = await buildHostileModule();
  return once(`${packageRoot}${HOSTILE_HOST}`, [FLAGS, SANITIZERS], 'hostile', async (at) => {
    await tool(`${packageRoot}node_modules/.bin/wasm2c`, [module, '-n', 'program', '-o', `${at}/program.c`]);
    const monitored = ['-include', `${packageRoot}test/fuzz/hostile/monitor.h`];
    const flags = [...FLAGS, ...SANITIZERS, '-O1', `-I${at}`, `-DOWN="${OWN}"`];
    const object = async (source: string, ...more: string[]): Promise<string> => {
      const path = `${at}/${source.replaceAll('/', '-')}.o`;
      await tool('clang', [...flags, ...more, '-c', source, '-o', path]);
      return path;
    };
    const sys = readdirSync(`${packageRoot}shim/sys`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.c')).map((file) => `shim/sys/${file}`);
    const host = [...sys, ...['loop', 'module', 'wasi', 'fork'].map((name) => `shim/launcher/${name}.c`), 'test/fuzz/hostile/monitor.c'];
    const objects = await Promise.all([
      object(`${at}/program.c`.slice(packageRoot.length), '-w'), ...host.map((source) => object(source, ...monitored)),
    ]);
    await tool('clang', [...SANITIZERS, ...objects, '-o', `${at}/hostile`]);
    for (const program of PROGRAM_NAMES) symlinkSync('hostile', `${at}/${program}`);
  });
}
