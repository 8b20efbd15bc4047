/** One stream of the job's output: HEADER → WAITING (for the other's header) → SKIPPING (delivered bytes) → RELAYING → ENDED. */
import { close, read, READ, watch } from "../../boundary/shim";
import { EAGAIN } from "../../lib/errno";
import * as line from "../../lib/line";
import { BUFFER_BYTES, Flow, Relay } from "../../lib/relay";
import { distance, HEADER_BYTES, position } from "../../wire/stream";

export const enum Stage { HEADER = 0, WAITING = 1, SKIPPING = 2, RELAYING = 3, ENDED = 4 }

@unmanaged export class Stream {
  relay: Relay;
  /** Name in messages: the socket's without its ending. */
  name: string;
  stage: Stage;
  socket: i32;
  output: i32;
  /** Bytes of the header received so far. */
  headerHave: u32;
  toSkip: u32;
  /** Position behind the last byte delivered by an earlier link; valid once `isPlaced`. */
  origin: u32;
  /** `origin` comes from a cursor file: missing bytes behind it are a gap, bytes before it are skipped. */
  resumed: bool;
  /** Bounds of the bytes lost before the first one; equal if none are. */
  gapStart: u32;
  gapEnd: u32;

  begin(name: string, relay: Relay, buffer: usize, output: i32): void {
    this.name = name;
    this.relay = relay;
    relay.buffer = buffer;
    this.output = output;
  }

  connected(socket: i32): void {
    this.socket = socket;
    watch(socket, READ);
  }

  resumeAt(saved: u32): void {
    this.origin = saved;
    this.resumed = true;
  }

  /** Whether the start position is known, from a cursor file or a header. */
  isPlaced(): bool { return this.resumed || this.headerHave == HEADER_BYTES; }

  /** Position behind the last byte written to our stdout or stderr; bytes in the buffer do not count. */
  position(): u32 { return this.origin + <u32>this.relay.delivered(); }

  owns(handle: i32): bool {
    return this.stage == Stage.RELAYING ? this.relay.owns(handle) : this.stage != Stage.ENDED && handle == this.socket;
  }

  /** Advances as far as possible without blocking. */
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

  /** Call when the other stream's header has come, or its stream has ended. */
  resume(): void {
    if (this.stage != Stage.WAITING) return;
    watch(this.socket, READ);
    this.moveTo(Stage.SKIPPING);
    this.advance();
  }

  /** `first` is the position of the first byte of the stream. */
  private enter(first: u32): void {
    const delivered = this.resumed ? distance(first, this.origin) : 0;
    if (delivered < 0) {
      this.gapStart = this.origin;
      this.gapEnd = first;
      this.printGap(first, -delivered);
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
    if (flow == Flow.BROKEN) this.printBroken();
    this.moveTo(Stage.ENDED);
  }

  private endEarly(why: string, error: i32): void {
    beginLine(this.name);
    line.put(why);
    if (error != 0) line.putError(error);
    line.flush();
    close(this.socket);
    close(this.output);
    this.moveTo(Stage.ENDED);
  }

  private printGap(first: u32, bytes: u32): void {
    beginLine(this.name);
    line.putNumber(bytes);
    line.put(" bytes are lost between position ");
    line.putNumber(this.origin);
    line.put(" and ");
    line.putNumber(first);
    line.put(" (written while no link was here, and no longer kept)");
    line.flush();
  }

  private printBroken(): void {
    beginLine(this.name);
    line.put("stopped at position ");
    line.putNumber(this.position());
    line.putError(this.relay.error);
    line.put("; the rest of it is left");
    line.flush();
  }
}

function beginLine(name: string): void {
  line.begin();
  line.put("iomux-link: ");
  line.put(name);
  line.put(": ");
}
