/**
 * The server's frames and messages, which are TypeScript: changed bytes of the recorded exchanges, in pieces of any size. There is no
 * counter of branches here; what is held is what must be true of every input.
 */
import { FrameError, FrameReader, LENGTH_LINE_BYTES_MAX, encodeFrame } from '../../src/proto/frame.js';
import { decodeRequest, decodeResponse, MessageError, requestFrame, responseFrame } from '../../src/proto/message.js';
import { Random } from '../../src/sim/kernel/random.js';
import { exchanges } from '../server/support/vectors.js';
import { mutated } from './mutate.js';

export const FRAMES = 'server-frames';
const INPUT_BYTES_MAX = 4_096, PAYLOAD_BYTES_MAX = 1_024, PIECE_BYTES_MAX = 64, TRAILER_BYTES = 2;

interface Read { readonly payloads: readonly string[]; readonly refusal: string | undefined }

/**
 * Reads it as it would come from a socket, all pieces in the same memory where it is given. @throws Error for a reader that keeps more
 * than it may
 */
function read(input: Uint8Array, pieceBytes: () => number, memory?: Buffer): Read {
  const reader = new FrameReader(PAYLOAD_BYTES_MAX), payloads: string[] = [];
  try {
    for (let at = 0; at < input.length;) {
      const size = pieceBytes();
      const piece = input.subarray(at, at + size);
      memory?.fill(0x39).set(piece);
      reader.push(memory?.subarray(0, piece.length) ?? Buffer.from(piece));
      at += size;
      for (let payload = reader.next(); payload; payload = reader.next()) payloads.push(payload.toString('latin1'));
      if (memory) reader.keep();
      const most = LENGTH_LINE_BYTES_MAX + PAYLOAD_BYTES_MAX + 2 * TRAILER_BYTES + size;
      if (reader.buffered > most) throw new Error(`the reader keeps ${reader.buffered} bytes, and may keep ${most}`);
    }
    return { payloads, refusal: undefined };
  } catch (error) {
    if (error instanceof FrameError) return { payloads, refusal: error.constructor.name };
    throw error;
  }
}

/** A message that is understood is understood the same when it was written again. */
function checkMessages(payload: Buffer): void {
  const request = attempt(() => decodeRequest(payload)), response = attempt(() => decodeResponse(payload));
  if (request) {
    const { kind, message } = request;
    mustBeStable(requestFrame(kind, message), (again) => requestFrame(kind, decodeRequest(again).message));
  }
  if (!response || 'error' in response) return;
  mustBeStable(responseFrame(response.kind, response.message), (again) => {
    const twice = decodeResponse(again);
    if ('error' in twice) throw new Error('a response became an error when it was written again');
    return responseFrame(twice.kind, twice.message);
  });
}

function mustBeStable(frame: Buffer, writtenAgain: (payload: Buffer) => Buffer): void {
  const reader = new FrameReader();
  reader.push(frame);
  const payload = reader.next();
  if (!payload || !writtenAgain(payload).equals(frame)) throw new Error('a message changes when it is written and read again');
}

/** undefined for what is no message; anything else that is thrown is a fault. */
function attempt<Result>(decode: () => Result): Result | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}

/** @throws Error for what must never be */
function checkFrames(input: Uint8Array, random: Random): void {
  const whole = read(input, () => input.length), pieceBytes = (): number => random.between(1, PIECE_BYTES_MAX);
  for (const memory of [undefined, Buffer.alloc(PIECE_BYTES_MAX)]) {
    if (JSON.stringify(whole) !== JSON.stringify(read(input, pieceBytes, memory))) throw new Error('bytes in pieces are read differently from the same bytes at once');
  }
  for (const payload of whole.payloads) checkMessages(Buffer.from(payload, 'latin1'));
  // The messages inside, of which few come through a changed frame.
  checkMessages(Buffer.from(input));
}

/** Until the time is over; the number of inputs, or the input that breaks a rule, in hexadecimal digits. */
export function fuzzFrames(seed: number, ends: (inputs: number) => boolean): { inputs: number; fault?: string } {
  const random = new Random(seed), streams = exchanges.flatMap(({ request, reply }) => [request, reply]).filter(({ length }) => length > 0);
  const corpus = streams.flatMap((stream) => {
    const reader = new FrameReader(), parts: Buffer[] = [stream, Buffer.concat([stream, encodeFrame(stream)])];
    reader.push(stream);
    for (let payload = attemptFrame(reader); payload; payload = attemptFrame(reader)) parts.push(payload);
    return parts;
  });
  let inputs = 0;
  for (; !ends(inputs); inputs++) {
    const input = mutated(corpus, random, INPUT_BYTES_MAX);
    try {
      checkFrames(input, random);
    } catch (error) {
      return { inputs, fault: `${(error as Error).message}; the input is ${Buffer.from(input).toString('hex')}` };
    }
  }
  return { inputs };
}

function attemptFrame(reader: FrameReader): Buffer | undefined {
  try {
    return reader.next();
  } catch {
    return undefined;
  }
}
