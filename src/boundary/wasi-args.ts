/** Arguments and environment as WASI hands them over: pointers at one place, NUL-terminated text at another. Needs nothing of Node. */

const SUCCESS = 0, FAULT = 21;
const POINTER_BYTES = 4;

const encoder = new TextEncoder();

/** By list: each is asked for twice at least, first for its size. */
const texts = new WeakMap<readonly string[], Uint8Array>();

function textOf(list: readonly string[]): Uint8Array {
  let text = texts.get(list);
  if (!text) texts.set(list, text = encoder.encode(list.map((each) => `${each}\0`).join('')));
  return text;
}

/** Whether the memory has these bytes. */
export function isIn({ buffer }: WebAssembly.Memory, at: number, size: number): boolean { return (at >>> 0) + size <= buffer.byteLength; }

/** args_sizes_get, environ_sizes_get */
export function storeSizes(memory: WebAssembly.Memory, list: readonly string[], countAt: number, bytesAt: number): number {
  if (!isIn(memory, countAt, POINTER_BYTES) || !isIn(memory, bytesAt, POINTER_BYTES)) return FAULT;
  const view = new DataView(memory.buffer);
  view.setUint32(countAt >>> 0, list.length, true);
  view.setUint32(bytesAt >>> 0, textOf(list).length, true);
  return SUCCESS;
}

/** args_get, environ_get */
export function storeStrings(memory: WebAssembly.Memory, list: readonly string[], pointersAt: number, textAt: number): number {
  const text = textOf(list);
  if (!isIn(memory, pointersAt, list.length * POINTER_BYTES) || !isIn(memory, textAt, text.length)) return FAULT;
  const view = new DataView(memory.buffer, pointersAt >>> 0, list.length * POINTER_BYTES);
  for (let index = 0, at = 0; index < list.length; index++) {
    view.setUint32(index * POINTER_BYTES, (textAt >>> 0) + at, true);
    at = text.indexOf(0, at) + 1;
  }
  new Uint8Array(memory.buffer).set(text, textAt >>> 0);
  return SUCCESS;
}
