/** What stands around a simulated machine: whoever reads what programs write, writes what they read, sits at a terminal. */
import type { Description } from './description.js';
import { WOULD_BLOCK } from './description.js';
import type { Actor, Kernel } from './kernel.js';
import { decode } from './memory.js';
import { Pipe, PipeEnd } from './pipe.js';
import { Pty, PtyMaster, PtySlave, type WindowSize } from './pty.js';
import { Socket } from './socket.js';
import { HANGUP, READ, WRITE } from '../vocabulary.js';

const scratch = new Uint8Array(65_536), nothing = new Uint8Array(0);

/** A reader of one end; at its own pace, in pieces of the seed's. */
export class Sink implements Actor {
  /** Called with each piece that comes. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  length = 0;
  /** No more will come. */
  ended = false;
  private pieces: Uint8Array[] = [];
  private paused = false;

  constructor(private readonly kernel: Kernel, private readonly end: Description) {
    end.hold();
    kernel.add(this);
  }

  /** A pipe, the sink at its end, and the description that is written to. */
  static ofPipe(kernel: Kernel): { sink: Sink; writer: PipeEnd } {
    const pipe = new Pipe();
    return { sink: new Sink(kernel, new PipeEnd(pipe, true)), writer: new PipeEnd(pipe, false) };
  }

  /** The same with a pair of sockets, as Node starts its children. */
  static ofSocket(kernel: Kernel): { sink: Sink; writer: Socket } {
    const [end, writer] = Socket.pair();
    return { sink: new Sink(kernel, end), writer };
  }

  ready(): boolean { return !this.paused && !this.ended && (this.end.poll() & (READ | HANGUP)) !== 0; }
  wakesAt(): number { return Infinity; }

  step(): void {
    const { random } = this.kernel, size = random.chance(0.2) ? random.between(1, 512) : scratch.length;
    const got = this.end.read(scratch.subarray(0, size));
    if (got === WOULD_BLOCK) return;
    const bytes = got > 0 ? scratch.slice(0, got) : nothing;
    this.kernel.tellOutside(this.end, 'read', size, got, bytes);
    if (got <= 0) return this.close();
    this.length += got;
    this.pieces.push(bytes);
    this.onData?.(bytes);
  }

  /** A reader that is stuck. */
  pause(): void { this.paused = true; }
  resume(): void { this.paused = false; }

  /** A reader that goes away. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.kernel.tellOutside(this.end, 'close', 0, 0, nothing);
    this.end.drop();
    this.kernel.remove(this);
  }

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
    return this.pieces[0] ?? new Uint8Array(0);
  }

  get text(): string { return decode(this.bytes); }
}

/** A writer of one end. */
export class Source implements Actor {
  private pieces: Uint8Array[] = [];
  private ending = false;
  private closed = false;

  constructor(private readonly kernel: Kernel, private readonly target: Description) {
    target.hold();
    kernel.add(this);
  }

  static ofPipe(kernel: Kernel): { source: Source; reader: PipeEnd } {
    const pipe = new Pipe();
    return { source: new Source(kernel, new PipeEnd(pipe, false)), reader: new PipeEnd(pipe, true) };
  }

  static ofSocket(kernel: Kernel): { source: Source; reader: Socket } {
    const [end, reader] = Socket.pair();
    return { source: new Source(kernel, end), reader };
  }

  write(bytes: Uint8Array | string): void {
    const piece = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
    if (piece.length > 0) this.pieces.push(piece);
  }

  /** Behind what was written: no more will come. */
  end(): void { this.ending = true; }

  ready(): boolean {
    if (this.closed) return false;
    return this.pieces.length > 0 ? (this.target.poll() & (WRITE | HANGUP)) !== 0 : this.ending;
  }

  wakesAt(): number { return Infinity; }

  step(): void {
    const piece = this.pieces[0];
    if (!piece) return this.close();
    const sent = this.target.write(piece);
    if (sent === WOULD_BLOCK) return;
    this.kernel.tellOutside(this.target, 'write', piece.length, sent, piece);
    if (sent < 0) return this.close();
    if (sent < piece.length) this.pieces[0] = piece.subarray(sent);
    else this.pieces.shift();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pieces = [];
    this.kernel.tellOutside(this.target, 'close', 0, 0, nothing);
    this.target.drop();
    this.kernel.remove(this);
  }
}

/** A person at a terminal: what they type, and what they see. */
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

  /** The line is cut, the window closed. */
  hangUp(): void {
    this.keyboard.close();
    this.screen.close();
  }
}
