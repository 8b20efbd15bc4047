/**
 * How a command ended.
 *
 * Exit-status pipe, wshd → wsh (docs/reference/protocol.md §3): exited: exit status, i32, 4 bytes, then end of file. Died by a
 * signal: end of file at once.
 *
 * Status socket, iomux-spawn → iomux-link (§4): the raw wait status of wait(2), 4 bytes, big-endian.
 */
import { SIGNAL_MAX } from "../lib/signal";

export const STATUS_BYTES: u32 = 4;
export const EXIT_CODE_MAX: i32 = 255;

/** Exit code of every program if the command was killed, or its exit status is unknown. */
export const EXIT_UNKNOWN: i32 = 255;

export function exited(rawStatus: i32): bool { return (rawStatus & 0x7f) == 0; }
export function exitCode(rawStatus: i32): i32 { return (rawStatus >> 8) & 0xff; }
export function signalOf(rawStatus: i32): i32 { return rawStatus & 0x7f; }
export function dumpedCore(rawStatus: i32): bool { return (rawStatus & 0x80) != 0; }
/** The status is no end of a process: stopped, or an unknown signal. */
export function endIsUnknown(rawStatus: i32): bool { return signalOf(rawStatus) > SIGNAL_MAX; }
export function rawExit(code: i32): i32 { return (code & 0xff) << 8; }

export function putExitStatus(at: usize, code: i32): void { store<i32>(at, code); }
/** Returns the exit status; -1 if it is out of range. */
export function exitStatus(at: usize): i32 {
  const code = load<i32>(at);
  return code >= 0 && code <= EXIT_CODE_MAX ? code : -1;
}

export function putRawStatus(at: usize, rawStatus: i32): void { store<u32>(at, bswap<u32>(<u32>rawStatus)); }
export function rawStatus(at: usize): i32 { return <i32>bswap<u32>(load<u32>(at)); }
