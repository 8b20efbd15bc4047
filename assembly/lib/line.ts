/** One line of diagnostics, put together in a buffer of its own: nothing is allocated. Import it as `line`. */
import { print } from "../boundary/wasi";
import { describeError } from "./errno";
import { signalName } from "./signal";

const LINE_BYTES: u32 = 2048;
const buffer = memory.data(LINE_BYTES);
let used: u32 = 0;

export function begin(): void { used = 0; }

export function putByte(byte: u8): void {
  // The last byte is kept for the newline. A longer line is cut off.
  if (used < LINE_BYTES - 1) store<u8>(buffer + used++, byte);
}

export function put(ascii: string): void {
  for (let i = 0; i < ascii.length; i++) putByte(<u8>ascii.charCodeAt(i));
}

/** Appends a NUL-terminated string. Control characters become "?": a file's name must not control the terminal. */
export function putString(text: usize): void {
  for (let byte = load<u8>(text); byte != 0; byte = load<u8>(++text)) putByte(byte < 0x20 || byte == 0x7f ? 0x3f : byte);
}

export function putNumber(value: u64): void {
  if (value >= 10) putNumber(value / 10);
  putByte(0x30 + <u8>(value % 10));
}

/** Appends ": permission denied". Takes an errno or a negated errno. */
export function putError(errno: i32): void {
  const code = errno < 0 ? -errno : errno;
  const words = describeError(code);
  put(": ");
  if (words.length > 0) return put(words);
  put("error ");
  putNumber(code);
}

export function end(): void { store<u8>(buffer + used++, 0x0a); }

/** Ends the line and writes it to stderr. */
export function flush(): void {
  end();
  print(2, buffer, used);
}

export function at(): usize { return buffer; }
export function size(): u32 { return used; }

/** Appends "signal 9 (SIGKILL)". */
export function putSignal(signal: i32): void {
  put("signal ");
  putNumber(signal);
  const name = signalName(signal);
  if (name.length == 0) return;
  put(" (");
  put(name);
  put(")");
}
