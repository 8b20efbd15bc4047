/** `warden kill`: sends a signal to the processes of a container or of a job. */
import { constants } from 'node:os';
import { WardenError } from '../../../base/errors.js';
import { printLine } from '../../support/print.js';
import { openTarget } from '../../support/open.js';
import { plural } from '../../support/quantities.js';
import { requireLinux } from '../../support/reference.js';

export interface KillOptions { depot: string; signal: string }

export async function kill(names: readonly string[], { depot, signal }: KillOptions): Promise<number> {
  requireLinux();
  const named = Object.entries(constants.signals).find(([, number]) => String(number) === signal)?.[0];
  const name = (named ?? `SIG${signal.toUpperCase().replace(/^SIG/, '')}`) as NodeJS.Signals;
  const targets = await Promise.all(names.map((each) => openTarget(each, depot)));
  const counts = await Promise.all(targets.map(async ({ container, job }) => (job ?? container).kill(name)));
  const count = counts.reduce((sum, each) => sum + each, 0);
  if (count === 0) throw new WardenError('ENDED', 'no process is there to get the signal');
  await printLine(`${plural(count, 'process')} got ${name}`);
  return 0;
}
