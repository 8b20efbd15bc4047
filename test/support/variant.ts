/**
 * A native program with a change in its sources, built by the steps of shim/Makefile from the existing objects. For states that a test
 * cannot reach from outside: a trap, a deadline of half a minute, a full table.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { type Change, compileModule } from '../../tools/build/asc.js';

export type { Change };

/** Builds the program below `directory`; returns its path. */
export async function buildVariant(program: string, changes: readonly Change[], directory: string): Promise<string> {
  for (const folder of ['c', 'obj']) mkdirSync(`${directory}/${folder}`);
  writeFileSync(`${directory}/${program}.wasm`, await compileModule(program, changes));
  execFileSync(`${packageRoot}node_modules/.bin/wasm2c`, [`${program}.wasm`, '-n', 'program', '-o', 'c/program.c'], { cwd: directory });
  return link(program, directory);
}

/** The words of a variable in shim/Makefile. */
function makeVariable(name: string): string[] {
  const value = execFileSync('make', ['-s', '-f', 'shim/Makefile', `print-${name}`], { cwd: packageRoot, encoding: 'utf8' });
  return value.split(/\s+/).filter((word) => word !== '');
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
  const common = ['launcher', 'sys'].flatMap((folder) => readdirSync(`${packageRoot}build/obj/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.o'))
    .map((file) => `build/obj/${folder}/${file}`));
  const path = `${directory}/${program}`;
  execFileSync('cc', [...makeVariable('LINK'), ...own, ...common, '-o', path], { cwd: packageRoot });
  return path;
}
