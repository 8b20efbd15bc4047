/** A stream in which every part shows its position: lines of 16 bytes, each its own number. */

const LINE_BYTES = 16;
let made = Buffer.alloc(0);

/** The first `size` bytes of the stream. */
export function pattern(size: number): Buffer {
  if (made.length < size) {
    const lines = Math.ceil(size / LINE_BYTES);
    made = Buffer.alloc(lines * LINE_BYTES);
    for (let line = 0; line < lines; line++) made.write(`${String(line).padStart(LINE_BYTES - 1, '0')}\n`, line * LINE_BYTES, 'latin1');
  }
  return made.subarray(0, size);
}

/** Fails with the place where two buffers begin to differ, which a plain assertion does not show for megabytes. */
export function assertSame(actual: Buffer, expected: Buffer, what: string): void {
  if (actual.equals(expected)) return;
  const length = Math.min(actual.length, expected.length);
  let at = 0;
  while (at < length && actual[at] === expected[at]) at++;
  const excerpt = (bytes: Buffer): string => JSON.stringify(bytes.subarray(at, at + 32).toString('latin1'));
  throw new Error(`${what}: ${actual.length} bytes instead of ${expected.length}, other from byte ${at} on: ${excerpt(actual)} instead of ${excerpt(expected)}`);
}
