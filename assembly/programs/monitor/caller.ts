/**
 * The descriptors that podman and CRI-O hand on, by number in the environment: _OCI_SYNCPIPE (the monitor reports), _OCI_STARTPIPE (a
 * byte when the monitor, then the command, may go on), _OCI_ATTACHPIPE (the monitor can be attached to).
 */
import { close, adoptFd } from "../../boundary/shim";
import { variable } from "../../boundary/wasi";
import { afterDigits, digitsValue } from "../../lib/text";
import { isGiven } from "./options";
import { Option } from "./option-names";
import { handOn } from "./runtime";

const SYNC: string = "_OCI_SYNCPIPE", START: string = "_OCI_STARTPIPE", ATTACH: string = "_OCI_ATTACHPIPE";
/** More than any descriptor that can be taken over. */
const FD_MAX: u64 = 1 << 16;

export namespace pipes {
  /** Handles; 0 for what the caller does not want. */
  export let sync: i32 = 0;
  export let start: i32 = 0;
  export let attach: i32 = 0;
}

/** The descriptor that an environment variable names; -1 without one. */
function descriptorOf(name: string): i32 {
  const text = variable(name);
  if (text == 0) return -1;
  const end = afterDigits(text);
  return end == text || load<u8>(end) != 0 ? -1 : <i32>min(digitsValue(text, end), FD_MAX);
}

/** 0 where the environment names none; a handle, or a negated errno. */
function take(name: string): i32 {
  const fd = descriptorOf(name);
  return fd < 0 ? 0 : adoptFd(fd);
}

/** 0, or the negated errno of a descriptor that cannot be had. */
export function takePipes(): i32 {
  pipes.sync = take(SYNC);
  pipes.start = take(START);
  pipes.attach = isGiven(Option.EXEC_ATTACH) ? take(ATTACH) : 0;
  return min(min(pipes.sync, pipes.start), min(pipes.attach, 0));
}

/** The daemon that is being described finds them under the numbers that the environment names. */
export function handPipesOn(): void {
  handOn(descriptorOf(SYNC), pipes.sync);
  handOn(descriptorOf(START), pipes.start);
  handOn(descriptorOf(ATTACH), pipes.attach);
}

export function closeStartPipe(): void {
  if (pipes.start > 0) close(pipes.start);
  pipes.start = 0;
}

export function closeSyncPipe(): void {
  if (pipes.sync > 0) close(pipes.sync);
  pipes.sync = 0;
}
