/** `warden sweep`: removes what is left of containers whose making or removal was interrupted. */
import { resolve } from 'node:path';
import { Container } from '../../../index.js';
import { EXIT_FAILED } from '../../exit-codes.js';
import { complain } from '../../support/interrupt.js';
import { print, printJson } from '../../support/print.js';
import { requireLinux } from '../../support/reference.js';

export interface SweepOptions { depot: string; json?: boolean }

export async function sweep({ depot, json }: SweepOptions): Promise<number> {
  requireLinux();
  const { removed, failures } = await Container.sweep(resolve(depot));
  await (json ? printJson({ removed }) : print(removed.map((id) => `${id}\n`).join('')));
  for (const failure of failures) complain('sweep', failure);
  return failures.length === 0 ? 0 : EXIT_FAILED;
}
