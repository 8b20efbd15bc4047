/** `warden spawn`: a job, which outlives this process. */
import { interruptible } from './interrupt.js';
import { openContainer } from './open.js';
import { printJson, printLine } from './print.js';
import { checkRequest, checkRoot, containerDirectory } from './reference.js';

export interface SpawnOptions {
  depot: string;
  user?: string;
  name?: string;
  wait?: boolean;
  ring?: number;
  slow?: 'wait' | 'drop';
  /** Seconds. */
  linger?: number;
  json?: boolean;
}

export async function spawn(name: string, command: readonly string[], options: SpawnOptions): Promise<number> {
  checkRequest(command, options.user);
  checkRoot('start jobs');
  const directory = containerDirectory(name, options.depot);
  return interruptible('spawn', async (signal) => {
    const container = await openContainer(directory);
    const job = await container.spawn(command, {
      user: options.user,
      lang: process.env['LANG'],
      id: options.name,
      start: options.wait === true ? 'linked' : 'now',
      ringBytes: options.ring,
      slow: options.slow,
      lingerSeconds: options.linger,
      signal,
    });
    if (options.json) await printJson(await job.info());
    else await printLine(job.id);
    return 0;
  });
}
