/** What the tests of the Node host share. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { openDescriptors, until } from '../support/process.js';

export { openDescriptors };
export { temporaryDirectory } from '../support/process.js';

/** Waits until this process has open what it had open before: libuv closes in later turns of its loop. */
export async function holdsOnly(before: readonly string[]): Promise<void> {
  await until(() => openDescriptors().join() === before.join(), () => `all else is closed: ${openDescriptors().join()} instead of ${before.join()}`);
}

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
