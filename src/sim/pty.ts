/** Pseudo terminals: a master, a slave, and between them as much of a line discipline as a shell and wsh notice. pty(7), termios(3) */
import { Description, WOULD_BLOCK } from './description.js';
import { EAGAIN, EIO } from './errno.js';
import { HANGUP, Kind, READ, WRITE } from '../vocabulary.js';

/** What one direction holds: 64 KiB on the way and 4 KiB to be read. */
const BUFFER_BYTES = 65_536 + 4_095;
const CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, NEWLINE = 10, RETURN = 13, CTRL_Z = 26, CTRL_BACKSLASH = 28, SPACE = 32, DELETE = 127;
const SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGCONT = 18, SIGTSTP = 20, SIGWINCH = 28;

export interface Settings {
  /** Lines are edited, echoed, and end with a newline; keys send signals; output gets carriage returns. */
  cooked: boolean;
}

export interface WindowSize { rows: number; columns: number }

/** The session whose controlling terminal it is, as far as a terminal has to know it. */
export interface Foreground { signal(signal: number): void }

export class Pty {
  settings: Settings = { cooked: true };
  size: WindowSize = { rows: 0, columns: 0 };
  foreground: Foreground | undefined;
  /** Whoever works at it. */
  uid = 0;
  masters = 0;
  slaves = 0;
  /** Counts hangups: a slave opened before the last one is dead. */
  hangups = 0;
  /** For the slave to read: complete lines while cooked, else whatever came. Empty: an end of file was typed. */
  private readonly input: Uint8Array[] = [];
  private line: number[] = [];
  private readonly output: Uint8Array[] = [];
  private inputBytes = 0;
  private outputBytes = 0;

  static open(): [master: PtyMaster, slave: PtySlave] {
    const pty = new Pty();
    return [new PtyMaster(pty), new PtySlave(pty)];
  }

  set(settings: Settings): void {
    this.settings = settings;
    // What was typed of a line can be read at once when there are no lines any more.
    if (!settings.cooked && this.line.length > 0) this.endLine();
  }

  resize(size: WindowSize): void {
    if (size.rows === this.size.rows && size.columns === this.size.columns) return;
    this.size = { ...size };
    this.foreground?.signal(SIGWINCH);
  }

  get inputRoom(): number { return BUFFER_BYTES - this.inputBytes - this.line.length; }
  get outputRoom(): number { return BUFFER_BYTES - this.outputBytes; }
  get inputReady(): boolean { return this.input.length > 0; }
  get outputReady(): boolean { return this.output.length > 0; }
  get inputPending(): number { return this.inputBytes; }
  get outputPending(): number { return this.outputBytes; }

  /** What the master writes is typed. */
  type(from: Uint8Array): number {
    const count = Math.min(from.length, this.inputRoom);
    if (count === 0) return from.length === 0 ? 0 : WOULD_BLOCK;
    if (!this.settings.cooked) {
      this.input.push(from.slice(0, count));
      this.inputBytes += count;
    } else {
      for (const byte of from.subarray(0, count)) this.typeKey(byte);
    }
    return count;
  }

  private typeKey(key: number): void {
    const signal = key === CTRL_C ? SIGINT : key === CTRL_BACKSLASH ? SIGQUIT : key === CTRL_Z ? SIGTSTP : 0;
    if (signal !== 0) {
      this.echo(key);
      this.line = [];
      this.foreground?.signal(signal);
    } else if (key === CTRL_D) {
      this.endLine();
    } else if (key === DELETE || key === BACKSPACE) {
      if (this.line.pop() !== undefined) this.put(Uint8Array.of(BACKSPACE, SPACE, BACKSPACE));
    } else {
      const byte = key === RETURN ? NEWLINE : key;
      this.echo(byte);
      this.line.push(byte);
      if (byte === NEWLINE) this.endLine();
    }
  }

  private endLine(): void {
    this.input.push(Uint8Array.from(this.line));
    this.inputBytes += this.line.length;
    this.line = [];
  }

  private echo(byte: number): void {
    if (byte === NEWLINE) this.put(Uint8Array.of(RETURN, NEWLINE));
    else if (byte < SPACE) this.put(Uint8Array.of(0x5e, byte + 0x40));
    else this.put(Uint8Array.of(byte));
  }

  private put(bytes: Uint8Array): void {
    if (bytes.length > this.outputRoom) return;
    this.output.push(bytes);
    this.outputBytes += bytes.length;
  }

  /** What the slave writes is shown. */
  show(from: Uint8Array): number {
    if (from.length === 0) return 0;
    if (!this.settings.cooked) {
      const count = Math.min(from.length, this.outputRoom);
      if (count === 0) return WOULD_BLOCK;
      this.put(from.slice(0, count));
      return count;
    }
    let count = 0, bytes: number[] = [];
    for (const byte of from) {
      if (this.outputRoom - bytes.length < 2) break;
      if (byte === NEWLINE) bytes.push(RETURN);
      bytes.push(byte);
      count++;
    }
    if (count === 0) return WOULD_BLOCK;
    this.put(Uint8Array.from(bytes));
    return count;
  }

  readInput(into: Uint8Array): number {
    const first = this.input[0];
    if (!first) return WOULD_BLOCK;
    if (first.length === 0) {
      this.input.shift();
      return 0;
    }
    // One line at a time while there are lines.
    const count = takeFrom(this.input, into, this.settings.cooked);
    this.inputBytes -= count;
    return count;
  }

  readOutput(into: Uint8Array): number {
    const count = takeFrom(this.output, into, false);
    this.outputBytes -= count;
    return count > 0 || into.length === 0 ? count : WOULD_BLOCK;
  }

  /** Its session's leader has ended, which Linux tells the foreground; a pty, unlike other terminals, is not hung up by it. */
  abandon(): void {
    this.foreground?.signal(SIGHUP);
    this.foreground = undefined;
  }

  /** Everybody who has the slave open finds it dead, and the session is told. */
  hangUp(): void {
    this.hangups++;
    this.input.length = 0;
    this.inputBytes = 0;
    this.foreground?.signal(SIGHUP);
    this.foreground?.signal(SIGCONT);
    this.foreground = undefined;
  }
}

function takeFrom(pieces: Uint8Array[], into: Uint8Array, onlyOne: boolean): number {
  let done = 0;
  while (done < into.length && pieces.length > 0) {
    const piece = pieces[0]!, count = Math.min(piece.length, into.length - done);
    // An empty piece is an end of file that was typed: not to be run over.
    if (piece.length === 0) break;
    into.set(piece.subarray(0, count), done);
    done += count;
    if (count < piece.length) pieces[0] = piece.subarray(count);
    else pieces.shift();
    if (onlyOne) break;
  }
  return done;
}

export class PtyMaster extends Description {
  get kind(): Kind { return Kind.TERMINAL; }

  constructor(readonly pty: Pty) {
    super(true, true);
    pty.masters++;
  }

  poll(): number {
    const { pty } = this;
    return (pty.outputReady ? READ : 0) | (pty.inputRoom > 0 ? WRITE : 0) | (pty.slaves === 0 ? HANGUP : 0);
  }

  override pending(): number { return this.pty.outputPending; }
  protected override take(into: Uint8Array): number {
    const got = this.pty.readOutput(into);
    return got === -EAGAIN && this.pty.slaves === 0 ? -EIO : got;
  }
  protected override give(from: Uint8Array): number { return this.pty.type(from); }
  protected override released(): void {
    if (--this.pty.masters === 0) this.pty.hangUp();
  }
}

export class PtySlave extends Description {
  get kind(): Kind { return Kind.TERMINAL; }
  private readonly openedAt: number;

  constructor(readonly pty: Pty) {
    super(true, true);
    pty.slaves++;
    this.openedAt = pty.hangups;
  }

  private get isDead(): boolean { return this.openedAt !== this.pty.hangups; }

  poll(): number {
    if (this.isDead) return READ | WRITE | HANGUP;
    return (this.pty.inputReady ? READ : 0) | (this.pty.outputRoom > 1 ? WRITE : 0);
  }

  override pending(): number { return this.isDead ? -EIO : this.pty.inputPending; }
  override reopen(): PtySlave | undefined { return this.isDead || this.pty.masters === 0 ? undefined : new PtySlave(this.pty); }
  protected override take(into: Uint8Array): number { return this.isDead ? 0 : this.pty.readInput(into); }
  protected override give(from: Uint8Array): number { return this.isDead ? -EIO : this.pty.show(from); }
  protected override released(): void { this.pty.slaves--; }
}

/** The terminal behind a description, if it is one. */
export function ptyOf(description: Description): Pty | undefined {
  return description instanceof PtyMaster || description instanceof PtySlave ? description.pty : undefined;
}
