/** Input on its way from clients to the container: one packet at a time, so that a container that does not read holds them back. */
import { close, read, watch, write, WRITE } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { EAGAIN } from "../../lib/errno";

/** Of a longer packet the rest would be lost. podman sends 32 KiB at a time. */
const BUFFER_BYTES: u32 = 1 << 16;
namespace input {
  export let buffer: usize = 0;
  export let target: i32 = 0;
  export let isTerminal: bool = false;
  export let start: u32 = 0;
  export let end: u32 = 0;
  /** Closed once the buffer is empty. */
  export let closing: bool = false;
}

export function claimInput(): void { input.buffer = claim(BUFFER_BYTES); }

/** Of a terminal: a handle beside the one that its output is read from, with interests of its own. */
export function openInput(handle: i32, terminal: bool): void {
  input.target = handle;
  input.isTerminal = terminal;
}

export function isInput(handle: i32): bool { return input.target != 0 && handle == input.target; }
export function inputIsBlocked(): bool { return input.start != input.end; }

/** Reads a packet and passes it on; what read(2) says. Without a target the packet is dropped. */
export function takeInput(from: i32): i32 {
  const got = read(from, input.buffer, BUFFER_BYTES);
  if (got <= 0) return got;
  if (input.target == 0) return got;
  input.start = 0;
  input.end = got;
  flushInput();
  return got;
}

/** Passes on what it can; true when the buffer is empty. */
export function flushInput(): bool {
  while (input.start != input.end) {
    const sent = write(input.target, input.buffer + input.start, input.end - input.start);
    if (sent == -EAGAIN) {
      watch(input.target, WRITE);
      return false;
    }
    // The container has closed its input: nobody will ever read this.
    if (sent < 0) input.start = input.end;
    else input.start += sent;
  }
  watch(input.target, 0);
  if (input.closing) shut();
  return true;
}

/** The container reads the end of its input behind what is still on its way. A terminal has no such end. */
export function closeInput(): void {
  if (input.target == 0 || input.isTerminal) return;
  input.closing = true;
  if (input.start == input.end) shut();
}

function shut(): void {
  close(input.target);
  input.target = 0;
}
