/** The compiled codec (assembly/codec) as an instance: its exports, its memory, its last words. Runs wherever WebAssembly does. */

/** Exports of assembly/codec/index.ts. */
export interface CodecExports {
  memory: WebAssembly.Memory;
  messageAt(): number;
  messageBytes(): number;
  textAt(): number;
  requestBytes(): number;
  beginMessage(tty: number): void;
  addArgument(): number;
  setUser(): number;
  setLang(): number;
  addLimit(id: number, soft: bigint, hard: bigint): void;
  judgeRequest(have: number): number;
  tty(): number;
  argumentCount(): number;
  argumentsAt(): number;
  argumentsBytes(): number;
  limitCount(): number;
  limitId(index: number): number;
  limitSoft(index: number): bigint;
  limitHard(index: number): bigint;
  userAt(): number;
  userLength(): number;
  langAt(): number;
  langLength(): number;
  messageKinds(): number;
  describe(kind: number): number;
  sizeOfMessage(kind: number): number;
  fieldName(index: number): number;
  fieldGroup(index: number): number;
  fieldOffset(index: number): number;
  fieldSize(index: number): number;
  fieldKind(index: number): number;
  fieldLow(index: number): number;
  fieldHigh(index: number): number;
  judgeField(index: number, have: number): number;
  judgeMessage(have: number): number;
  fieldNumber(index: number): bigint;
  setFieldNumber(index: number, value: bigint): void;
  textLength(index: number, from: number): number;
  exited(raw: number): number;
  exitCode(raw: number): number;
  signalOf(raw: number): number;
  rawOfExit(code: number): number;
  signalName(signal: number): number;
  limitName(id: number): number;
  limitsSent(): number;
  limitSent(index: number): number;
  limitDefault(id: number): bigint;
}

/** Outcomes of a judgement that are not a reason to refuse: `Verdict` of assembly/wire/request.ts. */
export const WHOLE = 0, NEED_MORE = 1;

/** Refusals in words: `Verdict` of assembly/wire/request.ts, and what assembly/codec/fields.ts adds to it. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [1, 'is not whole yet'],
  [-1, 'is longer than it may be'],
  [-2, 'is not of protocol version 1'],
  [-3, 'says neither that it wants a terminal nor that it wants none'],
  [-4, 'has a number of arguments that is negative, or larger than it can hold'],
  [-5, 'is refused: an argument has no end'],
  [-6, 'has a number of resource limits that is negative, or larger than it can hold'],
  [-7, 'has a resource limit with an id that Linux does not know'],
  [-8, 'is refused: the user name has no end'],
  [-9, 'is refused: the value of LANG has no end'],
  [-10, 'is no exit code'],
  [-11, 'is no end of a process: neither an exit nor a signal that there is'],
  [-19, 'is not of protocol version 2'],
  [-20, 'has a terminal\'s size that is out of range'],
  [-21, 'has a umask that is out of range'],
  [-22, 'has more bytes of arguments or of variables than execve(2) takes, or a negative number'],
  [-23, 'has a number of descriptors that is negative, or larger than allowed'],
  [-24, 'is refused: the directory has no end'],
  [-25, 'is refused: the search path has no end'],
  [-26, 'is refused: the command has no end'],
  [-27, 'is of a kind that there is not'],
  [-28, 'has a failure that there is not'],
  [-29, 'has an errno that is out of range'],
  [-30, 'has a status that is no end of a process'],
  [-31, 'has a number that is no signal\'s'],
  [-32, 'has a target that is neither the command nor its group'],
]);

/** What a verdict says about a message, as the sentence's second half: "is not whole yet". */
export function reasonOf(verdict: number): string { return REASONS.get(verdict) ?? `verdict ${verdict}`; }

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Bytes as text; what is not UTF-8 is replaced. */
export function textOf(bytes: Uint8Array): string { return decoder.decode(bytes); }
export function bytesOfText(text: string): Uint8Array { return encoder.encode(text); }
/** WebAssembly's i64 comes out signed. */
export function unsigned(value: bigint): bigint { return BigInt.asUintN(64, value); }

export class Codec {
  readonly exports: CodecExports;
  /** What an assertion of the codec's said before it trapped. */
  lastWords = '';

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: { fd_write: (_fd: number, vectorsAt: number, count: number) => this.keepWords(vectorsAt, count) },
    }).exports as unknown as CodecExports;
  }

  /** A view is made for each use: growth of the memory would detach one that was kept. */
  bytes(at: number, size: number): Uint8Array { return new Uint8Array(this.exports.memory.buffer, at, size); }

  text(at: number, size: number): string { return textOf(this.bytes(at, size)); }

  /** A name that the codec has just put there; undefined for one of no length. */
  name(length: number): string | undefined { return length === 0 ? undefined : this.text(this.exports.textAt(), length); }

  /** Puts a message where the codec reads it; how many bytes of it fit, which is more than any whole message has. */
  putMessage(message: Uint8Array): number {
    const have = Math.min(message.length, this.exports.messageBytes());
    this.bytes(this.exports.messageAt(), have).set(message.subarray(0, have));
    return have;
  }

  /** Puts a text where the codec takes it from, then has it taken; a RangeError when it does not fit a request. */
  put(what: string, value: string, take: () => number): void {
    const content = bytesOfText(value);
    if (content.includes(0)) throw new RangeError(`${what} has a NUL inside, which ends a text on the wire`);
    // No text that is as long as a whole request can be part of one, and a shorter one fits the codec's buffer.
    if (content.length < this.exports.requestBytes()) {
      const target = this.bytes(this.exports.textAt(), content.length + 1);
      target.set(content);
      target[content.length] = 0;
      if (take() !== 0) return;
    }
    throw new RangeError(`${what} does not fit into a request`);
  }

  /** WASI's fd_write, for the only thing that the codec ever writes. */
  private keepWords(vectorsAt: number, count: number): number {
    const view = new DataView(this.exports.memory.buffer);
    for (let at = vectorsAt; count > 0; count--, at += 8) {
      this.lastWords = this.text(view.getUint32(at, true), view.getUint32(at + 4, true)).trimEnd();
    }
    return 0;
  }
}
