/** The other ends of a simulated machine's streams: readers of the programs' output, writers of their input, users of terminals. */
import type { Actor, Kernel } from '../kernel/kernel.js';
import { type FileDescription, WOULD_BLOCK } from '../kernel/open-file.js';
import { Pipe, PipeEnd } from '../kernel/pipe.js';
import { Pty, PtyMaster, PtySlave, type WindowSize } from '../kernel/tty/pty.js';
import { Socket } from '../kernel/socket.js';
import { decode } from '../guest/memory.js';
import { HANGUP, READ, WRITE } from '../../boundary/constants.js';

const scratch = new Uint8Array(65_536), nothing = new Uint8Array(0);

/** The owner of one end of a pipe, a socket pair or a pty. */
abstract class Endpoint implements Actor {
  /** True after `close`: this endpoint neither reads nor writes any more. */
  ended = false;

  constructor(protected readonly kernel: Kernel, protected readonly file: FileDescription) {
    file.hold();
    kernel.add(this);
  }

  abstract ready(): boolean;
  abstract step(): void;
  wakesAt(): number { return Infinity; }

  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.kernel.reportOutside(this.file, 'close', 0, 0, nothing);
    this.file.drop();
    this.kernel.remove(this);
  }
}

/** Reads one end until its end of file, at its own pace, in pieces of random sizes. */
export class Sink extends Endpoint {
  /** Called with each piece. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  length = 0;
  private pieces: Uint8Array[] = [];
  private paused = false;

  /** A new pipe: the sink at its read end, and the write end. */
  static ofPipe(kernel: Kernel): [sink: Sink, writer: PipeEnd] {
    const pipe = new Pipe();
    return [new Sink(kernel, new PipeEnd(pipe, true)), new PipeEnd(pipe, false)];
  }

  /** A new socket pair, as Node starts its children: the sink at one end, and the other end. */
  static ofSocket(kernel: Kernel): [sink: Sink, writer: Socket] {
    const [end, writer] = Socket.pair();
    return [new Sink(kernel, end), writer];
  }

  ready(): boolean { return !this.paused && !this.ended && (this.file.poll() & (READ | HANGUP)) !== 0; }

  step(): void {
    const { random } = this.kernel, size = random.chance(0.2) ? random.between(1, 512) : scratch.length;
    const got = this.file.read(scratch.subarray(0, size));
    if (got === WOULD_BLOCK) return;
    const bytes = got > 0 ? scratch.slice(0, got) : nothing;
    this.kernel.reportOutside(this.file, 'read', size, got, bytes);
    if (got <= 0) return this.close();
    this.length += got;
    this.pieces.push(bytes);
    this.onData?.(bytes);
  }

  /** Stops reading, as a stuck reader does. */
  pause(): void { this.paused = true; }
  resume(): void { this.paused = false; }

  get bytes(): Uint8Array {
    if (this.pieces.length > 1) {
      const whole = new Uint8Array(this.length);
      let at = 0;
      for (const piece of this.pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      this.pieces = [whole];
    }
    return this.pieces[0] ?? nothing;
  }

  get text(): string { return decode(this.bytes); }
}

/** Writes to one end. */
export class Source extends Endpoint {
  private pieces: Uint8Array[] = [];
  private ending = false;

  /** A new pipe: the source at its write end, and the read end. */
  static ofPipe(kernel: Kernel): [source: Source, reader: PipeEnd] {
    const pipe = new Pipe();
    return [new Source(kernel, new PipeEnd(pipe, false)), new PipeEnd(pipe, true)];
  }

  /** A new socket pair, as Node starts its children: the source at one end, and the other end. */
  static ofSocket(kernel: Kernel): [source: Source, reader: Socket] {
    const [end, reader] = Socket.pair();
    return [new Source(kernel, end), reader];
  }

  write(bytes: Uint8Array | string): void {
    const piece = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    if (piece.length > 0) this.pieces.push(piece);
  }

  /** Closes the end when all pieces are written. */
  end(): void { this.ending = true; }

  ready(): boolean {
    if (this.ended) return false;
    return this.pieces.length > 0 ? (this.file.poll() & (WRITE | HANGUP)) !== 0 : this.ending;
  }

  step(): void {
    const piece = this.pieces[0];
    if (!piece) return this.close();
    const sent = this.file.write(piece);
    if (sent === WOULD_BLOCK) return;
    this.kernel.reportOutside(this.file, 'write', piece.length, sent, piece);
    if (sent < 0) return this.close();
    if (sent < piece.length) this.pieces[0] = piece.subarray(sent);
    else this.pieces.shift();
  }
}

/** The user of a terminal: types keys, reads the screen. */
export class Terminal {
  readonly pty = new Pty();
  readonly slave = new PtySlave(this.pty);
  readonly screen: Sink;
  private readonly keyboard: Source;

  constructor(kernel: Kernel, size: WindowSize) {
    this.pty.size = { ...size };
    const master = new PtyMaster(this.pty);
    this.screen = new Sink(kernel, master);
    this.keyboard = new Source(kernel, master);
  }

  type(keys: string): void { this.keyboard.write(keys); }
  resize(size: WindowSize): void { this.pty.resize(size); }

  /** Closes the master, as when a terminal's window is closed. */
  hangUp(): void {
    this.keyboard.close();
    this.screen.close();
  }
}
