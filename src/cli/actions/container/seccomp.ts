/** `warden seccomp`: a filter for `wshd --filter`. */
import { isatty } from 'node:tty';
import { seccompFilter, WardenError } from '../../../index.js';
import { print } from '../../support/print.js';

export interface SeccompOptions { capAdd?: readonly string[]; capDrop?: readonly string[] }

export async function seccomp(profile: string | undefined, { capAdd, capDrop }: SeccompOptions): Promise<number> {
  if (isatty(1)) throw new WardenError('USAGE', 'a filter is not text: send it to a file, `warden seccomp > FILE`');
  await print(seccompFilter({ seccomp: profile, capAdd, capDrop }));
  return 0;
}
