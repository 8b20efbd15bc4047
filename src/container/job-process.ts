/** The iomux-spawn of a job whose pid was never written down: whoever started it died in that moment. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { identify, type ProcessId } from './process.js';

/** It was started in the container's directory, with the job's as its operand. */
export async function findJobProcess(job: string, container: string): Promise<ProcessId | undefined> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => {
    try {
      const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
      return argv[0]?.endsWith('iomux-spawn') === true && argv.includes(`jobs/${basename(job)}`) && await readlink(`/proc/${pid}/cwd`) === container;
    } catch {
      return false;
    }
  }));
  const index = found.indexOf(true);
  return index < 0 ? undefined : identify(Number(pids[index]));
}
