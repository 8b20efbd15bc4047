/** One stream of the job's output: header → waits for the other's → what was delivered before is skipped → relayed → ended. */
import { close, read, READ, watch } from "../shim";
import { EAGAIN } from "../shared/errno";
import { begin, put, putError, putNumber, tell } from "../shared/message";
import { BUFFER_BYTES, Flow, Relay } from "../shared/relay";
import { distance, HEADER_BYTES, position } from "../wire/stream";

export const enum Stage { HEADER = 0, WAITING = 1, SKIPPING = 2, RELAYING = 3, ENDED = 4 }

@unmanaged export class Stream {
  relay: Relay;
  /** What it is called in messages; the socket's name without its ending. */
  name: string;
  stage: Stage;
  socket: i32;
  output: i32;
  /** Bytes of the header that have come. */
  headerHave: u32;
  toSkip: u32;
  /** Position behind the last byte delivered before this link's first; it means nothing before `isPlaced`. */
  origin: u32;
  /** Whether `origin` comes from a cursor file: what is missing behind it is a gap, what comes before it is skipped. */
  resumed: bool;
  /** Positions between which bytes are lost before the first one; equal when none are. */
  gapStart: u32;
  gapEnd: u32;

  begin(name: string, relay: Relay, buffer: usize, output: i32): void {
    this.name = name;
    this.relay = relay;
    relay.buffer = buffer;
    this.output = output;
    this.stage = Stage.HEADER;
  }

  connected(socket: i32): void {
    this.socket = socket;
    watch(socket, READ);
  }

  resumeAt(saved: u32): void {
    this.origin = saved;
    this.resumed = true;
  }

  /** Whether a cursor file or a header has said where this link begins. */
  isPlaced(): bool { return this.resumed || this.headerHave == HEADER_BYTES; }

  /** Behind the last byte that our own stdout or stderr has taken: never one that waits in the buffer. */
  position(): u32 { return this.origin + <u32>this.relay.delivered(); }

  owns(handle: i32): bool {
    return this.stage == Stage.RELAYING ? this.relay.owns(handle) : this.stage != Stage.ENDED && handle == this.socket;
  }

  /** Goes on as far as it can without waiting. */
  advance(): void {
    if (this.stage == Stage.HEADER) this.takeHeader();
    if (this.stage == Stage.SKIPPING) this.skip();
    if (this.stage == Stage.RELAYING) this.relayOn();
  }

  private moveTo(next: Stage): void {
    assert(next > this.stage, "a stream never goes back");
    this.stage = next;
  }

  private takeHeader(): void {
    const header = this.relay.buffer;
    const got = read(this.socket, header + this.headerHave, HEADER_BYTES - this.headerHave);
    if (got == -EAGAIN) return;
    if (got <= 0) return this.endEarly("ended before its position came", got);
    this.headerHave += got;
    if (this.headerHave < HEADER_BYTES) return;
    this.enter(position(header));
    watch(this.socket, 0);
    this.moveTo(Stage.WAITING);
  }

  /** The other stream's header has come, too, or never will. */
  goOn(): void {
    if (this.stage != Stage.WAITING) return;
    watch(this.socket, READ);
    this.moveTo(Stage.SKIPPING);
    this.advance();
  }

  /** `first` is the position of the first byte that comes. */
  private enter(first: u32): void {
    const delivered = this.resumed ? distance(first, this.origin) : 0;
    if (delivered < 0) {
      this.gapStart = this.origin;
      this.gapEnd = first;
      this.tellGap(first, -delivered);
    }
    if (delivered > 0) this.toSkip = delivered;
    else this.origin = first;
  }

  private skip(): void {
    if (this.toSkip > 0) {
      const got = read(this.socket, this.relay.buffer, min(this.toSkip, BUFFER_BYTES));
      if (got == -EAGAIN) return;
      if (got <= 0) return this.endEarly("ended before the saved position; is the cursor file of another job?", got);
      this.toSkip -= got;
      if (this.toSkip > 0) return;
    }
    this.relay.begin(this.socket, this.output, this.relay.buffer);
    this.relay.spliceFromSocket();
    this.moveTo(Stage.RELAYING);
  }

  private relayOn(): void {
    const flow = this.relay.pump();
    if (flow == Flow.OPEN) return;
    if (flow == Flow.BROKEN) this.tellBroken();
    this.moveTo(Stage.ENDED);
  }

  private endEarly(why: string, error: i32): void {
    beginLine(this.name);
    put(why);
    if (error != 0) putError(error);
    tell();
    close(this.socket);
    close(this.output);
    this.moveTo(Stage.ENDED);
  }

  private tellGap(first: u32, bytes: u32): void {
    beginLine(this.name);
    putNumber(bytes);
    put(" bytes are lost between position ");
    putNumber(this.origin);
    put(" and ");
    putNumber(first);
    put(" (written while no link was here, and no longer kept)");
    tell();
  }

  private tellBroken(): void {
    beginLine(this.name);
    put("stopped at position ");
    putNumber(this.position());
    putError(this.relay.error);
    put("; the rest of it is left");
    tell();
  }
}

function beginLine(name: string): void {
  begin();
  put("iomux-link: ");
  put(name);
  put(": ");
}
