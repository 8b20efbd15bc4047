/**
 * Moves bytes from one handle to another, in order, and blocks on neither. Between a pipe and a pipe or file the kernel
 * splices the bytes, and they never enter the module's memory. Otherwise they pass through a buffer.
 */
import { bytesAvailable, CAN_WRITE, close, FileType, handleType, read, READ, splice, watch, write, WRITE } from "../boundary/shim";
import { EAGAIN, EINVAL, EIO } from "./errno";

export const BUFFER_BYTES: u32 = 1 << 16;
/** One splice moves at most this much: more than a pipe holds. */
const SPLICE_BYTES: u32 = 1 << 20;
/** Moves in one turn: a stream that never pauses must not starve the others. */
const MOVES_A_TURN: i32 = 16;
const NO_LIMIT: u32 = u32.MAX_VALUE;

export const enum Flow { OPEN = 0, ENDED = 1, BROKEN = 2 }

@unmanaged export class Relay {
  from: i32;
  to: i32;
  buffer: usize;
  /** The buffer holds bytes from `start` up to `end`. */
  start: u32;
  end: u32;
  spliced: bool;
  /** `from` is a terminal: EIO means that no process has its other side open. For other types EIO is an error. */
  isTerminal: bool;
  /** A terminal without a slave is a pause, not the end: a slave may be opened again. */
  outlastsHangup: bool;
  /** The last `pump` found the terminal without a slave: stop watching `from`, and pump again after a while. */
  isHungUp: bool;
  flow: Flow;
  /** Bytes still to be read from `from`. */
  left: u32;
  /** Stop at the first EAGAIN: later input is ignored. */
  closing: bool;
  /** Bytes read from `from` since the start. */
  moved: u64;
  /** Reason of `Flow.BROKEN`, a negated errno. */
  error: i32;

  /** `buffer` has room for `BUFFER_BYTES`. */
  begin(from: i32, to: i32, buffer: usize): void {
    this.from = from;
    this.to = to;
    this.buffer = buffer;
    this.start = this.end = 0;
    this.left = NO_LIMIT;
    this.closing = false;
    this.moved = 0;
    this.flow = Flow.OPEN;
    const source = handleType(from), target = handleType(to);
    // A negated errno is not a file type.
    this.isTerminal = source >= 0 && (source & FileType.MASK) == FileType.TERMINAL;
    this.spliced = (source | target) >= 0 && canSplice(source & FileType.MASK, target & FileType.MASK);
  }

  /**
   * Splices from a socket into a pipe, too. Only for a socket that the program itself made: an inherited blocking socket may
   * block in splice(2), since not every socket type honours SPLICE_F_NONBLOCK.
   */
  spliceFromSocket(): void { if (isPipeEnd(this.to, CAN_WRITE)) this.spliced = true; }

  /** Bytes written to `to` since the start: `moved` less the buffer's content. */
  delivered(): u64 { return this.moved - (this.end - this.start); }

  owns(handle: i32): bool { return this.flow == Flow.OPEN && (handle == this.from || handle == this.to); }

  /** Ends the relay after the bytes that are available now, without waiting for end of file. */
  limitToPending(): void {
    if (this.flow != Flow.OPEN) return;
    const waiting = bytesAvailable(this.from);
    this.left = waiting > 0 ? <u32>waiting : 0;
  }

  /**
   * The same for a source that does not report its available bytes, but never holds more than `most`: the first EAGAIN is
   * the end.
   */
  limitToPause(most: u32): void {
    this.left = most;
    this.closing = true;
  }

  /** Moves the bytes that can be moved now, then watches the side that blocks. */
  pump(): Flow {
    if (this.flow != Flow.OPEN) return this.flow;
    this.isHungUp = false;
    // A closing relay does not wait for its source: this turn is its last.
    for (let moves = 0; moves < MOVES_A_TURN || this.closing; moves++) {
      const result = this.spliced ? this.spliceOnce() : this.copyOnce();
      if (result > 0) continue;
      if (result == -EAGAIN) return Flow.OPEN;
      if (this.spliced && result == -EINVAL) {
        this.spliced = false;
        continue;
      }
      this.error = result;
      return this.finish(result == 0 ? Flow.ENDED : Flow.BROKEN);
    }
    // After a short write, wait for the target: the source may never become ready again.
    this.waitFor(this.start == this.end);
    return Flow.OPEN;
  }

  /** Closes both ends: each side sees the end of the other. */
  finish(how: Flow): Flow {
    this.flow = how;
    close(this.from);
    close(this.to);
    return how;
  }

  private spliceOnce(): i32 {
    if (this.start != this.end) return this.copyOnce();
    if (this.left == 0) return 0;
    const moved = splice(this.from, this.to, min(this.left, SPLICE_BYTES));
    if (moved > 0) this.count(moved);
    if (moved != -EAGAIN) return moved;
    // splice() returns EAGAIN both for an empty source and for a full target. If the source has bytes, the target is full.
    // If it has none, it may be at EOF, which epoll keeps reporting: only read() can tell.
    if (bytesAvailable(this.from) <= 0) return this.copyOnce();
    this.waitFor(false);
    return moved;
  }

  private copyOnce(): i32 {
    if (this.start == this.end) {
      const got = this.fill();
      if (got <= 0) return got;
    }
    const sent = write(this.to, this.buffer + this.start, this.end - this.start);
    if (sent > 0) this.start += sent;
    else if (sent == -EAGAIN) this.waitFor(false);
    return sent;
  }

  private fill(): i32 {
    if (this.left == 0) return 0;
    const got = read(this.from, this.buffer, min(this.left, BUFFER_BYTES));
    if (got > 0) {
      this.start = 0;
      this.end = got;
      this.count(got);
    } else if (got == -EAGAIN) {
      if (this.closing) return 0;
      this.waitFor(true);
    }
    return got == -EIO && this.isTerminal ? this.hangUp() : got;
  }

  private hangUp(): i32 {
    this.isHungUp = this.outlastsHangup && !this.closing;
    return this.isHungUp ? -EAGAIN : 0;
  }

  private count(bytes: i32): void {
    this.moved += bytes;
    if (this.left != NO_LIMIT) this.left -= bytes;
  }

  /** Watches the source for reading, or the target for writing; never both. */
  private waitFor(source: bool): void {
    watch(this.from, source ? READ : 0);
    watch(this.to, source ? 0 : WRITE);
  }
}

function canSplice(from: i32, to: i32): bool {
  return (from == FileType.PIPE && (to == FileType.PIPE || to == FileType.FILE || to == FileType.OTHER))
    || (to == FileType.PIPE && from == FileType.FILE);
}

export function isTerminal(handle: i32): bool { return handle >= 0 && (handleType(handle) & FileType.MASK) == FileType.TERMINAL; }

/** Whether the handle is a pipe's end that can be read (`CAN_READ`) or written (`CAN_WRITE`). */
export function isPipeEnd(handle: i32, direction: i32): bool {
  const what = handleType(handle);
  return what >= 0 && (what & (FileType.MASK | direction)) == (FileType.PIPE | direction);
}
