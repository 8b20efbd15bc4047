/** The iomux-spawn of a job whose pid was never recorded, because the process that started it died in that moment. */
import { readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { identify, type ProcessId } from '../../linux/process.js';
import { ifSeen, processesThat } from '../../linux/processes.js';
import { JOB_PROCESS_NAME } from '../depot/layout.js';

/** iomux-spawn is started in the container's directory, and has the job's directory as an operand. */
export async function findJobProcess(job: string, container: string): Promise<ProcessId | undefined> {
  const [pid] = await processesThat(async (each) => {
    const argv = (await ifSeen(readFile(`/proc/${each}/cmdline`, 'utf8')) ?? '').split('\0');
    if (argv[0]?.endsWith(JOB_PROCESS_NAME) !== true || !argv.includes(`jobs/${basename(job)}`)) return false;
    return await ifSeen(readlink(`/proc/${each}/cwd`)) === container;
  });
  return pid === undefined ? undefined : identify(pid);
}
