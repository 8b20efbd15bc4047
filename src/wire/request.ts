/** The request of a wsh (docs/reference/protocol.md §1) as an object, by the compiled codec. */
import { type Codec, NEED_MORE, reasonOf, unsigned, WHOLE } from './codec-module.js';

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

function putLimit(codec: Codec, { id, soft, hard }: Limit): void {
  if (unsigned(soft) !== soft || unsigned(hard) !== hard) throw new RangeError(`limit ${id} is negative, or has more than 64 bits`);
  try {
    codec.exports.addLimit(id, soft, hard);
  } catch (trap) {
    throw new RangeError(codec.lastWords, { cause: trap });
  }
}

/** The bytes of a request; a RangeError when it does not fit into one. */
export function encodeRequest(codec: Codec, request: Request): Uint8Array {
  const { beginMessage, addArgument, setUser, setLang, judgeRequest, messageAt, requestBytes } = codec.exports;
  beginMessage(request.tty ? 1 : 0);
  for (const [index, argument] of request.argv.entries()) codec.put(`argument ${index}`, argument, addArgument);
  codec.put('the user name', request.user, setUser);
  codec.put('the value of LANG', request.lang, setLang);
  for (const limit of request.limits) putLimit(codec, limit);
  const verdict = judgeRequest(requestBytes());
  if (verdict !== WHOLE) throw new RangeError(`the request ${reasonOf(verdict)}`);
  return codec.bytes(messageAt(), requestBytes()).slice();
}

/** The request that the bytes are, or why they are none. Text that is not UTF-8 is replaced. */
export function decodeRequest(codec: Codec, message: Uint8Array): Decoded {
  const verdict = codec.exports.judgeRequest(codec.putMessage(message));
  if (verdict === WHOLE) return { request: readRequest(codec) };
  return { refusal: { incomplete: verdict === NEED_MORE, verdict, reason: `the request ${reasonOf(verdict)}` } };
}

function readRequest(codec: Codec): Request {
  const read = codec.exports;
  return {
    // Each argument ends with a NUL, the last one too.
    argv: codec.text(read.argumentsAt(), read.argumentsBytes()).split('\0').slice(0, -1),
    user: codec.text(read.userAt(), read.userLength()),
    lang: codec.text(read.langAt(), read.langLength()),
    tty: read.tty() !== 0,
    limits: Array.from({ length: read.limitCount() }, (_, index) => (
      { id: read.limitId(index), soft: unsigned(read.limitSoft(index)), hard: unsigned(read.limitHard(index)) }
    )),
  };
}

/** The limits that a wsh sends when its environment says nothing about them. */
export function defaultLimits(codec: Codec): Limit[] {
  const { limitsSent, limitSent, limitDefault } = codec.exports;
  return Array.from({ length: limitsSent() }, (_, index) => {
    const id = limitSent(index), byDefault = unsigned(limitDefault(id));
    return { id, soft: byDefault, hard: byDefault };
  });
}
