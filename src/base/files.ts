/** Reading small files. */
import { readFileSync } from 'node:fs';
import { ifReadable } from './errors.js';

/** The text of a file; '' when it is missing or cannot be read. `latin1` keeps each byte as one character. */
// Not asynchronous: a small file is read in less time than a thread of libuv's takes to wake up.
export function textOfFile(path: string, encoding: 'latin1' | 'utf8' = 'latin1'): string {
  return ifReadable(() => readFileSync(path, encoding)) ?? '';
}
