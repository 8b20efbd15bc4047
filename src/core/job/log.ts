/** The log of a job: CRI's records in a file that iomux-spawn writes, and renames when it is full. docs/reference/iomux-spawn.md */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.js';
import { errnoOf, reason, WardenError } from '../../base/errors.js';
import { BOUNDS } from '../options.js';

/** A piece of a stream's output that was written at one time. */
export interface LogRecord {
  /** RFC 3339 with nine digits of a second, in UTC. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** With its newline; without one, the line goes on in the stream's next record. */
  readonly text: Buffer;
}

const CHUNK_BYTES = 65_536;
/** A file has no event for what another process appends to it. */
const FOLLOW_MS = 100;
/** The command's last output may be a file further than where its end was noticed. */
const ROUNDS_AFTER_END = 1;
const NEWLINE = 0x0a;

interface LogFile { readonly fd: number; readonly inode: bigint }

export interface LogFilter {
  /** Records that were written before are left out. */
  since?: Date | undefined;
  /** Of what is there at first, only so many last lines. */
  tail?: number | undefined;
}

/** Records in their order, from the oldest file that is kept. `goesOn` is asked at the end of what is there. */
export async function* readLog(
  path: string, { since, tail }: LogFilter, goesOn: () => Promise<boolean>, signal?: AbortSignal,
): AsyncGenerator<LogRecord, void, undefined> {
  const isNew = ({ time }: LogRecord): boolean => since === undefined || Date.parse(time) >= since.getTime();
  let last = tail === undefined ? undefined : new Tail(tail);
  for await (const record of allRecords(path, goesOn, signal)) {
    if (record === undefined) {
      if (last) yield* last.records;
      last = undefined;
    } else if (isNew(record)) {
      if (last) last.add(record);
      else yield record;
    }
  }
}

/** undefined: at the end of what is there. */
async function* allRecords(
  path: string, goesOn: () => Promise<boolean>, signal?: AbortSignal,
): AsyncGenerator<LogRecord | undefined, void, undefined> {
  let file = openOldest(path), rest: Buffer = Buffer.alloc(0), rounds = 0;
  try {
    for (;;) {
      throwIfAborted(signal);
      // Before the rest of this file is read: what is written to the newer one comes behind all of this one.
      const newer = openNewer(path, file);
      for (const chunk of chunksOf(file.fd)) {
        const { records, left } = split(Buffer.concat([rest, chunk]));
        rest = left;
        yield* records;
      }
      if (newer) {
        closeSync(file.fd);
        file = newer;
        continue;
      }
      const isGoingOn = await goesOn();
      if (rounds >= ROUNDS_AFTER_END || isGoingOn) yield undefined;
      if (isGoingOn) await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
      else if (rounds++ >= ROUNDS_AFTER_END) return;
    }
  } finally {
    closeSync(file.fd);
  }
}

/** The last lines. A line may have come in several records. */
class Tail {
  readonly records: LogRecord[] = [];
  private lines = 0;

  constructor(private readonly most: number) {}

  add(record: LogRecord): void {
    this.records.push(record);
    if (endsLine(record)) this.lines++;
    while (this.records.length > 0 && (this.lines > this.most || this.most === 0)) if (endsLine(this.records.shift()!)) this.lines--;
  }
}

function endsLine({ text }: LogRecord): boolean { return text.at(-1) === NEWLINE; }

/** PATH.9, the oldest, to PATH. */
function candidates(path: string): string[] {
  return [...Array.from({ length: BOUNDS.logFiles.max }, (_, index) => `${path}.${BOUNDS.logFiles.max - index}`), path];
}

function openIfAny(path: string): LogFile | undefined {
  try {
    const fd = openSync(path, 'r');
    return { fd, inode: fstatSync(fd, { bigint: true }).ino };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new WardenError('NOT_FOUND', `cannot read the log ${path}: ${reason(error)}`, { cause: error });
  }
}

function openOldest(path: string): LogFile {
  for (const each of candidates(path)) {
    const file = openIfAny(each);
    if (file) return file;
  }
  throw new WardenError('NOT_FOUND', `there is no log ${path}`);
}

/** The file that was begun behind this one; the oldest that is left where this one was removed. */
function openNewer(path: string, { inode }: LogFile): LogFile | undefined {
  const all = candidates(path), at = all.findIndex((each) => statSync(each, { bigint: true, throwIfNoEntry: false })?.ino === inode);
  for (const each of all.slice(at + 1)) {
    const file = openIfAny(each);
    if (file) return file;
  }
  return undefined;
}

function* chunksOf(fd: number): Generator<Buffer, void, undefined> {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES), size = readSync(fd, chunk);
    if (size === 0) return;
    yield chunk.subarray(0, size);
  }
}

function split(bytes: Buffer): { records: LogRecord[]; left: Buffer } {
  const records: LogRecord[] = [];
  let from = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
    const record = parse(bytes.subarray(from, end));
    if (record) records.push(record);
    from = end + 1;
  }
  return { records, left: bytes.subarray(from) };
}

/** undefined for a record that a full disk has cut. */
function parse(line: Buffer): LogRecord | undefined {
  const [head, time, stream, tag] = /^(\d{4}-\S+) (stdout|stderr) ([FP]) /.exec(line.subarray(0, 64).toString('latin1')) ?? [];
  if (head === undefined) return undefined;
  const text = line.subarray(head.length);
  return { time: time!, stream: stream as LogRecord['stream'], text: tag === 'F' ? Buffer.concat([text, Buffer.of(NEWLINE)]) : text };
}
