/**
 * A job's output as the server has read it: a file that outlives the server, until the output was answered.
 *
 *   stream:u8 (0 stdout, 1 stderr)  size:u32 little-endian  bytes[size]     …again and again, in the order read
 *
 * Its sums are the positions to go on from in the job's rings, so a server that was killed goes on without a byte lost or
 * doubled: a piece that was not written whole is cut off, and comes again.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writevSync } from 'node:fs';
import { unlessMissing } from '../../base/errors.js';
import type { Cursors } from '../container/backend.js';

export type StreamName = 'stdout' | 'stderr';
const NAMES: readonly StreamName[] = ['stdout', 'stderr'];
const HEADER_BYTES = 5;
/** What is read of a job at once, and so at most in one piece. */
export const PIECE_BYTES_MAX = 64 << 10;
const CIRCLE = 2 ** 32;

export interface Piece { readonly name: StreamName; readonly data: Buffer; /** Where the next piece begins in the file. */ readonly next: number }

export class Spool {
  /** Bytes of stdout and stderr. */
  private readonly sums: [number, number] = [0, 0];

  private constructor(private readonly path: string, private fd: number | undefined, private size: number) {}

  /** Opens the file, makes it where it is missing, and cuts off what is not whole. */
  static open(path: string): Spool {
    const fd = openSync(path, 'a+', 0o600);
    const spool = new Spool(path, fd, fstatSync(fd).size);
    let at = 0;
    for (let header = spool.headerAt(at); header; header = spool.headerAt(at)) {
      spool.sums[header.stream] += header.size;
      at += HEADER_BYTES + header.size;
    }
    if (at < spool.size) ftruncateSync(fd, at);
    spool.size = at;
    return spool;
  }

  /** Bytes of both streams. */
  get bytes(): number { return this.sums[0] + this.sums[1]; }
  get end(): number { return this.size; }
  get cursors(): Cursors { return { stdout: this.sums[0] % CIRCLE, stderr: this.sums[1] % CIRCLE }; }

  append(name: StreamName, data: Buffer): void {
    const stream = NAMES.indexOf(name), header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(stream);
    header.writeUInt32LE(data.length, 1);
    const whole = HEADER_BYTES + data.length;
    let written = writevSync(this.needed, [header, data]);
    // A full disk takes a part; the rest is tried once, and then says why.
    while (written < whole) written += writevSync(this.needed, [Buffer.concat([header, data]).subarray(written)]);
    this.size += whole;
    this.sums[stream as 0 | 1] += data.length;
  }

  /** The pieces from there on that are whole in so many bytes; the first one whatever its size. None at the end. */
  piecesAt(at: number, bytes: number): Piece[] {
    const size = Math.min(this.size - at, bytes);
    if (size <= 0) return [];
    const buffer = Buffer.allocUnsafe(size), got = readSync(this.needed, buffer, 0, size, at), pieces: Piece[] = [];
    for (let from = 0; from + HEADER_BYTES <= got;) {
      const begin = from + HEADER_BYTES, end = begin + buffer.readUInt32LE(from + 1);
      if (end > got) break;
      pieces.push({ name: NAMES[buffer.readUInt8(from)]!, data: buffer.subarray(begin, end), next: at + end });
      from = end;
    }
    if (pieces.length > 0) return pieces;
    const first = this.pieceAt(at);
    return first ? [first] : [];
  }

  /** undefined at the end. */
  pieceAt(at: number): Piece | undefined {
    const header = this.headerAt(at);
    if (!header) return undefined;
    const data = Buffer.allocUnsafe(header.size);
    if (readSync(this.needed, data, 0, header.size, at + HEADER_BYTES) < header.size) return undefined;
    return { name: NAMES[header.stream]!, data, next: at + HEADER_BYTES + header.size };
  }

  /** All of one stream. */
  collect(): Record<StreamName, Buffer> {
    const out: Record<StreamName, Buffer> = { stdout: Buffer.allocUnsafe(this.sums[0]), stderr: Buffer.allocUnsafe(this.sums[1]) };
    const filled = { stdout: 0, stderr: 0 };
    for (let piece = this.pieceAt(0); piece; piece = this.pieceAt(piece.next)) {
      filled[piece.name] += piece.data.copy(out[piece.name], filled[piece.name]);
    }
    return out;
  }

  private headerAt(at: number): { stream: 0 | 1; size: number } | undefined {
    const header = Buffer.alloc(HEADER_BYTES);
    if (at + HEADER_BYTES > this.size || readSync(this.needed, header, 0, HEADER_BYTES, at) < HEADER_BYTES) return undefined;
    const stream = header.readUInt8(), size = header.readUInt32LE(1);
    if (stream > 1 || at + HEADER_BYTES + size > this.size) return undefined;
    return { stream: stream as 0 | 1, size };
  }

  private get needed(): number {
    if (this.fd === undefined) throw new Error(`the spool ${this.path} is closed`);
    return this.fd;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  remove(): void { unlessMissing(() => unlinkSync(this.path)); }
}
