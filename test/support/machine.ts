/** A virtual machine of 256 MB in a process, with the host's files, and with all controllers on cgroup version 2: User-mode Linux. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { noContainers } from './container.js';
import { run, scratch } from './process.js';

const KERNEL = '/usr/bin/linux.uml';
const DEADLINE_MS = 150_000, TRIAL_DEADLINE_MS = 30_000;

/** The reason if none can be booted here; undefined when one can. */
export const noMachine: string | undefined = noContainers ?? noKernel();

/**
 * A kernel that is older than the host's processor may be unable to restore its registers: AMX makes them larger than the kernel's room
 * for them, and each program ends by SIGSEGV. The kernel panics when /bin/true, as its init, has ended, and says how.
 */
function noKernel(): string | undefined {
  if (!existsSync(KERNEL)) return 'no linux.uml, of the package user-mode-linux';
  const { path, remove } = scratch();
  const { stdout } = spawnSync(KERNEL, [...options(path, '/bin/true'), 'panic=-1'], { encoding: 'latin1', timeout: TRIAL_DEADLINE_MS });
  remove();
  return stdout.includes('exitcode=0x00000000') ? undefined : 'linux.uml cannot run a program on this processor';
}

function options(directory: string, init: string): string[] {
  return ['root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${init}`, 'mem=256M', `uml_dir=${directory}/uml/`, 'con=null', 'con0=null,fd:1'];
}

/** Boots a machine whose init is a shell with this script; its files are kept in the directory. Returns the printed lines. */
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
  const { stdout, timedOut } = await run([KERNEL, ...options(directory, `${directory}/init`)], { timeoutMs: DEADLINE_MS });
  if (timedOut) throw new Error(`the machine did not end: ${stdout.toString()}`);
  // The shell prints "Killed" for a killed child, and nothing for one that it does not wait for.
  const lines = readFileSync(`${directory}/results`, 'utf8').split('\n').filter((line) => !/^(Killed)?$/.test(line));
  if (lines.pop() !== 'done') throw new Error(`the machine did not come to its end: ${lines.join('\n')}\n${stdout.toString()}`);
  return lines;
}
