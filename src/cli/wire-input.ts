/** What `warden wire` reads and writes. */
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { reason } from '../container/error.js';
import { EXIT_USAGE } from './exit.js';
import { SIZE_MAX } from '../wire/json.js';
import type { Paint } from '../wire/text.js';

/** The user's mistake, as one sentence: exit code 2. */
export class InputError extends Error {}

const PIECE_BYTES = 1 << 16;

/** All of a file, or with "-" of standard input. */
export function readInput(file: string): Buffer {
  try {
    return readAll(file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`cannot read ${nameOf(file)}: ${reason(error)}`, { cause: error });
  }
}

function nameOf(file: string): string { return file === '-' ? 'standard input' : file; }

/** Of a pipe nobody knows how much will come: it is read up to what is more than any message. */
function readAll(file: string): Buffer {
  const fd = file === '-' ? 0 : openSync(file, 'r');
  try {
    const pieces: Buffer[] = [];
    for (let size = 0; ;) {
      const piece = Buffer.alloc(PIECE_BYTES), got = readSync(fd, piece);
      if (got === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, got));
      size += got;
      if (size > SIZE_MAX) throw new InputError(`${nameOf(file)} has more than ${SIZE_MAX} bytes, and no message has`);
    }
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

/** Bytes for a program: not for a terminal, which they would confuse. */
export function writeOutput(bytes: Uint8Array, file: string | undefined): void {
  if (file === undefined && isatty(1)) throw new InputError('a message is no text for a terminal: give -o FILE, or a pipe to xxd or to warden wire decode');
  writeFileSync(file ?? 1, bytes);
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
