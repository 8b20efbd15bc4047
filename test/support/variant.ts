/**
 * A native program with a change: built by the steps of shim/Makefile, with the objects that are there already. For what
 * cannot be reached from outside: a trap, a deadline of half a minute, a table that is full.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/paths.js';
import { type Change, compileModule } from './asc.js';

export type { Change };

/** Builds the program below `directory`; its path. */
export async function buildVariant(program: string, changes: readonly Change[], directory: string): Promise<string> {
  for (const folder of ['c', 'obj']) mkdirSync(`${directory}/${folder}`);
  writeFileSync(`${directory}/${program}.wasm`, await compileModule(program, changes));
  execFileSync(`${packageRoot}node_modules/.bin/wasm2c`, [`${program}.wasm`, '-n', 'program', '-o', 'c/program.c'], { cwd: directory });
  return link(program, directory);
}

/** A variable of shim/Makefile, `$(1)` in it replaced. */
function makeVariable(name: string): string[] {
  const text = readFileSync(`${packageRoot}shim/Makefile`, 'utf8').replaceAll('\\\n', ' ');
  const value = new RegExp(`^${name} := (.*)$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`shim/Makefile has no ${name}`);
  return value.split(' ').filter((word) => word !== '');
}

function link(program: string, directory: string): string {
  const flags = [...makeVariable('CFLAGS_ALL'), `-I${directory}/c`];
  const compile = (source: string, name: string, ...more: string[]): string => {
    const object = `${directory}/obj/${name}.o`;
    execFileSync('cc', [...flags, ...more, '-c', source, '-o', object], { cwd: packageRoot });
    return object;
  };
  const own = makeVariable('PER_PROGRAM').map((name) => compile(`shim/launcher/${name}.c`, name, `-DPROGRAM="${program}"`));
  own.push(compile(`${directory}/c/program.c`, 'program', '-w'));
  const common = ['launcher', 'sys'].flatMap((folder) => readdirSync(`${packageRoot}build/obj/${folder}`)
    .filter((file) => file.endsWith('.o'))
    .map((file) => `build/obj/${folder}/${file}`));
  const path = `${directory}/${program}`;
  execFileSync('cc', [...makeVariable('LINK'), ...own, ...common, '-o', path], { cwd: packageRoot });
  return path;
}
