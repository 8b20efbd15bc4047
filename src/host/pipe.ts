/** Pipes that no process started later inherits. */
import { getSystemErrorName } from 'node:util';
import { WardenError } from '../base/errors.js';
import { native, withoutDescriptors } from './addon.js';

/** pipe(2); `user`: the program that it is for, for the message. */
export function makePipe(user: string): readonly [read: number, write: number] {
  const ends = native().pipe();
  if (typeof ends !== 'number') return ends;
  const name = getSystemErrorName(ends);
  if (name === 'EMFILE' || name === 'ENFILE') throw withoutDescriptors(`cannot make a pipe for ${user}`);
  throw new WardenError('UNSUPPORTED', `cannot make a pipe for ${user}: ${name}; the limit is fs.pipe-user-pages-soft`);
}
