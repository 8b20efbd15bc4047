/** The iomux-spawn of a job whose pid was never written down: whoever started it died in that moment. */
import { readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { identify, type ProcessId } from './process.js';
import { ifSeen, processesThat } from './processes.js';

/** It was started in the container's directory, with the job's as its operand. */
export async function findJobProcess(job: string, container: string): Promise<ProcessId | undefined> {
  const [pid] = await processesThat(async (each) => {
    const argv = (await ifSeen(readFile(`/proc/${each}/cmdline`, 'utf8')) ?? '').split('\0');
    return argv[0]?.endsWith('iomux-spawn') === true && argv.includes(`jobs/${basename(job)}`) && await ifSeen(readlink(`/proc/${each}/cwd`)) === container;
  });
  return pid === undefined ? undefined : identify(pid);
}
