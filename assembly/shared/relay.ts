/**
 * Bytes from one handle to another, in order, never waiting for either: a read never waits for a write elsewhere.
 * Between a pipe and a pipe or file the bytes are spliced and this module never sees them; else they pass a buffer.
 */
import { CAN_WRITE, close, describe, Kind, pending, read, READ, splice, watch, write, WRITE } from "../shim";
import { EAGAIN, EINVAL, EIO } from "./errno";

export const BUFFER_BYTES: u32 = 1 << 16;
/** One splice moves at most this much: a pipe's capacity as `capacity` asks for it. */
const SPLICE_BYTES: u32 = 1 << 20;
/** Moves in one turn, so that a stream that never pauses leaves the others their turns. */
const MOVES_A_TURN: i32 = 16;
const NO_LIMIT: u32 = u32.MAX_VALUE;

export const enum Flow { OPEN = 0, ENDED = 1, BROKEN = 2 }

@unmanaged export class Relay {
  from: i32;
  to: i32;
  buffer: usize;
  /** What the buffer still holds: from `start` up to `end`. */
  start: u32;
  end: u32;
  spliced: bool;
  /** `from` is a terminal: its other side says by EIO that nobody has it open any more. Of anything else it is an error. */
  isTerminal: bool;
  flow: Flow;
  /** Bytes still wanted from `from`. */
  left: u32;
  /** What is not there yet is not wanted any more. */
  closing: bool;
  /** Everything taken from `from` since the start. */
  moved: u64;
  /** Why it broke, a negated errno. */
  error: i32;

  /** `buffer` has `BUFFER_BYTES`. */
  begin(from: i32, to: i32, buffer: usize): void {
    this.from = from;
    this.to = to;
    this.buffer = buffer;
    this.start = this.end = 0;
    this.left = NO_LIMIT;
    this.closing = false;
    this.moved = 0;
    this.flow = Flow.OPEN;
    const source = describe(from), target = describe(to);
    // The bits of an errno are no kind.
    this.isTerminal = source >= 0 && (source & Kind.MASK) == Kind.TERMINAL;
    this.spliced = (source | target) >= 0 && canSplice(source & Kind.MASK, target & Kind.MASK);
  }

  /**
   * Splices from a socket into a pipe too. Only for a socket that the program made itself: an inherited one that blocks
   * may block in splice(2), which not every kind of socket asks not to.
   */
  spliceFromSocket(): void { if (isPipeEnd(this.to, CAN_WRITE)) this.spliced = true; }

  /** Everything that `to` has taken since the start: `moved` without what the buffer still holds. */
  delivered(): u64 { return this.moved - (this.end - this.start); }

  owns(handle: i32): bool { return this.flow == Flow.OPEN && (handle == this.from || handle == this.to); }

  /** What is there now is the last to be moved: end of file need not come. */
  limitToPending(): void {
    if (this.flow != Flow.OPEN) return;
    const waiting = pending(this.from);
    this.left = waiting > 0 ? <u32>waiting : 0;
  }

  /**
   * The same for a source that cannot say how much waits, but never holds more than `most`: its first pause is its end.
   */
  limitToPause(most: u32): void {
    this.left = most;
    this.closing = true;
  }

  /** Moves what can be moved now, then asks to be called again when there is more. */
  pump(): Flow {
    if (this.flow != Flow.OPEN) return this.flow;
    // A source that may be at its end without saying so is not waited for, so its turn is its last.
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
    // What short writes left in the buffer waits for the target: the source may stay silent.
    this.waitFor(this.start == this.end);
    return Flow.OPEN;
  }

  /** Closes both ends, which tells each side of the other's end. */
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
    // EAGAIN does not say which side it means: what waits in a pipe waits for the other side. Where nothing waits the
    // source may be at its end, and ready for ever, while the other side is full: only a read can tell.
    if (pending(this.from) <= 0) return this.copyOnce();
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
    return got == -EIO && this.isTerminal ? 0 : got;
  }

  private count(bytes: i32): void {
    this.moved += bytes;
    if (this.left != NO_LIMIT) this.left -= bytes;
  }

  /** Waits for the source to be readable, or for the target to be writable: never for both. */
  private waitFor(source: bool): void {
    watch(this.from, source ? READ : 0);
    watch(this.to, source ? 0 : WRITE);
  }
}

function canSplice(from: i32, to: i32): bool {
  return (from == Kind.PIPE && (to == Kind.PIPE || to == Kind.FILE || to == Kind.OTHER))
    || (to == Kind.PIPE && from == Kind.FILE);
}

/** Whether the handle is a pipe's end of that direction, `CAN_READ` or `CAN_WRITE`. */
export function isPipeEnd(handle: i32, direction: i32): bool {
  const what = describe(handle);
  return what >= 0 && (what & (Kind.MASK | direction)) == (Kind.PIPE | direction);
}
