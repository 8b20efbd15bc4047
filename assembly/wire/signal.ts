/**
 * wsh → wshd: a signal for the command, 12 bytes on the connection of protocol 2, at any time until the end.
 * docs/reference/protocol.md §8
 *
 *   0  version i32, 2
 *   4  signal  i32, 1 to 64
 *   8  target  i32: 0 the command, 1 its process group
 */
import { SIGNAL_MAX } from "../lib/signal";
import { Verdict } from "./request";
import { BAD_VERSION_2, VERSION_2 } from "./request-2";

export const SIGNAL_BYTES: u32 = 12;
export const AT_SIGNAL_VERSION: u32 = 0, AT_SIGNAL: u32 = 4, AT_TARGET: u32 = 8;
export const enum Target { COMMAND = 0, GROUP = 1 }
export const BAD_SIGNAL: i32 = -31, BAD_TARGET: i32 = -32;

export function putSignal(at: usize, signal: i32, target: Target): void {
  store<i32>(at + AT_SIGNAL_VERSION, VERSION_2);
  store<i32>(at + AT_SIGNAL, signal);
  store<i32>(at + AT_TARGET, target);
}

export function judgeSignal(at: usize, have: u32): i32 {
  if (have < SIGNAL_BYTES) return Verdict.NEED_MORE;
  if (have > SIGNAL_BYTES) return Verdict.TOO_LONG;
  for (let field = AT_SIGNAL_VERSION; field < SIGNAL_BYTES; field += 4) {
    const fault = faultInSignal(at, field);
    if (fault != 0) return fault;
  }
  return Verdict.WHOLE;
}

/** What is wrong with the field at this offset of a whole message; 0 if nothing is. */
export function faultInSignal(at: usize, field: u32): i32 {
  const value = load<i32>(at + field);
  switch (field) {
    case AT_SIGNAL_VERSION: return value != VERSION_2 ? BAD_VERSION_2 : 0;
    case AT_SIGNAL: return value < 1 || value > SIGNAL_MAX ? BAD_SIGNAL : 0;
    default: return value < Target.COMMAND || value > Target.GROUP ? BAD_TARGET : 0;
  }
}
