/** Input and output of `warden wire`. */
import { createReadStream, writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { reason } from '../../../../base/errors.js';
import { EXIT_USAGE } from '../../../exit-codes.js';
import { print } from '../../../support/print.js';
import { SIZE_MAX } from '../../../../wire/json.js';
import type { Paint } from '../../../../wire/text.js';

/** A mistake of the user's, described in one sentence: exit code 2. */
export class InputError extends Error {}

/** The content of a file, or of standard input for "-". */
export async function readInput(file: string): Promise<Buffer> {
  try {
    return await readAll(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${nameOf(file)}: ${reason(error)}`, { cause: error });
  }
}

function nameOf(file: string): string { return file === '-' ? 'standard input' : file; }

/** Reads up to a size that is larger than any message: the length of a pipe's content is unknown. */
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

/** Writes bytes to a file or to standard output, but not to a terminal, which they would confuse. */
export async function writeOutput(bytes: Uint8Array, file: string | undefined): Promise<void> {
  if (file !== undefined) return writeFileSync(file, bytes);
  if (isatty(1)) throw new InputError('a message is no text for a terminal: give -o FILE, or a pipe to xxd or to warden wire decode');
  await print(bytes);
}

/** Colours for standard output, if it is a terminal that supports them. */
export function paint(): Paint {
  const colors = pc.createColors(isatty(1) && pc.isColorSupported);
  return { bold: colors.bold, dim: colors.dim, good: colors.green, bad: colors.red };
}

/** Runs a command. A mistake of the user's is reported in one sentence. */
export async function reporting(name: string, work: () => number | Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof RangeError)) throw error;
    process.stderr.write(`warden wire ${name}: ${error.message}\n`);
    return EXIT_USAGE;
  }
}
