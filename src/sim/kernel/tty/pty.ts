/** Pseudo terminals: a master, a slave, and in each direction a flip buffer and a line discipline. pty(7), drivers/tty/pty.c */
import { EAGAIN, EIO, ENOTTY } from '../errno.js';
import { FlipBuffer } from './flip-buffer.js';
import { type Line, LineDiscipline } from './line-discipline.js';
import { FileDescription, WOULD_BLOCK } from '../open-file.js';
import { SIGCONT, SIGHUP, SIGWINCH } from '../signals.js';
import { HANGUP, FileType, READ, WRITE } from '../../../boundary/constants.js';

/** tty_write() passes the line discipline at most this many bytes at a time. */
const CHUNK_BYTES = 2048;
const NEWLINE = 0x0a, RETURN_NEWLINE = Uint8Array.of(0x0d, 0x0a);

export interface Settings {
  /** Lines are edited, echoed, and end with a newline; keys send signals; output gets carriage returns. */
  cooked: boolean;
}

export interface WindowSize { rows: number; columns: number }

/** The session that has the terminal as its controlling terminal. */
export interface Foreground { signal(signal: number): void }

export class Pty implements Line {
  settings: Settings = { cooked: true };
  size: WindowSize = { rows: 0, columns: 0 };
  foreground: Foreground | undefined;
  /** The owner of the slave's file. */
  uid = 0;
  masters = 0;
  slaves = 0;
  /** Number of hangups: a slave that was opened before the last one is dead. */
  hangups = 0;
  private isStopped = false;
  private readonly toSlave = new FlipBuffer();
  private readonly toMaster = new FlipBuffer();
  /** The slave's side. */
  readonly input = new LineDiscipline(this, true);
  /** The master's side, which is always raw. */
  readonly output = new LineDiscipline(this, false);

  static open(): [master: PtyMaster, slave: PtySlave] {
    const pty = new Pty();
    return [new PtyMaster(pty), new PtySlave(pty)];
  }

  set(settings: Settings): void {
    this.settings = settings;
    this.input.setCanonical(settings.cooked);
    this.settle();
  }

  /** TIOCSWINSZ */
  resize(size: WindowSize): void {
    if (size.rows === this.size.rows && size.columns === this.size.columns) return;
    this.size = { ...size };
    this.foreground?.signal(SIGWINCH);
  }

  // --- the slave's line discipline

  get room(): number { return this.isStopped ? 0 : this.toMaster.room; }
  put(bytes: Uint8Array): void { if (!this.isStopped) this.toMaster.insert(bytes); }
  signal(signal: number): void { this.foreground?.signal(signal); }
  dropOutput(): void { this.toMaster.clear(); }
  stop(stopped: boolean): void { this.isStopped = stopped; }

  /** The kernel's workers move bytes from the flip buffers to the line disciplines until these are full. */
  private settle(): void {
    this.toSlave.drain((bytes) => this.input.receive(bytes));
    this.toMaster.drain((bytes) => this.output.receive(bytes));
  }

  /** tty_write(): `once` writes one chunk, or a part of it. */
  private write(from: Uint8Array, once: (chunk: Uint8Array) => number): number {
    let done = 0;
    while (done < from.length) {
      const sent = once(from.subarray(done, Math.min(from.length, done + CHUNK_BYTES)));
      if (sent === 0) break;
      done += sent;
    }
    this.settle();
    return done > 0 || from.length === 0 ? done : WOULD_BLOCK;
  }

  get inputRoom(): number { return this.toSlave.room; }

  /** The master writes: keys are typed. */
  type(from: Uint8Array): number { return this.write(from, (chunk) => this.toSlave.insert(chunk)); }

  /** The slave writes: output is shown. */
  show(from: Uint8Array): number {
    this.input.sendEchoes();
    return this.write(from, (chunk) => {
      if (this.isStopped) return 0;
      return this.settings.cooked ? this.processOutput(chunk) : this.toMaster.insert(chunk);
    });
  }

  /** Output up to a newline, then the newline with a carriage return. n_tty_write(), process_output_block() */
  private processOutput(chunk: Uint8Array): number {
    let done = 0;
    while (done < chunk.length) {
      const { room } = this;
      if (room === 0) break;
      const newline = chunk.indexOf(NEWLINE, done), end = Math.min(newline < 0 ? chunk.length : newline, done + room);
      const sent = this.toMaster.insert(chunk.subarray(done, end));
      done += sent;
      if (done === chunk.length || done < end) continue;
      if (chunk[done] !== NEWLINE) {
        if (this.room === 0) break;
        this.toMaster.insert(chunk.subarray(done, ++done));
      } else {
        if (this.room < RETURN_NEWLINE.length) break;
        this.toMaster.insert(RETURN_NEWLINE);
        done++;
      }
    }
    return done;
  }

  readInput(into: Uint8Array): number {
    const got = this.input.read(into);
    this.settle();
    return got;
  }

  readOutput(into: Uint8Array): number {
    const got = this.output.read(into);
    this.settle();
    return got;
  }

  /** The session's leader has ended: the foreground gets SIGHUP. Unlike another terminal, a pty is not hung up. */
  abandon(): void {
    this.foreground?.signal(SIGHUP);
    this.foreground = undefined;
  }

  /** The last master is closed: each open slave is dead, and the session gets SIGHUP and SIGCONT. */
  hangUp(): void {
    this.hangups++;
    this.input.clear();
    this.foreground?.signal(SIGHUP);
    this.foreground?.signal(SIGCONT);
    this.foreground = undefined;
  }
}

export class PtyMaster extends FileDescription {
  get kind(): FileType { return FileType.TERMINAL; }

  constructor(readonly pty: Pty) {
    super(true, true);
    pty.masters++;
  }

  poll(): number {
    const { pty } = this;
    return (pty.output.ready ? READ : 0) | (pty.inputRoom > 0 ? WRITE : 0) | (pty.slaves === 0 ? HANGUP : 0);
  }

  override pending(): number { return this.pty.output.available; }
  /** Opening a master through /proc makes another pty. pty(7) */
  override reopen(): PtyMaster { return new PtyMaster(new Pty()); }
  protected override take(into: Uint8Array): number {
    const got = this.pty.readOutput(into);
    return got === -EAGAIN && this.pty.slaves === 0 ? -EIO : got;
  }
  protected override give(from: Uint8Array): number { return this.pty.type(from); }
  protected override released(): void {
    if (--this.pty.masters === 0) this.pty.hangUp();
  }
}

export class PtySlave extends FileDescription {
  get kind(): FileType { return FileType.TERMINAL; }
  private readonly openedAt: number;

  constructor(readonly pty: Pty) {
    super(true, true);
    pty.slaves++;
    this.openedAt = pty.hangups;
  }

  get isDead(): boolean { return this.openedAt !== this.pty.hangups; }

  poll(): number {
    if (this.isDead) return READ | WRITE | HANGUP;
    return (this.pty.input.ready ? READ : 0) | (this.pty.room > 0 ? WRITE : 0);
  }

  override pending(): number { return this.isDead ? -EIO : this.pty.input.available; }
  override reopen(): PtySlave | undefined { return this.isDead || this.pty.masters === 0 ? undefined : new PtySlave(this.pty); }
  protected override take(into: Uint8Array): number { return this.isDead ? 0 : this.pty.readInput(into); }
  protected override give(from: Uint8Array): number { return this.isDead ? -EIO : this.pty.show(from); }
  protected override released(): void { this.pty.slaves--; }
}

/** The terminal behind a description; -ENOTTY if it is none, -EIO after a hangup. tty_ioctl(4) */
export function terminalOf(description: FileDescription): Pty | number {
  if (description instanceof PtyMaster) return description.pty;
  if (!(description instanceof PtySlave)) return -ENOTTY;
  return description.isDead ? -EIO : description.pty;
}

/** The terminal behind a description, if the description is one. */
export function ptyOf(description: FileDescription): Pty | undefined {
  return description instanceof PtyMaster || description instanceof PtySlave ? description.pty : undefined;
}
