/** The hostile guest, built for the native host under the monitor, and for whoever instantiates modules. docs/fuzzing.md */
import { execFileSync } from 'node:child_process';
import { readdirSync, symlinkSync } from 'node:fs';
import { packageRoot } from '../../src/paths.js';
import { compileScript, FLAGS, fuzzRoot, once, SANITIZERS } from './build.js';

export const PROGRAMS = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom'] as const;
/** The guest's own directory, in a file system of its own. */
export const OWN = '/run/own';

const directory = `${fuzzRoot}/hostile`;
/** Where the host is, below the repository: once under each program's name. */
export const HOSTILE_HOST = 'build/fuzz/hostile/host';
/** Where `buildHostileModule` puts it. */
export const HOSTILE_MODULE = `${directory}/module/hostile.wasm`;

/** The module, whose arguments are: a program's name, a seed, how many calls, paths to try. */
export function buildHostileModule(): string {
  return once(`${directory}/module`, [], HOSTILE_MODULE, () => {
    compileScript(packageRoot, ['test/fuzz/hostile/index.ts', '-o', HOSTILE_MODULE]);
  });
}

/** The native host with that guest; called by a program's name it is held to that program's paths. */
export function buildHostileHost(): string {
  const module = buildHostileModule(), at = `${packageRoot}${HOSTILE_HOST}`;
  return once(at, [FLAGS, SANITIZERS], `${at}/hostile`, () => {
    execFileSync(`${packageRoot}node_modules/.bin/wasm2c`, [module, '-n', 'program', '-o', `${at}/program.c`], { stdio: 'inherit' });
    const monitored = ['-include', `${packageRoot}test/fuzz/host/monitor.h`];
    const flags = [...FLAGS, ...SANITIZERS, '-O1', `-I${at}`, `-DOWN="${OWN}"`];
    const compile = (source: string, ...more: string[]): string => {
      const object = `${at}/${source.replaceAll('/', '-')}.o`;
      execFileSync('clang', [...flags, ...more, '-c', source, '-o', object], { cwd: packageRoot, stdio: 'inherit' });
      return object;
    };
    const sys = readdirSync(`${packageRoot}shim/sys`).filter((file) => file.endsWith('.c')).map((file) => `shim/sys/${file}`);
    const objects = [...sys, ...['loop', 'module', 'wasi'].map((name) => `shim/launcher/${name}.c`), 'test/fuzz/host/monitor.c']
      .map((source) => compile(source, ...monitored));
    objects.push(compile(`${at}/program.c`.slice(packageRoot.length), '-w'));
    execFileSync('clang', [...SANITIZERS, ...objects, '-o', `${at}/hostile`], { stdio: 'inherit' });
    for (const program of PROGRAMS) symlinkSync('hostile', `${at}/${program}`);
  });
}
