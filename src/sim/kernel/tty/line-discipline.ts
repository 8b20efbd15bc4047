/** The line discipline of a terminal: lines, keys that edit them or send signals, echo. termios(3), drivers/tty/n_tty.c */
import { WOULD_BLOCK } from '../open-file.js';
import { SIGINT, SIGQUIT, SIGTSTP } from '../signals.js';

const BUFFER_BYTES = 4096;
/** At least this much pending echo is sent before the end of the input. ECHO_COMMIT_WATERMARK, ECHO_BLOCK */
const ECHO_BYTES_MIN = 256;
/** Echo for which there is no room waits, up to this many bytes. */
const ECHO_BYTES_KEPT = BUFFER_BYTES - (ECHO_BYTES_MIN + 32);
/** An end of file in the buffer: no key gives this byte as the end of a line. __DISABLED_CHAR */
const END_OF_FILE = 0;

const CTRL_C = 0x03, CTRL_D = 0x04, BACKSPACE = 0x08, NEWLINE = 0x0a, RETURN = 0x0d, CTRL_Q = 0x11, CTRL_R = 0x12, CTRL_S = 0x13;
const CTRL_U = 0x15, CTRL_V = 0x16, CTRL_W = 0x17, CTRL_Z = 0x1a, CTRL_BACKSLASH = 0x1c, SPACE = 0x20, CARET = 0x5e, UNDERLINE = 0x5f;
const DELETE = 0x7f, OPERATION = 0xff;

function isControl(byte: number): boolean { return byte < SPACE || byte === DELETE; }

/** A letter (of Latin-1, as in the kernel), a digit, or an underscore. */
function isWord(byte: number): boolean {
  if (byte >= 0xc0) return byte !== 0xd7 && byte !== 0xf7;
  return byte === UNDERLINE || (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a && byte < 0x80);
}

const RETURN_NEWLINE = Uint8Array.of(RETURN, NEWLINE);
const ERASE = [BACKSPACE, SPACE, BACKSPACE];

/** A terminal's other parts, as its line discipline needs them. */
export interface Line {
  /** Bytes that the echo may take of the output at most. */
  readonly room: number;
  put(bytes: Uint8Array): void;
  signal(signal: number): void;
  /** Drops output that the other side's line discipline has not taken yet. */
  dropOutput(): void;
  /** ^S and ^Q, and the mode that has no such keys. */
  stop(stopped: boolean): void;
}

/** One echoed character: its size in the kernel's echo buffer, and its bytes. */
interface Echo { cost: number; bytes: readonly number[] }

export class LineDiscipline {
  private readonly bytes = new Uint8Array(BUFFER_BYTES);
  /** 1 where a line, or the whole input, ends. */
  private readonly ends = new Uint8Array(BUFFER_BYTES);
  private head = 0;
  private tail = 0;
  /** The end of the complete lines. */
  private lines = 0;
  private literalNext = false;
  private echoes: Echo[] = [];
  private echoBytes = 0;
  private committed = 0;

  /** `canonical`: lines are edited, echoed, and end with a newline; keys send signals. */
  constructor(private readonly line: Line, private canonical: boolean) {}

  /** n_tty_set_termios() */
  setCanonical(canonical: boolean): void {
    if (canonical === this.canonical) return;
    this.canonical = canonical;
    this.ends.fill(0);
    this.literalNext = false;
    this.lines = this.tail;
    if (canonical && this.head > this.tail) {
      this.ends[(this.head - 1) % BUFFER_BYTES] = 1;
      this.lines = this.head;
    }
    if (canonical) return;
    this.line.stop(false);
    this.sendEchoes();
  }

  get ready(): boolean { return this.canonical ? this.lines !== this.tail : this.head !== this.tail; }

  /** Bytes of the line that has no end yet. */
  get lineLength(): number { return this.canonical ? this.head - this.lines : 0; }

  /** FIONREAD */
  get available(): number {
    if (!this.canonical) return this.head - this.tail;
    let count = 0;
    for (let at = this.tail; at < this.lines; at++) if (!this.isEndOfFile(at)) count++;
    return count;
  }

  private isEndOfFile(at: number): boolean { return this.ends[at % BUFFER_BYTES] === 1 && this.bytes[at % BUFFER_BYTES] === END_OF_FILE; }

  // --- input

  /** Returns how many of the bytes it takes. n_tty_receive_buf_common() */
  receive(from: Uint8Array): number {
    for (let done = 0; ;) {
      // Computed at the end, too: a line that is too long loses its last byte then.
      const count = Math.min(this.roomForInput(), from.length - done);
      if (count === 0) return done;
      for (const byte of from.subarray(done, done + count)) this.receiveByte(byte);
      this.flushEchoes();
      done += count;
    }
  }

  /** A line without an end accepts bytes for ever: once the buffer is full, each byte replaces the last one. */
  private roomForInput(): number {
    const room = BUFFER_BYTES - (this.head - this.tail) - 1;
    if (room > 0) return room;
    if (!this.canonical || this.lines !== this.tail) return 0;
    if (room < 0) this.head--;
    return 1;
  }

  private queue(byte: number): void {
    this.bytes[this.head % BUFFER_BYTES] = byte;
    this.head++;
  }

  private endLine(byte: number): void {
    this.ends[this.head % BUFFER_BYTES] = 1;
    this.queue(byte);
    this.lines = this.head;
  }

  private receiveByte(key: number): void {
    if (!this.canonical) return this.queue(key);
    if (this.literalNext) {
      this.literalNext = false;
      return this.receiveText(key);
    }
    const byte = key === RETURN ? NEWLINE : key, special = specialKeys.get(byte);
    if (special) special(this, byte);
    else this.receiveText(byte);
  }

  private receiveText(byte: number): void {
    // The column at which a line begins takes room among the echo, too.
    if (this.lines === this.head) this.echo(2, []);
    this.echoKey(byte);
    this.commitEchoes();
    this.queue(byte);
  }

  /** A key that sends a signal flushes input and output. isig() */
  interrupt(signal: number, key: number): void {
    this.line.signal(signal);
    this.clear();
    this.line.dropOutput();
    this.line.stop(false);
    this.echoKey(key);
    this.commitEchoes();
  }

  clear(): void {
    this.head = this.tail = this.lines = 0;
    this.ends.fill(0);
    this.echoes = [];
    this.echoBytes = this.committed = 0;
  }

  stop(stopped: boolean): void {
    this.line.stop(stopped);
    if (!stopped) this.sendEchoes();
  }

  newline(): void {
    this.echo(1, [NEWLINE]);
    this.commitEchoes();
    this.endLine(NEWLINE);
  }

  endOfFile(): void { this.endLine(END_OF_FILE); }

  literal(): void {
    this.literalNext = true;
    this.echo(1, [CARET]);
    this.echo(1, [BACKSPACE]);
    this.commitEchoes();
  }

  reprint(key: number): void {
    this.echoKey(key);
    this.echo(1, [NEWLINE]);
    for (let at = this.lines; at < this.head; at++) this.echoKey(this.bytes[at % BUFFER_BYTES]!);
    this.commitEchoes();
  }

  /** Erases a character, a word, or the line. eraser() */
  erase(what: 'character' | 'word' | 'line'): void {
    let seen = false;
    while (this.head > this.lines) {
      const byte = this.bytes[(this.head - 1) % BUFFER_BYTES]!;
      if (what === 'word') {
        if (isWord(byte)) seen = true;
        else if (seen) break;
      }
      this.head--;
      for (let columns = isControl(byte) ? 2 : 1; columns > 0; columns--) for (const each of ERASE) this.echo(1, [each]);
      if (what === 'character') break;
    }
    this.commitEchoes();
  }

  // --- echo

  private echo(cost: number, bytes: readonly number[]): void {
    this.echoes.push({ cost, bytes });
    this.echoBytes += cost;
    if (this.echoBytes < BUFFER_BYTES) return;
    // The kernel's buffer is a ring that overruns: its oldest bytes are written over.
    let dropped = 0, count = 0;
    while (dropped < BUFFER_BYTES && count < this.echoes.length) dropped += this.echoes[count++]!.cost;
    this.echoes.splice(0, count);
    this.echoBytes = this.committed = 0;
    for (const echo of this.echoes) this.echoBytes += echo.cost;
  }

  private echoKey(byte: number): void {
    if (isControl(byte)) this.echo(2, [CARET, byte ^ 0x40]);
    else this.echo(byte === OPERATION ? 2 : 1, [byte]);
  }

  /** commit_echoes() */
  private commitEchoes(): void {
    if (this.echoBytes < ECHO_BYTES_MIN || this.echoBytes % ECHO_BYTES_MIN > this.committed % ECHO_BYTES_MIN) return;
    this.sendEchoes();
  }

  private flushEchoes(): void { if (this.canonical) this.sendEchoes(); }

  /** As many as there is room for. __process_echoes() */
  sendEchoes(): void {
    let { room } = this.line, sent = 0;
    for (const { cost, bytes } of this.echoes) {
      // A newline gets its carriage return on output, by the terminal's mode at that time.
      const newline = this.canonical && bytes[0] === NEWLINE, size = newline ? 2 : bytes.length;
      if (size > room) break;
      if (newline) this.line.put(RETURN_NEWLINE);
      else for (const byte of bytes) this.line.put(Uint8Array.of(byte));
      room -= size;
      this.echoBytes -= cost;
      sent++;
    }
    // ECHO_DISCARD_WATERMARK: the oldest are dropped, so that the ring does not overrun.
    while (this.echoBytes >= ECHO_BYTES_KEPT) this.echoBytes -= this.echoes[sent++]!.cost;
    this.echoes.splice(0, sent);
    this.committed = this.echoBytes;
  }

  // --- reading

  read(into: Uint8Array): number {
    if (into.length === 0) return 0;
    if (!this.ready) return WOULD_BLOCK;
    return this.canonical ? this.readLine(into) : this.readBytes(into);
  }

  private readBytes(into: Uint8Array): number {
    const count = Math.min(into.length, this.head - this.tail);
    for (let done = 0; done < count; done++) into[done] = this.bytes[this.tail++ % BUFFER_BYTES]!;
    return count;
  }

  /** Up to the end of one line; 0 for an end of file. canon_copy_from_read_buf(), canon_skip_eof() */
  private readLine(into: Uint8Array): number {
    for (let done = 0; ; done++) {
      if (this.tail === this.lines) return done;
      const at = this.tail % BUFFER_BYTES, ends = this.ends[at] === 1, endOfFile = ends && this.bytes[at] === END_OF_FILE;
      if (done === into.length && !endOfFile) return done;
      this.ends[at] = 0;
      this.tail++;
      if (endOfFile) return done;
      into[done] = this.bytes[at]!;
      if (ends) return done + 1;
    }
  }
}

/** The keys of a cooked terminal that are not text. n_tty_receive_char_special() */
const specialKeys: ReadonlyMap<number, (to: LineDiscipline, key: number) => void> = new Map([
  [CTRL_Q, (to: LineDiscipline) => to.stop(false)],
  [CTRL_S, (to: LineDiscipline) => to.stop(true)],
  [CTRL_C, (to: LineDiscipline, key: number) => to.interrupt(SIGINT, key)],
  [CTRL_BACKSLASH, (to: LineDiscipline, key: number) => to.interrupt(SIGQUIT, key)],
  [CTRL_Z, (to: LineDiscipline, key: number) => to.interrupt(SIGTSTP, key)],
  [DELETE, (to: LineDiscipline) => to.erase('character')],
  [CTRL_U, (to: LineDiscipline) => to.erase('line')],
  [CTRL_W, (to: LineDiscipline) => to.erase('word')],
  [CTRL_V, (to: LineDiscipline) => to.literal()],
  [CTRL_R, (to: LineDiscipline, key: number) => to.reprint(key)],
  [NEWLINE, (to: LineDiscipline) => to.newline()],
  [CTRL_D, (to: LineDiscipline) => to.endOfFile()],
]);
