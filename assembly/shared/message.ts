/** One line for a person, put together in a buffer of its own: nothing is allocated. */
import { print } from "../wasi";
import { describeError } from "./errno";
import { signalName } from "./signal";

const MESSAGE_BYTES: u32 = 2048;
const buffer = memory.data(2048);
if (MESSAGE_BYTES != 2048) ERROR("the buffer's size is stated twice");
let used: u32 = 0;

export function begin(): void { used = 0; }

export function putByte(byte: u8): void {
  // The last byte is kept for the line's end; what does not fit is cut off.
  if (used < MESSAGE_BYTES - 1) store<u8>(buffer + used++, byte);
}

export function put(ascii: string): void {
  for (let i = 0; i < ascii.length; i++) putByte(<u8>ascii.charCodeAt(i));
}

/** A NUL-terminated string; control characters become "?", so that nobody's name can steer a terminal. */
export function putString(at: usize): void {
  for (let byte = load<u8>(at); byte != 0; byte = load<u8>(++at)) putByte(byte < 0x20 || byte == 0x7f ? 0x3f : byte);
}

export function putNumber(value: u64): void {
  if (value >= 10) putNumber(value / 10);
  putByte(0x30 + <u8>(value % 10));
}

/** ": permission denied"; takes an errno or a negated one. */
export function putError(errno: i32): void {
  const code = errno < 0 ? -errno : errno;
  const words = describeError(code);
  put(": ");
  if (words.length > 0) return put(words);
  put("error ");
  putNumber(code);
}

export function endLine(): void { store<u8>(buffer + used++, 0x0a); }

/** Ends the line and writes it to stderr. */
export function tell(): void {
  endLine();
  print(2, buffer, used);
}

export function messageAt(): usize { return buffer; }
export function messageSize(): u32 { return used; }

/** "signal 9 (SIGKILL)" */
export function putSignal(signal: i32): void {
  put("signal ");
  putNumber(signal);
  const name = signalName(signal);
  if (name.length == 0) return;
  put(" (");
  put(name);
  put(")");
}
