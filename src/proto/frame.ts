/**
 * Frames: LENGTH CR LF PAYLOAD CR LF, LENGTH in decimal digits. No I/O: bytes in, frames out.
 *
 * A reader keeps no more than one line of LENGTH_LINE_BYTES_MAX or one payload of its limit; both are judged before anything is
 * kept. docs/reference/server.md, "Frames"
 */

/** More digits than any length below the limit has, and blanks around them. */
export const LENGTH_LINE_BYTES_MAX = 64;
/** The largest request that a server takes, and the largest answer that a client takes. */
const PAYLOAD_BYTES_MAX = 32 << 20;

/** More pieces than this are copied together, when they are small. */
const PIECES_APART = 8;
const SMALL_BYTES = 1 << 10;
/** As much memory is claimed on the word of a length. */
const PARTIAL_BYTES_MAX = 128 << 10;

const LF = 10, CR = 13;
const TRAILER_BYTES = 2;

/** Why nothing after this point of a stream can be understood. */
export class FrameError extends Error {}

export const FRAME_TAIL = Buffer.from('\r\n', 'latin1');

export function frameHead(payloadBytes: number): Buffer { return Buffer.from(`${payloadBytes}\r\n`, 'latin1'); }

export function encodeFrame(payload: Uint8Array): Buffer { return Buffer.concat([frameHead(payload.length), payload, FRAME_TAIL]); }

/** As the original reads it: blanks around it, or 0x in front. A negative length means an empty payload. */
function parseLength(line: string): number {
  const match = /^\s*(?:([+-]?)(\d+)|0x([0-9a-f]+))\s*$/i.exec(line);
  if (!match) throw new FrameError(`a frame begins with the length of its payload in decimal digits, not with ${JSON.stringify(line)}`);
  if (match[1] === '-') return 0;
  return match[3] === undefined ? Number(match[2]) : Number.parseInt(match[3], 16);
}

/** Cuts a stream of bytes into payloads. Give it bytes with `push`, then call `next` until it returns undefined. */
export class FrameReader {
  private pieces: Buffer[] = [];
  private have = 0;
  /** The memory of a payload of which only a part has come. */
  private partial: Buffer | undefined;
  private filled = 0;
  private small = Buffer.alloc(0);
  private smallUsed = 0;
  /** Of the frame whose length line was read. */
  private payloadBytes: number | undefined;

  constructor(private readonly payloadMax: number = PAYLOAD_BYTES_MAX) {}

  /** Bytes that are kept: of frames not yet handed out, or not yet whole. */
  get buffered(): number { return this.have + this.filled; }

  push(bytes: Buffer): void {
    const rest = this.fillPartial(bytes);
    if (rest.length === 0) return;
    if (rest.length < SMALL_BYTES && this.pieces.length >= PIECES_APART) this.pushSmall(rest);
    else this.pieces.push(rest);
    this.have += rest.length;
  }

  /** A payload that comes byte by byte must not cost an object for each of them: small pieces follow each other in one buffer. */
  private pushSmall(bytes: Buffer): void {
    if (this.small.length - this.smallUsed < bytes.length) {
      this.small = Buffer.allocUnsafeSlow(SMALL_BYTES * 4);
      this.smallUsed = 0;
    }
    const { small, smallUsed } = this, end = smallUsed + bytes.copy(small, smallUsed), last = this.pieces.at(-1);
    const continues = last?.buffer === small.buffer && last.byteOffset - small.byteOffset + last.length === smallUsed;
    if (continues) this.pieces[this.pieces.length - 1] = small.subarray(last.byteOffset - small.byteOffset, end);
    else this.pieces.push(small.subarray(smallUsed, end));
    this.smallUsed = end;
  }

  /** The next payload, a copy of its own; undefined when more bytes must come. @throws FrameError */
  next(): Buffer | undefined {
    this.payloadBytes ??= this.takeLength();
    if (this.payloadBytes === undefined || this.have + this.filled < this.payloadBytes + TRAILER_BYTES) return undefined;
    const payload = this.partial ?? this.take(this.payloadBytes);
    // Nobody looks at the two bytes behind it: the original does not.
    this.skip(TRAILER_BYTES);
    this.payloadBytes = this.partial = undefined;
    this.filled = 0;
    return payload;
  }

  /** Copies what is left, when `next` has nothing more: the memory of what was pushed may be used again. */
  keep(): void {
    const { payloadBytes = 0 } = this;
    if (payloadBytes > 0 && payloadBytes <= PARTIAL_BYTES_MAX && !this.partial) {
      const { pieces } = this;
      this.partial = Buffer.allocUnsafeSlow(payloadBytes);
      this.pieces = [];
      this.have = 0;
      for (const piece of pieces) this.push(piece);
    }
    if (this.have > 0) this.pieces = [Buffer.concat(this.pieces)];
  }

  /** A payload of which a part has come is filled up in its own memory. Returns what is behind it. */
  private fillPartial(bytes: Buffer): Buffer {
    if (!this.partial || this.filled === this.partial.length) return bytes;
    const copied = bytes.copy(this.partial, this.filled);
    this.filled += copied;
    return bytes.subarray(copied);
  }

  private takeLength(): number | undefined {
    const head = this.peek(LENGTH_LINE_BYTES_MAX + TRAILER_BYTES), end = head.indexOf('\r\n');
    // Behind the longest length may come a CR whose LF has not come yet.
    const isTooLong = head.length > LENGTH_LINE_BYTES_MAX + (head[LENGTH_LINE_BYTES_MAX] === CR ? 1 : 0), lf = head.indexOf(LF);
    // The original waits for CR LF for ever after LF alone; no length has an LF in it.
    if (lf >= 0 && lf !== end + 1) throw new FrameError('the length of a frame ends with CR LF, not with LF alone');
    if (end < 0 && isTooLong) {
      throw new FrameError(`the length of a frame has at most ${LENGTH_LINE_BYTES_MAX} bytes, and no end was found in the first ${head.length}`);
    }
    if (end < 0) return undefined;
    const length = parseLength(head.toString('latin1', 0, end));
    if (length > this.payloadMax) throw new FrameError(`a message has at most ${this.payloadMax} bytes, not ${length}`);
    this.skip(end + TRAILER_BYTES);
    return length;
  }

  /** The first bytes, so many as there are. */
  private peek(size: number): Buffer {
    const [first] = this.pieces;
    if (!first || first.length >= size || this.pieces.length === 1) return first?.subarray(0, size) ?? Buffer.alloc(0);
    const head = Buffer.allocUnsafe(Math.min(size, this.have));
    this.copy(head);
    return head;
  }

  private copy(into: Buffer): void {
    let filled = 0;
    for (const piece of this.pieces) {
      filled += piece.copy(into, filled);
      if (filled === into.length) return;
    }
  }

  private take(size: number): Buffer {
    const taken = Buffer.allocUnsafe(size);
    this.copy(taken);
    this.skip(size);
    return taken;
  }

  private skip(size: number): void {
    this.have -= size;
    let left = size, whole = 0;
    while (whole < this.pieces.length && left >= this.pieces[whole]!.length) left -= this.pieces[whole++]!.length;
    this.pieces.splice(0, whole);
    if (left > 0) this.pieces[0] = this.pieces[0]!.subarray(left);
  }
}
