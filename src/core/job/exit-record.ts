/** How a job ended, as its iomux-spawn has written it down: for readers that come when no process of the job is left. */
import { join } from 'node:path';
import { textOfFile } from '../../base/files.js';
import { type ExitStatus, fromWaitStatus } from '../exec/outcome.js';

export interface ExitRecord extends ExitStatus { readonly endedAt: Date }

/** undefined while the command runs, and for a job whose iomux-spawn was killed before its command ended. */
export function readExitRecord(job: string): ExitRecord | undefined {
  // assembly/programs/iomux-spawn/exit-file.ts
  const [, time, status] = /^(\S+) (\d+)\n$/.exec(textOfFile(join(job, 'exit'))) ?? [];
  if (time === undefined || status === undefined) return undefined;
  return { ...fromWaitStatus(Number(status)), endedAt: new Date(time) };
}
