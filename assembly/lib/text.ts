/** NUL-terminated strings and numbers in them. */

/**
 * The address of an ASCII text and a NUL in the module's data. tools/build/c-strings.mjs puts the bytes in the place of each call; a
 * call that is left is an import that no host has.
 */
@external("build", "cString") export declare function cString(ascii: string): usize;

export function stringLength(at: usize): u32 {
  let size: u32 = 0;
  while (load<u8>(at + size) != 0) size++;
  return size;
}

export function equals(at: usize, ascii: string): bool {
  for (let i = 0; i < ascii.length; i++) if (load<u8>(at + i) != <u8>ascii.charCodeAt(i)) return false;
  return load<u8>(at + ascii.length) == 0;
}

/** Returns the offset behind the string's NUL; 0 when there is no NUL before `end`. */
export function afterString(at: usize, end: usize): usize {
  while (at < end) if (load<u8>(at++) == 0) return at;
  return 0;
}

/** Copies an ASCII text without a NUL. Returns the offset behind the copy. */
export function putText(at: usize, ascii: string): usize {
  for (let i = 0; i < ascii.length; i++) store<u8>(at++, <u8>ascii.charCodeAt(i));
  return at;
}

/** Copies a NUL-terminated string without its NUL. Returns the offset behind the copy. */
export function putCopy(at: usize, from: usize): usize {
  for (let byte = load<u8>(from); byte != 0; byte = load<u8>(++from)) store<u8>(at++, byte);
  return at;
}

export function putDigits(at: usize, value: u64): usize {
  if (value >= 10) at = putDigits(at, value / 10);
  store<u8>(at, 0x30 + <u8>(value % 10));
  return at + 1;
}

export function isDigit(byte: u8): bool { return byte >= 0x30 && byte <= 0x39; }

/** Returns the offset behind the digits at `at`; `at` itself when there are none, or the number exceeds a u64. */
export function afterDigits(at: usize): usize {
  let end = at;
  while (isDigit(load<u8>(end))) end++;
  if (end - at > 20) return at;
  if (end - at == 20) {
    const last = load<u8>(end - 1) - 0x30;
    const head = digitsValue(at, end - 1);
    if (head > u64.MAX_VALUE / 10 || head * 10 > u64.MAX_VALUE - last) return at;
  }
  return end;
}

export function digitsValue(at: usize, end: usize): u64 {
  let value: u64 = 0;
  for (; at < end; at++) value = value * 10 + (load<u8>(at) - 0x30);
  return value;
}
