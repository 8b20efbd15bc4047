/** What runs did, as the recorder writes it down (host/recorder.c). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Target } from '../targets.js';

/** As in host/trace.h, where each is explained. */
export const enum Event { ENTER, RETURNED, CALL, ANSWER, LEFT, TRAP, LOOK, GIVE, PAGE, END }

/** An event's words begin at `first`; a `GIVE`'s and a `PAGE`'s bytes lie behind them. */
export interface Told { event: Event; first: number; count: number }

export class Recording {
  private readonly words: Uint32Array;
  private readonly bytes: Uint8Array;
  private at: number;
  /** Of the calls, by their numbers: "shim.read". */
  readonly calls: readonly string[];

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    const size = this.words[0] ?? 0;
    this.calls = new TextDecoder().decode(bytes.subarray(4, 4 + size)).split('\0').slice(0, -1);
    this.at = 1 + ((size + 3) >> 2);
  }

  get place(): number { return this.at; }
  /** Goes back to a place. */
  set place(at: number) { this.at = at; }

  /** Whether the next run was not recorded up to its end. */
  isCutOff(): boolean {
    const { at } = this;
    while (this.at < this.words.length) {
      if (this.next().event !== Event.END) continue;
      this.at = at;
      return false;
    }
    return true;
  }

  word(index: number): number { return this.words[index]!; }

  /** The next event, without passing it. */
  peek(): Told {
    const head = this.words[this.at];
    if (head === undefined) throw new Error('the recording ends inside of a run');
    return { event: head & 0xff, first: this.at + 1, count: head >>> 8 };
  }

  next(): Told {
    const told = this.peek();
    this.at = told.first + told.count;
    if (told.event === Event.GIVE || told.event === Event.PAGE) this.at += (this.words[told.first + 1]! + 3) >> 2;
    return told;
  }

  bytesOf(told: Told): Uint8Array {
    const from = (told.first + told.count) * 4;
    return this.bytes.subarray(from, from + this.words[told.first + 1]!);
  }

  list(told: Told, from = 0): number[] { return [...this.words.subarray(told.first + from, told.first + told.count)]; }
}

export interface Recorded {
  recording: Recording;
  /** What the recorder found wrong, in the input behind the last that was recorded whole. */
  fault?: string;
}

/** Runs the inputs in the recorder. */
export async function record(recorder: string, target: Target, inputs: readonly Uint8Array[]): Promise<Recorded> {
  const child = spawn(recorder, [target.name], { stdio: ['pipe', 'pipe', 'pipe'] });
  const out: Buffer[] = [], words: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => out.push(piece));
  child.stderr.on('data', (piece: Buffer) => words.push(piece));
  // A recorder that has found a fault reads no more.
  child.stdin.on('error', () => {});
  child.stdin.end(Buffer.concat(inputs.flatMap((input) => [sizeOf(input), input])));
  const [code, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  const bytes = Buffer.concat(out);
  const recording = new Recording(Uint8Array.from(bytes));
  return code === 0 ? { recording } : { recording, fault: `${signal ?? `exit code ${code}`}: ${Buffer.concat(words).toString()}` };
}

function sizeOf(input: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(input.length);
  return size;
}
