/** What the tests of the Node host share. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

export { openDescriptors, temporaryDirectory } from '../support/process.js';

/** libuv closes in a later turn of its loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

let fifos = 0;

export interface Fifo { read: number; write: number; close(): void }

/** Both ends of a pipe, blocking; `close` is for our own two. */
export function fifo(directory: string): Fifo {
  const path = `${directory}/fifo${fifos++}`;
  execFileSync('mkfifo', [path]);
  // An end of a FIFO opens when the other does, but for one that asks for both.
  const both = openSync(path, constants.O_RDWR);
  const read = openSync(path, constants.O_RDONLY);
  const write = openSync(path, constants.O_WRONLY);
  closeSync(both);
  return { read, write, close: () => { closeSync(read); closeSync(write); } };
}
