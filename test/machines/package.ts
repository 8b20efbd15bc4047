/** The release's packages, and what `npm install` makes of them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import type { Disk } from './machines.js';

const VERSION = '99.0.0';
let isPacked = false;

/** Installs the packages for the processor in `directory`, as a user of npm does. */
export function installPackages({ processor }: Pick<Disk, 'processor'>, directory: string): void {
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
  if (!isPacked) execFileSync(process.execPath, [`${packageRoot}build/js/tools/release/main.js`, VERSION, '--dry-run'], { cwd: packageRoot, ...quiet });
  isPacked = true;
  const cpu = processor === 'amd64' ? 'x64' : processor, packed = `${packageRoot}build/release/warden-wasm`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/package.json`, '{}');
  execFileSync('npm', [
    'install', '--silent', '--no-audit', '--no-fund', '--os=linux', `--cpu=${cpu}`, '--libc=glibc',
    `${packed}-${VERSION}.tgz`, `${packed}-linux-${cpu}-${VERSION}.tgz`,
  ], { cwd: directory, ...quiet });
}
