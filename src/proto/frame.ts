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
  /** Of the frame whose length line was read. */
  private payloadBytes: number | undefined;

  constructor(private readonly payloadMax: number = PAYLOAD_BYTES_MAX) {}

  /** Bytes that are kept: of frames not yet handed out, or not yet whole. */
  get buffered(): number { return this.have; }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.have += bytes.length;
  }

  /** The next payload, a copy of its own; undefined when more bytes must come. @throws FrameError */
  next(): Buffer | undefined {
    this.payloadBytes ??= this.takeLength();
    if (this.payloadBytes === undefined || this.have < this.payloadBytes + TRAILER_BYTES) return undefined;
    const payload = Buffer.from(this.take(this.payloadBytes));
    // Nobody looks at the two bytes behind it: the original does not.
    this.take(TRAILER_BYTES);
    this.payloadBytes = undefined;
    return payload;
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
    this.take(end + TRAILER_BYTES);
    return length;
  }

  private peek(size: number): Buffer {
    const [first] = this.pieces;
    if (!first) return Buffer.alloc(0);
    if (first.length >= size || this.pieces.length === 1) return first.subarray(0, size);
    this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0]!.subarray(0, size);
  }

  private take(size: number): Buffer {
    if (size === 0) return Buffer.alloc(0);
    if ((this.pieces[0]?.length ?? 0) < size) this.pieces = [Buffer.concat(this.pieces)];
    const first = this.pieces[0]!, taken = first.subarray(0, size);
    if (first.length === size) this.pieces.shift();
    else this.pieces[0] = first.subarray(size);
    this.have -= size;
    return taken;
  }
}
