/** Collecting what a command or a job writes, up to a limit. */
import type { Readable } from 'node:stream';
import { check, checkOptions, type Checks } from '../../base/validate.js';

const BYTES_MAX = 16 << 20;

export interface OutputOptions {
  /** Of either stream (16 MiB). */
  maxBytes?: number | undefined;
}

const CHECKS: Checks<OutputOptions> = {
  maxBytes: check('a whole number of bytes, or Infinity', (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0)),
};

/** The limit of checked options. Throws USAGE. */
export function outputLimit(options: OutputOptions): number {
  checkOptions(options, CHECKS);
  return options.maxBytes ?? BYTES_MAX;
}

/** All that comes from the stream. `exceed` is called for each piece that is above the limit, and has to end the stream. */
export async function collect(stream: Readable | null, maxBytes: number, exceed: () => Promise<unknown>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stream ?? []) {
    size += (piece as Buffer).length;
    if (size > maxBytes) await exceed();
    else pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

/** The bytes; none of a stream that was destroyed. */
export function bytesOf(settled: PromiseSettledResult<Buffer>): Buffer { return settled.status === 'fulfilled' ? settled.value : Buffer.alloc(0); }
