/** What `warden wire` reads and writes. */
import { createReadStream, writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { reason } from '../container/error.js';
import { EXIT_USAGE } from './exit.js';
import { print } from './print.js';
import { SIZE_MAX } from '../wire/json.js';
import type { Paint } from '../wire/text.js';

/** The user's mistake, as one sentence: exit code 2. */
export class InputError extends Error {}

/** All of a file, or with "-" of standard input. */
export async function readInput(file: string): Promise<Buffer> {
  try {
    return await readAll(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${nameOf(file)}: ${reason(error)}`, { cause: error });
  }
}

function nameOf(file: string): string { return file === '-' ? 'standard input' : file; }

/** Of a pipe nobody knows how much will come: it is read up to what is more than any message. */
async function readAll(file: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of file === '-' ? process.stdin : createReadStream(file)) {
    pieces.push(piece as Buffer);
    size += (piece as Buffer).length;
    if (size > SIZE_MAX) throw new InputError(`${nameOf(file)} has more than ${SIZE_MAX} bytes, and no message has`);
  }
  return Buffer.concat(pieces);
}

/** Bytes for a program: not for a terminal, which they would confuse. */
export async function writeOutput(bytes: Uint8Array, file: string | undefined): Promise<void> {
  if (file !== undefined) return writeFileSync(file, bytes);
  if (isatty(1)) throw new InputError('a message is no text for a terminal: give -o FILE, or a pipe to xxd or to warden wire decode');
  await print(bytes);
}

/** Colours for a terminal that has them, on standard output. */
export function paint(): Paint {
  const colors = pc.createColors(isatty(1) && pc.isColorSupported);
  return { bold: colors.bold, dim: colors.dim, good: colors.green, bad: colors.red };
}

/** Runs a command; a mistake of the user's is told in one sentence. */
export async function reporting(name: string, work: () => number | Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof RangeError)) throw error;
    process.stderr.write(`warden wire ${name}: ${error.message}\n`);
    return EXIT_USAGE;
  }
}
