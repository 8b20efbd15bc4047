/**
 * A job's output as the server has it: two files that the job's link writes itself, and that outlive the server until the output was
 * answered. A third file, which is only made when it is needed, has the order of the pieces of both:
 *
 *   kind:u8 (0 stdout, 1 stderr, 2 lost of stdout, 3 lost of stderr)  size:u32 little-endian     …again and again
 *
 * What no record is about comes last. The files' sizes, and what was lost, are the positions to go on from in the job's rings, so a
 * server that was killed goes on without a byte lost or doubled.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { ifReadable, unlessMissing } from '../../base/errors.js';
import type { Cursors } from '../container/backend.js';

export type StreamName = 'stdout' | 'stderr';
const NAMES: readonly StreamName[] = ['stdout', 'stderr'];
type Index = 0 | 1;
type File = Index | 'order';
const BOTH: readonly Index[] = [0, 1];
const LOST = 2;
const RECORD_BYTES = 5, RECORD_SIZE_MAX = 0xffff_ffff;
/** What is handed out in one piece. */
export const PIECE_BYTES_MAX = 64 << 10;
/** What is handed out at once to a client that has fallen behind. */
const BATCH_BYTES = 512 << 10;
const CIRCLE = 2 ** 32;

export interface Piece { readonly name: StreamName; readonly data: Buffer }

export class Spool {
  private readonly fds = new Map<File, number>();
  /** Bytes of each stream that count. */
  private readonly sizes = [0, 0];
  /** How many of them the records are about. */
  private readonly recorded = [0, 0];
  private readonly lost = [0, 0];
  /** The stream of the bytes that no record is about. */
  private last: Index = 0;
  private orderBytes = 0;
  private removed = false;

  private constructor(private readonly path: string) {}

  /** Opens the files, and makes them where they are missing. */
  static open(path: string): Spool {
    const spool = new Spool(path);
    spool.readOrder();
    spool.grow(Infinity);
    return spool;
  }

  private pathOf(file: File): string { return `${this.path}.${file === 'order' ? file : NAMES[file]}`; }

  private readOrder(): void {
    const order = ifReadable(() => readFileSync(this.pathOf('order'))) ?? Buffer.alloc(0);
    for (; this.orderBytes + RECORD_BYTES <= order.length; this.orderBytes += RECORD_BYTES) {
      const kind = order.readUInt8(this.orderBytes), size = order.readUInt32LE(this.orderBytes + 1);
      if (kind < LOST) this.recorded[kind]! += size;
      else this.lost[kind - LOST]! += size;
    }
    // The next record would come behind a part of one.
    if (order.length > this.orderBytes) ftruncateSync(this.fd('order'), this.orderBytes);
    this.sizes.splice(0, 2, ...this.recorded);
  }

  private fd(file: File): number {
    const known = this.fds.get(file);
    if (known !== undefined) return known;
    if (this.removed) throw new Error(`the spool ${this.path} was removed`);
    const fd = openSync(this.pathOf(file), 'a+', 0o600);
    this.fds.set(file, fd);
    return fd;
  }

  /** Both files, to be written at their ends. */
  get files(): readonly [stdout: number, stderr: number] { return [this.fd(0), this.fd(1)]; }

  /** Bytes of both streams. */
  get bytes(): number { return this.sizes[0]! + this.sizes[1]!; }

  get cursors(): Cursors {
    return { stdout: (this.sizes[0]! + this.lost[0]!) % CIRCLE, stderr: (this.sizes[1]! + this.lost[1]!) % CIRCLE };
  }

  /** Counts what has come since, of both streams together no more than `mostBytes`. */
  grow(mostBytes: number): void {
    // First what continues the run.
    for (const index of [this.last, this.last === 0 ? 1 : 0] as const) {
      const more = fstatSync(this.fd(index)).size - this.sizes[index]!;
      if (more <= 0) continue;
      const taken = Math.max(0, Math.min(more, mostBytes - this.bytes));
      if (taken > 0 && index !== this.last) this.turnTo(index);
      this.sizes[index]! += taken;
    }
  }

  /** Bytes that the job's ring did not have any more. */
  addLoss(name: StreamName, bytes: number): void {
    const index = NAMES.indexOf(name) as Index;
    this.turnTo(this.last);
    this.record(LOST + index, bytes);
    this.lost[index]! += bytes;
  }

  /** What has no record gets one, and the next bytes are this stream's. */
  private turnTo(next: Index): void {
    const { last } = this, bytes = this.sizes[last]! - this.recorded[last]!;
    if (bytes > 0) this.record(last, bytes);
    this.recorded[last] = this.sizes[last]!;
    this.last = next;
  }

  private record(kind: number, bytes: number): void {
    for (let left = bytes; left > 0; left -= RECORD_SIZE_MAX) {
      const record = Buffer.alloc(RECORD_BYTES);
      record.writeUInt8(kind);
      record.writeUInt32LE(Math.min(left, RECORD_SIZE_MAX), 1);
      for (let at = 0; at < RECORD_BYTES;) at += writeSync(this.fd('order'), record, at);
      this.orderBytes += RECORD_BYTES;
    }
  }

  /** From the first piece on, so many bytes at once. */
  reader(bytes: number = BATCH_BYTES): SpoolReader {
    return new SpoolReader(bytes, {
      record: (at) => this.recordAt(at),
      rest: () => ({ kind: this.last, size: this.sizes[this.last]! - this.recorded[this.last]! }),
      read: (index, buffer, at) => readSync(this.fd(index), buffer, 0, buffer.length, at),
    });
  }

  private recordAt(at: number): Run | undefined {
    if (at >= this.orderBytes) return undefined;
    const record = Buffer.alloc(RECORD_BYTES);
    readSync(this.fd('order'), record, 0, RECORD_BYTES, at);
    return { kind: record.readUInt8(), size: record.readUInt32LE(1) };
  }

  /** All of both streams. */
  collect(): Record<StreamName, Buffer> {
    const [stdout, stderr] = BOTH.map((index) => {
      const all = Buffer.allocUnsafe(this.sizes[index]!);
      for (let at = 0; at < all.length;) {
        const got = readSync(this.fd(index), all, at, all.length - at, at);
        if (got === 0) throw new Error(`${this.path}.${NAMES[index]} is shorter than it was`);
        at += got;
      }
      return all;
    }) as [Buffer, Buffer];
    return { stdout, stderr };
  }

  /** Lets go of what came behind the limit. */
  cut(): void { for (const index of BOTH) ftruncateSync(this.fd(index), this.sizes[index]); }

  /** Until it is needed again. */
  close(): void {
    for (const fd of this.fds.values()) closeSync(fd);
    this.fds.clear();
  }

  /** Whoever reads goes on; nobody else finds it. */
  remove(): void {
    this.removed = true;
    for (const file of this.orderBytes > 0 ? [...BOTH, 'order'] as const : BOTH) unlessMissing(() => unlinkSync(this.pathOf(file)));
  }
}

interface Run { readonly kind: number; readonly size: number }

interface Source {
  /** undefined behind the last record. */
  record(at: number): Run | undefined;
  /** What no record is about. */
  rest(): Run;
  read(index: Index, buffer: Buffer, at: number): number;
}

/** Reads a spool in its order, also while it grows. */
export class SpoolReader {
  private readonly buffer: Buffer;
  /** Where the next run's record is, or will be. */
  private at = 0;
  /** Bytes of that run that were handed out. */
  private done = 0;
  private readonly positions = [0, 0];

  constructor(bytes: number, private readonly source: Source) { this.buffer = Buffer.allocUnsafeSlow(bytes); }

  /** The next pieces, as many as there are at once; none where there is nothing more yet. They are valid until the next call. */
  next(): Piece[] {
    const pieces: Piece[] = [];
    for (let used = 0; used < this.buffer.length;) {
      const record = this.source.record(this.at), { kind, size } = record ?? this.source.rest(), left = size - this.done;
      if (record && (kind >= LOST || left === 0)) {
        this.at += RECORD_BYTES;
        this.done = 0;
        continue;
      }
      if (left === 0) break;
      const got = this.read(kind as Index, this.buffer.subarray(used, used + left));
      for (let from = used; from < used + got; from += PIECE_BYTES_MAX) {
        pieces.push({ name: NAMES[kind]!, data: this.buffer.subarray(from, Math.min(from + PIECE_BYTES_MAX, used + got)) });
      }
      used += got;
    }
    return pieces;
  }

  private read(index: Index, buffer: Buffer): number {
    const got = this.source.read(index, buffer, this.positions[index]!);
    if (got === 0) throw new Error('a spool is shorter than it was');
    this.positions[index]! += got;
    this.done += got;
    return got;
  }
}
