/**
 * The wire formats for TypeScript: every layout and every check is the compiled codec's (assembly/codec), which is the
 * code that the programs run. docs/protocol.md
 */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../paths.js';

/** A resource limit; the id is Linux's (setrlimit(2)), `UNLIMITED` stands for no limit. */
export interface Limit { id: number; soft: bigint; hard: bigint }

/** What wsh asks of wshd. */
export interface Request {
  /** Empty: the user's login shell. */
  argv: readonly string[];
  /** Empty: root. */
  user: string;
  /** Empty: the command gets no LANG. */
  lang: string;
  tty: boolean;
  limits: readonly Limit[];
}

/** What bytes are when they are no request. `incomplete`: more bytes could still make them one. */
export interface Refusal { incomplete: boolean; verdict: number; reason: string }

export type Decoded = { request: Request; refusal?: never } | { request?: never; refusal: Refusal };

export const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** `Verdict` of assembly/wire/request.ts, in words. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [1, 'the request is not whole yet'],
  [-1, 'the request is longer than a request may be'],
  [-2, 'the request is not of protocol version 1'],
  [-3, 'the request says neither that it wants a terminal nor that it wants none'],
  [-4, 'the number of arguments is negative, or larger than a request can hold'],
  [-5, 'an argument has no end'],
  [-6, 'the number of resource limits is negative, or larger than a request can hold'],
  [-7, 'a resource limit has an id that Linux does not know'],
  [-8, 'the user name has no end'],
  [-9, 'the value of LANG has no end'],
]);
const WHOLE = 0, NEED_MORE = 1;

/** Exports of assembly/codec/index.ts. */
interface Codec {
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
}

let loaded: Codec | undefined;
/** What an assertion of the codec's said before it trapped. */
let lastWords = '';

function codec(): Codec {
  loaded ??= new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasmPath('codec'))), {
    wasi_snapshot_preview1: { fd_write: keepWords },
  }).exports as unknown as Codec;
  return loaded;
}

/** WASI's fd_write, for the only thing that the codec ever writes. */
function keepWords(_fd: number, vectorsAt: number, count: number): number {
  const view = new DataView(codec().memory.buffer);
  for (let at = vectorsAt; count > 0; count--, at += 8) lastWords = text(view.getUint32(at, true), view.getUint32(at + 4, true)).trimEnd();
  return 0;
}

/** A view is made for each use: growth of the memory would detach one that was kept. */
function bytes(at: number, size: number): Buffer { return Buffer.from(codec().memory.buffer, at, size); }

function text(at: number, size: number): string { return bytes(at, size).toString('utf8'); }

/** Puts a text where the codec takes it from, then has it taken. */
function put(what: string, value: string, take: () => number): void {
  const content = Buffer.from(value);
  if (content.includes(0)) throw new RangeError(`${what} has a NUL inside, which ends a text on the wire`);
  // No text that is as long as a whole request can be part of one, and a shorter one fits the codec's buffer.
  if (content.length < codec().requestBytes()) {
    const target = bytes(codec().textAt(), content.length + 1);
    content.copy(target);
    target[content.length] = 0;
    if (take() !== 0) return;
  }
  throw new RangeError(`${what} does not fit into a request`);
}

/** WebAssembly's i64 comes out signed. */
function unsigned(value: bigint): bigint { return BigInt.asUintN(64, value); }

function putLimit({ id, soft, hard }: Limit): void {
  if (unsigned(soft) !== soft || unsigned(hard) !== hard) throw new RangeError(`limit ${id} is negative, or has more than 64 bits`);
  try {
    codec().addLimit(id, soft, hard);
  } catch (trap) {
    throw new RangeError(lastWords, { cause: trap });
  }
}

/** The bytes of a request; a RangeError when it does not fit into one. */
export function encodeRequest(request: Request): Buffer {
  const { beginMessage, addArgument, setUser, setLang, judgeRequest, messageAt, requestBytes } = codec();
  beginMessage(request.tty ? 1 : 0);
  for (const [index, argument] of request.argv.entries()) put(`argument ${index}`, argument, addArgument);
  put('the user name', request.user, setUser);
  put('the value of LANG', request.lang, setLang);
  for (const limit of request.limits) putLimit(limit);
  const verdict = judgeRequest(requestBytes());
  if (verdict !== WHOLE) throw new RangeError(reasonOf(verdict));
  return Buffer.from(bytes(messageAt(), requestBytes()));
}

/** The request that the bytes are, or why they are none. Text that is not UTF-8 is replaced. */
export function decodeRequest(message: Uint8Array): Decoded {
  const { judgeRequest, messageAt, messageBytes } = codec();
  // What is longer than the codec's buffer is too long all the more.
  const have = Math.min(message.length, messageBytes());
  bytes(messageAt(), have).set(message.subarray(0, have));
  const verdict = judgeRequest(have);
  if (verdict === WHOLE) return { request: readRequest() };
  return { refusal: { incomplete: verdict === NEED_MORE, verdict, reason: reasonOf(verdict) } };
}

function reasonOf(verdict: number): string { return REASONS.get(verdict) ?? `verdict ${verdict}`; }

function readRequest(): Request {
  const read = codec();
  return {
    // Each argument ends with a NUL, the last one too.
    argv: text(read.argumentsAt(), read.argumentsBytes()).split('\0').slice(0, -1),
    user: text(read.userAt(), read.userLength()),
    lang: text(read.langAt(), read.langLength()),
    tty: read.tty() !== 0,
    limits: Array.from({ length: read.limitCount() }, (_, index) => (
      { id: read.limitId(index), soft: unsigned(read.limitSoft(index)), hard: unsigned(read.limitHard(index)) }
    )),
  };
}
