/** Node's binaries: its builds are npm packages. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import type { Processor } from './machines.js';

/** The directory of a version's binary, downloaded below `directory` once. */
export function nodeDirectory(processor: Processor, major: number, directory: string): string {
  const name = `node-linux-${processor === 'amd64' ? 'x64' : processor}`, place = `${directory}/${name}-${major}`;
  if (existsSync(`${place}/package/bin/node`)) return `${place}/package/bin`;
  mkdirSync(place, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--silent', `${name}@${major}`], { cwd: place, encoding: 'utf8' }).trim().split('\n').at(-1)!;
  execFileSync('tar', ['-xzf', packed], { cwd: place });
  return `${place}/package/bin`;
}
