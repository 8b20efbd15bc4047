/** `warden stop`: ends what runs in a container. */
import type { StopResult } from '../../../index.js';
import { interruptible } from '../../support/interrupt.js';
import { openContainer } from '../../support/open.js';
import { printJson, printLine } from '../../support/print.js';
import { plural } from '../../support/quantities.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';

export interface StopOptions {
  depot: string;
  /** Milliseconds. */
  grace?: number;
  json?: boolean;
}

export async function stop(name: string, options: StopOptions): Promise<number> {
  requireLinux();
  const directory = containerDirectory(name, options.depot);
  return interruptible('stop', async (signal) => {
    const container = await openContainer(directory);
    const result = await container.stop({ graceMs: options.grace, signal });
    if (options.json) await printJson(result);
    else await printLine(text(result));
    return 0;
  });
}

function text({ terminated, killed }: StopResult): string {
  if (terminated === 0) return 'nothing was running';
  return `${plural(terminated, 'process')} terminated${killed === 0 ? '' : `, ${killed} of them by SIGKILL after the grace`}`;
}
