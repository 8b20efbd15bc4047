import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MessageSchema } from '#warden-proto';
import { encodeFrame, FrameError, FrameReader, LENGTH_LINE_BYTES_MAX } from '../../src/proto/frame.js';
import { decodeRequest, decodeResponse, errorFrame, kinds, MessageError, requestFrame, responseFrame, streamFrame, toPlain } from '../../src/proto/message.js';
import { fuzzFrames } from '../fuzz/frames.js';
import { exchange, exchanges, payloadsOf } from './support/vectors.js';

const codec = suite('server codec');
const whole = exchanges.filter(({ sent }) => sent !== undefined);

for (const { name, request, sent } of whole) {
  codec(`the request ${name} is read, and written again byte for byte`, () => {
    const [payload, ...more] = payloadsOf(request);
    assert.is(more.length, 0);
    const { kind, message } = decodeRequest(payload!);
    assert.is(kind.name, sent!.type);
    assert.equal(requestFrame(kind, message), request);
  });
}

for (const { name, reply, replies } of exchanges.filter((each) => each.replies.length > 0)) {
  codec(`the replies to ${name} are read, and written again byte for byte`, () => {
    const responses = payloadsOf(reply).map(decodeResponse);
    assert.equal(responses.map((each) => ('error' in each ? 'Error' : each.kind.name)), replies.map(({ type }) => type));
    const frames = responses.map((each) => ('error' in each ? errorFrame(each.error) : responseFrame(each.kind, each.message)));
    assert.equal(Buffer.concat(frames), reply);
  });
}

codec('fields have the names and values that were recorded', () => {
  const { kind, message } = decodeRequest(payloadsOf(exchange('spawn-all-fields').request)[0]!);
  assert.equal(toPlain(kind.request, message), exchange('spawn-all-fields').sent!.fields);
});

codec('an unknown type, the type Error and a missing required field are no requests', () => {
  for (const name of ['type-unknown', 'required-missing']) assert.throws(() => decodeRequest(payloadsOf(exchange(name).request)[0]!), isA(MessageError));
  assert.throws(() => decodeRequest(Buffer.from([8, 1, 18, 0])), isA(MessageError));
});

codec('a number that an enum does not have is no request', () => {
  // NetOut of handle "h" with protocol 9.
  assert.throws(() => decodeRequest(Buffer.from([8, 32, 18, 5, 10, 1, 104, 40, 9])), /unknown number in field 5/);
});

codec('frames come in pieces of any size', () => {
  const stream = Buffer.concat(whole.map(({ request }) => request)), want = payloadsOf(stream);
  for (const size of [1, 2, 3, 7, 64]) {
    const reader = new FrameReader(), got: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      for (let payload = reader.next(); payload; payload = reader.next()) got.push(payload);
    }
    assert.equal(got, want);
    assert.is(reader.buffered, 0);
  }
});

function readInPieces(text: string, size: number): 'taken' | 'refused' | 'unfinished' {
  const reader = new FrameReader();
  for (let at = 0; at < text.length; at += size) {
    reader.push(Buffer.from(text.slice(at, at + size)));
    try {
      if (reader.next()) return 'taken';
    } catch {
      return 'refused';
    }
  }
  return 'unfinished';
}

codec('what is refused does not depend on how it comes in pieces', () => {
  const longest = ' '.repeat(LENGTH_LINE_BYTES_MAX - 1);
  for (const [text, is] of [['\n1\r\nx\r\n', 'refused'], [`${longest}1\r\nx\r\n`, 'taken'], [`${longest} 1\r\nx\r\n`, 'refused']] as const) {
    for (const size of [1, text.length]) assert.is(readInPieces(text, size), is, JSON.stringify([text, size]));
  }
});

codec('a length may have blanks around it, or 0x; a negative one is empty', () => {
  for (const head of ['4', ' 4 ', '0x4', '+4', '004']) assert.equal(payloadsOf(Buffer.from(`${head}\r\nabcd\r\n`)), [Buffer.from('abcd')]);
  assert.equal(payloadsOf(Buffer.from('-4\r\n\r\n')), [Buffer.alloc(0)]);
});

codec('limits are judged before anything is kept', () => {
  const read = (text: string, most?: number): unknown => {
    const reader = new FrameReader(most);
    reader.push(Buffer.from(text));
    return reader.next();
  };
  for (const text of ['abc\r\n', '\r\n', '4 4\r\n', '4\n', '1e3\r\n']) assert.throws(() => read(text), isA(FrameError));
  assert.throws(() => read('1'.repeat(LENGTH_LINE_BYTES_MAX + 1)), isA(FrameError));
  assert.throws(() => read('101\r\n', 100), /at most 100 bytes, not 101/);
  assert.throws(() => read(`${'9'.repeat(40)}\r\n`), isA(FrameError));
  assert.is(read('100\r\n', 100), undefined);
});

function isA(kind: new (message: string) => Error): (error: unknown) => boolean { return (error) => error instanceof kind; }

function digestPayload(decode: (payload: Buffer) => unknown, payload: Buffer): void {
  try {
    decode(payload);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
  }
}

/** Whatever comes: payloads, and messages or a reason; nothing else is ever thrown. */
function digest(stream: Buffer): void {
  try {
    for (const payload of payloadsOf(stream)) for (const decode of [decodeRequest, decodeResponse]) digestPayload(decode, payload);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
  }
}

codec('every prefix of what was recorded is digested', () => {
  for (const stream of exchanges.flatMap(({ request, reply }) => [request, reply])) {
    for (let size = 0; size < stream.length; size++) digest(stream.subarray(0, size));
  }
});

codec('every bit flip of what was recorded is digested', () => {
  for (const { request, reply } of exchanges) {
    for (const stream of [request, reply]) {
      for (let bit = 0; bit < stream.length * 8; bit++) {
        const flipped = Buffer.from(stream);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        digest(flipped);
      }
    }
  }
});

codec('every bit flip inside of a frame is digested', () => {
  for (const payload of exchanges.flatMap(({ request, reply }) => [...safePayloads(request), ...safePayloads(reply)])) {
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const flipped = Buffer.from(payload);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      digest(encodeFrame(flipped));
    }
  }
});

function safePayloads(stream: Buffer): Buffer[] {
  try {
    return payloadsOf(stream);
  } catch {
    return [];
  }
}

codec('an empty message is an empty payload, and its field is sent', () => {
  const [payload] = payloadsOf(exchange('ping').request);
  assert.equal(payload, Buffer.from([8, 91, 18, 0]));
  assert.equal(Buffer.from(toBinary(MessageSchema, fromBinary(MessageSchema, payload!))), payload);
});

codec('output in pieces is what the message with all of it would be', () => {
  for (const size of [0, 1, 100, 127, 128, 16_383, 65_536]) {
    const data = Buffer.alloc(size, 7);
    assert.equal(Buffer.concat(streamFrame('stderr', data)), responseFrame(kinds.Stream, { name: 'stderr', data }), String(size));
  }
});

const FUZZED = 2_000;

codec(`nothing is found in ${FUZZED} changed exchanges`, () => {
  const seed = Date.now() >>> 0, { fault } = fuzzFrames(seed, (inputs) => inputs >= FUZZED);
  assert.is(fault, undefined, `seed ${seed}`);
});

codec('a reader that keeps too much, or cuts otherwise in pieces, is found', () => {
  const { next } = FrameReader.prototype;
  try {
    // Waits for one byte more than a frame has.
    FrameReader.prototype.next = function tooLate(this: FrameReader) { return this.buffered > 40 ? undefined : next.call(this); };
    assert.match(fuzzFrames(1, (inputs) => inputs >= FUZZED).fault ?? 'nothing', /in pieces are read differently|the reader keeps/);
  } finally {
    FrameReader.prototype.next = next;
  }
});

codec.run();
