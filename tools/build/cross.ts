/** Native files for another processor, below build/cross: built once, for whoever needs them first. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';

/** The compiler's name, as in Debian. */
export function crossCompiler(machine: string): string { return `${machine}-linux-gnu-gcc`; }

/** Makes these goals of shim/Makefile that are not up to date; the path of the folder. Another process may be at it: one waits. */
export function crossBuild(machine: string, ...goals: readonly string[]): string {
  const out = `build/cross/${machine}`;
  mkdirSync(packageRoot + out, { recursive: true });
  const make = ['make', '-s', '-j2', '-f', 'shim/Makefile', `CC=${crossCompiler(machine)}`, `OUT=${out}`, ...goals];
  execFileSync('flock', [`${out}.lock`, ...make], { cwd: packageRoot, stdio: ['ignore', 'ignore', 'inherit'] });
  return packageRoot + out;
}
