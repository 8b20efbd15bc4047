/**
 * Where errors go: to stderr, and to the file of --log, of which podman shows the last message. In the process that becomes
 * the container's they go to its parent, which knows the way.
 */
import { close, write } from "../../../boundary/shim";
import { print, realtimeNs } from "../../../boundary/wasi";
import { begin, messageAt, messageSize, put, putError, putString } from "../../../lib/diagnostics";
import { putDigits, putText } from "../../../lib/text";
import { openLog } from "./paths";

namespace log {
  /** --log, 0 for none; --log-format json. */
  export let path: usize = 0;
  export let isJson: bool = false;
}
/** The parent of a process that is becoming the container's. */
let parent: i32 = -1;
export function logTo(path: usize, json: bool): void {
  log.path = path;
  log.isJson = json;
}
export function reportTo(handle: i32): void { parent = handle; }
/** Whether this process becomes the container's: what was made is its parent's to take back. */
export function reports(): bool { return parent >= 0; }

/** The first byte of what a process that becomes the container's reports. */
export const REPORT_FAILED: u8 = 0x45; // E

/** Begins a message that `flushMessage`, or `flushAndLeave` of end.ts, ends; what it says is put together by lib/diagnostics.ts. */
export function beginMessage(): void {
  begin();
  if (parent >= 0) put("E");
}

/** "WORDS SUBJECT: ERRNO; ADVICE" as an error. Does not end the program. */
export function complainAbout(words: string, subject: usize = 0, errno: i32 = 0, advice: string = ""): void {
  beginMessage();
  put(words);
  if (subject != 0) {
    put(" ");
    putString(subject);
  }
  if (errno != 0) putError(errno);
  if (advice.length > 0) {
    put("; ");
    put(advice);
  }
  flushMessage();
}

/** Says what is left aside, in the log alone. */
export function warn(words: string, subject: usize = 0): void {
  if (parent >= 0) return;
  begin();
  put(words);
  if (subject != 0) {
    put(" ");
    putString(subject);
  }
  writeLog(messageAt(), messageSize(), "warning");
}

/** The message that has been put together, as an error. */
/** Writes the message that has been put together (lib/diagnostics.ts). */
export function flushMessage(): void {
  if (parent >= 0) {
    write(parent, messageAt(), messageSize());
    return;
  }
  passOn(messageAt(), messageSize());
}

const PREFIX = "warden-runtime: ";
const plain = memory.data(32);

function writePlain(at: usize, size: u32): void {
  print(2, plain, <u32>(putText(plain, PREFIX) - plain));
  print(2, at, size);
  store<u8>(plain, 0x0a);
  print(2, plain, 1);
}

/** A failure of the other process, as it reported it. */
export function passOn(at: usize, size: u32): void {
  writeLog(at, size, "error");
  writePlain(at, size);
}

// --- the log

const LINE_BYTES: u32 = 8192;
const line = memory.data(LINE_BYTES);

function writeLog(at: usize, size: u32, level: string): void {
  if (log.path == 0) return;
  const file = openLog(log.path);
  if (file < 0) return;
  const end = log.isJson ? jsonLine(at, size, level) : textLine(at, size, level);
  write(file, line, <u32>(end - line));
  close(file);
}

function jsonLine(at: usize, size: u32, level: string): usize {
  let to = putText(line, "{\"level\":\"");
  to = putText(putText(to, level), "\",\"msg\":");
  to = putJsonString(to, at, size);
  to = putTime(putText(to, ",\"time\":\""), realtimeNs() / NS_A_SECOND);
  return putText(to, "\"}\n");
}

function textLine(at: usize, size: u32, level: string): usize {
  let to = putTime(putText(line, "time=\""), realtimeNs() / NS_A_SECOND);
  to = putText(putText(putText(to, "\" level="), level), " msg=");
  to = putJsonString(to, at, size);
  return putText(to, "\n");
}

export const NS_A_SECOND: u64 = 1_000_000_000;
const HEX = "0123456789abcdef";

/** A JSON string: six bytes a byte, at most, and two quotes. */
export function putJsonString(to: usize, at: usize, size: u32): usize {
  store<u8>(to++, 0x22);
  for (let i: u32 = 0; i < size; i++) {
    const byte = load<u8>(at + i);
    if (byte == 0x22 || byte == 0x5c) store<u8>(to++, 0x5c);
    if (byte >= 0x20) {
      store<u8>(to++, byte);
      continue;
    }
    to = putText(to, "\\u00");
    store<u8>(to++, <u8>HEX.charCodeAt(byte >> 4));
    store<u8>(to++, <u8>HEX.charCodeAt(byte & 15));
  }
  store<u8>(to++, 0x22);
  return to;
}

function putTwo(to: usize, value: u64): usize {
  store<u8>(to, 0x30 + <u8>(value / 10 % 10));
  store<u8>(to + 1, 0x30 + <u8>(value % 10));
  return to + 2;
}

/** Seconds since 1970 as RFC 3339 has them, in UTC. */
export function putTime(to: usize, seconds: u64): usize {
  // Days since 1 March of the year 0, by eras of 400 years: Howard Hinnant, chrono-compatible low-level date algorithms.
  const days = seconds / 86_400 + 719_468, second = seconds % 86_400;
  const era = days / 146_097, dayOfEra = days % 146_097;
  const yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shifted = (5 * dayOfYear + 2) / 153, day = dayOfYear - (153 * shifted + 2) / 5 + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9, year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  to = putTwo(putText(putTwo(putText(putDigits(to, year), "-"), month), "-"), day);
  to = putTwo(putText(to, "T"), second / 3_600);
  to = putTwo(putText(to, ":"), second / 60 % 60);
  return putText(putTwo(putText(to, ":"), second % 60), "Z");
}
