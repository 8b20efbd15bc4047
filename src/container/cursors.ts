/** Positions in a job's output, and the file that keeps them. docs/protocol.md §5 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { codec } from '../wire/codec.js';
import { decode, encode } from '../wire/message.js';
import { errnoOf, reason, WardenError } from './error.js';

/** Positions behind the last byte that was read, modulo 2^32. */
export interface Cursors { readonly stdout: number; readonly stderr: number }

const CIRCLE = 2 ** 32;

export function moved(position: number, bytes: number): number { return (position + bytes) % CIRCLE; }

export function checkCursors({ stdout, stderr }: Cursors): void {
  for (const position of [stdout, stderr]) {
    if (!Number.isInteger(position) || position < 0 || position >= CIRCLE) throw new WardenError('USAGE', `a position is a whole number from 0 to 2^32 - 1, not ${position}`);
  }
}

/** As iomux-link's `-w`, for a link whose reader is in this process: what was read counts, not what was delivered. */
export class CursorFile {
  /** What the file says; undefined while there is none. */
  saved: Cursors | undefined;
  private saving: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  async load(): Promise<void> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw new WardenError('USAGE', `cannot read the cursor file ${this.path}: ${reason(error)}`, { cause: error });
    }
    const { verdict, problem, surplus, fields } = decode(codec(), 'cursor', bytes);
    if (verdict !== 0 || surplus.length > 0) {
      throw new WardenError('USAGE', `${this.path} is no cursor file: ${problem ?? 'it is too long'}; remove it to start without`);
    }
    const [stdout, stderr] = fields.map(({ value }) => Number(value)) as [number, number];
    this.saved = { stdout, stderr };
  }

  /** Replaces the file as a whole; one at a time, the latest last. Rejected with a WardenError; the next one tries again. */
  save(cursors: Cursors): Promise<void> {
    const saved = this.saving.then(() => this.replace(cursors)).catch((error: unknown) => {
      throw new WardenError('LOST', `cannot save the positions in ${this.path}: ${reason(error)}; the link goes on, and its `
        + '"cursors" say where it is', { cause: error });
    });
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private async replace(cursors: Cursors): Promise<void> {
    if (this.saved?.stdout === cursors.stdout && this.saved.stderr === cursors.stderr) return;
    const fields = { stdout: BigInt(cursors.stdout), stderr: BigInt(cursors.stderr) };
    await writeFile(`${this.path}.new`, encode(codec(), 'cursor', { fields }), { mode: 0o600 });
    await rename(`${this.path}.new`, this.path);
    this.saved = cursors;
  }
}
