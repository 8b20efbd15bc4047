/** Positions in a job's output, and the file that keeps them. docs/reference/protocol.md §5 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { errnoOf, reason, WardenError } from '../../base/errors.js';
import { integer, objectOf, usage } from '../../base/validate.js';
import { codec } from '../../wire/codec.js';
import { decode, encode } from '../../wire/message.js';

/** Positions behind the last byte that was read, modulo 2^32. */
export interface Cursors { readonly stdout: number; readonly stderr: number }

const POSITIONS = 2 ** 32;

/** The position `bytes` further on. */
export function moved(position: number, bytes: number): number { return (position + bytes) % POSITIONS; }

const position = integer(0, POSITIONS - 1);
/** Throws USAGE unless `value` is Cursors. */
export const checkCursors = objectOf<Cursors>({ stdout: position, stderr: position }, ['stdout', 'stderr']);

/** A cursor file for a link whose reader is in this process: it counts bytes that were read, while iomux-link's `-w` counts delivered ones. */
export class CursorFile {
  /** The positions in the file; undefined while it does not exist. */
  saved: Cursors | undefined;
  private saving: Promise<void> = Promise.resolve();

  constructor(private readonly path: string) {}

  /** Reads the file. A missing file is no error. */
  async load(): Promise<void> {
    let bytes: Buffer;
    try {
      bytes = await readRegular(this.path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw usage(`cannot read the cursor file ${this.path}: ${reason(error)}`, { cause: error });
    }
    const { verdict, problem, surplus, fields } = decode(codec(), 'cursor', bytes);
    if (verdict !== 0 || surplus.length > 0) {
      throw usage(`${this.path} is no cursor file: ${problem ?? 'it is too long'}; remove it to start without`);
    }
    const [stdout, stderr] = fields.map(({ value }) => Number(value)) as [number, number];
    this.saved = { stdout, stderr };
  }

  /** Replaces the file atomically; calls run one after the other. Rejected with a WardenError, after which the next call tries again. */
  save(cursors: Cursors): Promise<void> {
    const saved = this.saving.then(() => this.replace(cursors)).catch((error: unknown) => {
      throw new WardenError('LOST', `cannot save the positions in ${this.path}: ${reason(error)}; the link goes on, and its `
        + '"cursors" have the positions', { cause: error });
    });
    this.saving = saved.catch(() => undefined);
    return saved;
  }

  private async replace(cursors: Cursors): Promise<void> {
    if (this.saved?.stdout === cursors.stdout && this.saved.stderr === cursors.stderr) return;
    const fields = { stdout: BigInt(cursors.stdout), stderr: BigInt(cursors.stderr) };
    await writeAnew(this.path, encode(codec(), 'cursor', { fields }));
    this.saved = cursors;
  }
}

/** More than a cursor file has, so that a longer one is known. */
const READ_BYTES = 64;

/** The first bytes of a regular file. Others may own its directory: a link is not followed, and a FIFO not waited for. open(2) */
async function readRegular(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no regular file');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Writes to a file that did not exist, which then takes the place of `path`: nothing that others have put there is written to. */
async function writeAnew(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomUUID()}`;
  const file = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(bytes);
    await rename(fresh, path);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}
