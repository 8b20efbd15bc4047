/** A machine of 256 MB in a process, with the host's files, and with all controllers on cgroup version 2: User-mode Linux. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { noContainers } from './container.js';
import { run } from './process.js';

const KERNEL = '/usr/bin/linux.uml';
const DEADLINE_MS = 150_000;

/** Why none can be booted here; undefined where one can. */
export const noMachine: string | undefined = noContainers ?? (existsSync(KERNEL) ? undefined : 'no linux.uml, of the package user-mode-linux');

/** Boots one whose first process is a shell with this script; files are kept in the directory. The lines that were printed. */
export async function boot(directory: string, script: string): Promise<string[]> {
  const init = `#!/bin/sh
exec > ${directory}/results 2>&1 < /dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t cgroup2 cgroup2 /sys/fs/cgroup
${script}
echo 'done'
perl -e 'syscall(169, 0xfee1dead, 672274793, 0x4321fedc)'
`;
  writeFileSync(`${directory}/init`, init, { mode: 0o755 });
  const options = ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${directory}/init`, 'mem=256M', `uml_dir=${directory}/uml/`, 'con=null', 'con0=null,fd:1'];
  const { stdout, timedOut } = await run([KERNEL, ...options], { timeoutMs: DEADLINE_MS });
  if (timedOut) throw new Error(`the machine did not end: ${stdout.toString()}`);
  // The shell tells which of its children was killed, and nothing for one that it does not wait for.
  const lines = readFileSync(`${directory}/results`, 'utf8').split('\n').filter((line) => !/^(Killed)?$/.test(line));
  if (lines.pop() !== 'done') throw new Error(`the machine did not come to its end: ${lines.join('\n')}\n${stdout.toString()}`);
  return lines;
}
