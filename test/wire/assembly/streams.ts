/** The ring, the relay and the positions of assembly/, as a module whose every step a test decides. */
import "../../../assembly/lib/abort";
import { BUFFER_BYTES, Relay } from "../../../assembly/lib/relay";
import { Ring } from "../../../assembly/lib/ring";
import { CURSORS_BYTES, distance, HEADER_BYTES, position, putPosition } from "../../../assembly/wire/stream";

const RING_BYTES_MAX: u32 = 64;
const ring = changetype<Ring>(memory.data(offsetof<Ring>(), 8));
const ringBytes = memory.data(64, 8);
if (RING_BYTES_MAX != 64) ERROR("the ring's memory has another size");

/** An empty ring in the middle of a stream. */
export function beginRing(size: u32, head: u64): void {
  assert(size <= RING_BYTES_MAX, "a larger ring than there is memory for");
  ring.begin(ringBytes, size);
  ring.head = head;
}
export function ringHead(): u64 { return ring.head; }
export function ringOldest(): u64 { return ring.oldest(); }
export function ringRoom(at: u64): u32 { return ring.room(at); }
export function ringFill(handle: i32, most: u32): i32 { return ring.fill(handle, most); }
export function ringDrain(handle: i32, at: u64): i32 { return ring.drain(handle, at); }

const wire = memory.data(8, 8);
if (CURSORS_BYTES != 8) ERROR("the cursor file's memory has another size");

/** Writes the two positions of a cursor file; where. */
export function putCursor(stdout: u64, stderr: u64): usize {
  putPosition(wire, stdout);
  putPosition(wire + HEADER_BYTES, stderr);
  return wire;
}
export function savedStdout(): u32 { return position(wire); }
export function savedStderr(): u32 { return position(wire + HEADER_BYTES); }
export function between(from: u32, to: u32): i32 { return distance(from, to); }

const relay = changetype<Relay>(memory.data(offsetof<Relay>(), 8));
const relayBytes = memory.data(65536, 8);
if (BUFFER_BYTES != 65536) ERROR("the relay's buffer has another size");

export function beginRelay(from: i32, to: i32): void { relay.begin(from, to, relayBytes); }
export function pump(): i32 { return relay.pump(); }
export function delivered(): u64 { return relay.delivered(); }
export function moved(): u64 { return relay.moved; }
export function limitToPending(): void { relay.limitToPending(); }
