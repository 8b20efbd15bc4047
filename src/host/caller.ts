/** The boundary for TypeScript that calls it itself, as a module would: what plays a program, or checks one. Linux only. */
import { callNamed, type Entry, native, type NativeInstance } from './native.js';

export const SIGCHLD = 17;
const MEMORY_BYTES = 1 << 17;
/** Where in the memory a pair of handles is stored; what lies from 16 on is the caller's. */
const AT_PAIR = 0;

/** The calls of the boundary by name, on memory of their own. */
export class Caller {
  readonly memory = new ArrayBuffer(MEMORY_BYTES);
  readonly view = new DataView(this.memory);
  readonly native: NativeInstance;

  constructor(
    program: string, argv: string[], deliver: (entry: Entry, first: number, second: number) => void = () => {},
    stdio: [number, number, number] = [0, 1, 2],
  ) {
    this.native = new (native().Instance)({ program, arguments: argv, environment: [], stdio, signals: [SIGCHLD], deliver });
    this.native.attach({ buffer: this.memory });
  }

  call(name: string, ...numbers: number[]): number {
    const call = callNamed(name);
    if (!call) throw new Error(`the boundary has no ${name}`);
    return call.apply(this.native, numbers);
  }

  /** The same, where only our own mistake could be an error. */
  must(name: string, ...numbers: number[]): number {
    const result = this.call(name, ...numbers);
    if (result < 0) throw new Error(`${name}(${numbers.join(', ')}) = ${result}`);
    return result;
  }

  /** Puts NUL-terminated strings at `at`; the size of all. */
  put(at: number, ...texts: string[]): number {
    const bytes = Buffer.from(texts.map((text) => `${text}\0`).join(''));
    new Uint8Array(this.memory).set(bytes, at);
    return bytes.length;
  }

  /** A call of `spawnBegin`'s row that takes strings: the host copies them at once. */
  describe(call: 'spawnFiles' | 'spawnArguments' | 'spawnEnvironment', at: number, texts: readonly string[]): void {
    this.must(call, at, this.put(at, ...texts));
  }

  pair(call: 'pipe' | 'socketPair'): [number, number] {
    this.must(call, AT_PAIR);
    return [this.view.getInt32(AT_PAIR, true), this.view.getInt32(AT_PAIR + 4, true)];
  }
}
