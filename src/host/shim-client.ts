/** The boundary's calls for TypeScript, with a memory of their own: for code that replaces or checks a program. Linux only. */
import { constants } from 'node:os';
import { callNamed, type Entry, makeInstance, type NativeInstance, withoutDescriptors } from './addon.js';

export const SIGCHLD = 17;
/** A caller's memory, when it brings none. */
export const CALLER_BYTES = 1 << 17;
/** Where in the memory a pair of handles is stored; what lies from 16 on is the caller's. */
const AT_PAIR = 0;

/** The calls of the boundary by name, on memory of their own. */
export class ShimClient {
  readonly view: DataView;
  readonly native: NativeInstance;

  constructor(
    program: string, argv: string[], deliver: (entry: Entry, first: number, second: number) => void = () => {},
    stdio: [number, number, number] = [0, 1, 2], readonly memory: ArrayBuffer = new ArrayBuffer(CALLER_BYTES),
  ) {
    this.view = new DataView(memory);
    this.native = makeInstance({ program, arguments: argv, environment: [], stdio, signals: [SIGCHLD], deliver });
    this.native.attach({ buffer: this.memory });
  }

  call(name: string, ...numbers: number[]): number {
    const call = callNamed(name);
    if (!call) throw new Error(`the boundary has no ${name}`);
    return call.apply(this.native, numbers);
  }

  /** The same for calls that can fail only for want of descriptors, or by a mistake of this repository: throws then. */
  must(name: string, ...numbers: number[]): number {
    const result = this.call(name, ...numbers);
    if (result === -constants.errno.EMFILE || result === -constants.errno.ENFILE) throw withoutDescriptors(`cannot ${name}`);
    if (result < 0) throw new Error(`${name}(${numbers.join(', ')}) = ${result}`);
    return result;
  }

  /** Stores NUL-terminated strings at `at`; returns their total size. */
  put(at: number, ...texts: string[]): number {
    const bytes = Buffer.from(texts.map((text) => `${text}\0`).join(''));
    new Uint8Array(this.memory).set(bytes, at);
    return bytes.length;
  }

  /** A call that adds strings to a description; the host copies them at once. */
  describe(call: 'spawnFiles' | 'spawnArguments' | 'spawnEnvironment', at: number, texts: readonly string[]): void {
    this.must(call, at, this.put(at, ...texts));
  }

  pair(call: 'pipe' | 'socketPair'): [number, number] {
    this.must(call, AT_PAIR);
    return [this.view.getInt32(AT_PAIR, true), this.view.getInt32(AT_PAIR + 4, true)];
  }
}
