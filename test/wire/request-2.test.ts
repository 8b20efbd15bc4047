/** The request of protocol 2, field by field: the layout stated once more, from docs/reference/protocol.md §6. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec } from '../../src/wire/codec.js';
import { fromJson, toJson } from '../../src/wire/json.js';
import { decode, encode, sizeOf, type Value } from '../../src/wire/message.js';
import { recognise } from '../../src/wire/recognise.js';

const request = suite('the request of protocol 2');
const WHOLE = 0, NEED_MORE = 1, TOO_LONG = -1, BYTES = 13_736;

function made(fields: Record<string, Value> = {}): Buffer {
  return Buffer.from(encode(codec(), 'request-2', { fields: { umask: -1n, ...fields } }));
}
const verdictOn = (message: Uint8Array): number => decode(codec(), 'request-2', message).verdict;

/** Numbers: where, and from which to which. */
const NUMBERS: readonly [name: string, at: number, low: number, high: number, verdict: number][] = [
  ['version', 0, 2, 2, -19], ['tty', 4, 0, 1, -3], ['rows', 8, 0, 65_535, -20], ['columns', 12, 0, 65_535, -20],
  ['umask', 16, -1, 0o777, -21], ['argument-bytes', 20, 0, 6 << 20, -22], ['environment-bytes', 24, 0, 6 << 20, -22],
  ['limit-count', 28, 0, 16, -6], ['descriptor-count', 416, 0, 16, -23],
];
for (const [name, at, low, high, verdict] of NUMBERS) {
  request(`${name} stands at ${at}, and is from ${low} to ${high}`, () => {
    for (const value of [low, high]) {
      const message = made({ [name]: BigInt(value) });
      assert.is(message.readInt32LE(at), value);
      assert.is(verdictOn(message), WHOLE);
    }
    for (const value of [low - 1, high + 1, 2 ** 31 - 1, -(2 ** 31)]) {
      const reading = decode(codec(), 'request-2', made({ [name]: BigInt(value) }));
      assert.is(reading.verdict, verdict, String(value));
      assert.equal(reading.fields.filter(({ problem }) => problem !== undefined).map(({ field }) => field.name), [name]);
    }
  });
}

const TEXTS: readonly [name: string, at: number, size: number, verdict: number][] = [
  ['user', 424, 1024, -8], ['directory', 1448, 4096, -24], ['path', 5544, 4096, -25], ['command', 9640, 4096, -26],
];
for (const [name, at, size, verdict] of TEXTS) {
  request(`${name} stands at ${at}, and its end within ${size} bytes`, () => {
    const longest = 'x'.repeat(size - 1), message = made({ [name]: longest });
    assert.is(message.toString('latin1', at, at + size - 1), longest);
    assert.is(verdictOn(message), WHOLE);
    message[at + size - 1] = 1;
    assert.is(verdictOn(message), verdict);
    assert.throws(() => made({ [name]: 'x'.repeat(size) }), new RegExp(`${name} takes`));
  });
}

request('a limit counts where it is announced', () => {
  const hard = 2n ** 64n - 1n, message = made({ 'limit-1-id': 7n, 'limit-1-soft': 64n, 'limit-1-hard': hard });
  assert.equal([message.readInt32LE(28), message.readInt32LE(56)], [2, 7]);
  assert.equal([message.readBigUInt64LE(64), message.readBigUInt64LE(72)], [64n, hard]);
  assert.is(verdictOn(made({ 'limit-1-id': 16n })), -7);
  assert.is(verdictOn(made({ 'limit-1-id': 16n, 'limit-count': 1n })), WHOLE);
});

request('every prefix is incomplete, and a byte more is one too many', () => {
  const message = made({ command: 'true', user: '1000:1000,5', 'argument-bytes': 5n });
  for (let length = 0; length < BYTES; length++) assert.is(verdictOn(message.subarray(0, length)), NEED_MORE);
  assert.is(message.length, BYTES);
  assert.is(sizeOf(codec(), 'request-2'), BYTES);
  assert.is(verdictOn(Buffer.concat([message, Buffer.alloc(1)])), TOO_LONG);
  assert.is(recognise(codec(), message)[0]!.kind, 'request-2');
  message[0] = 9;
  assert.is(recognise(codec(), message)[0]!.kind, 'request-2', 'its size says so');
});

const numbers = NUMBERS.map(([name, , low, high]) => fc.integer({ min: low - 1, max: high + 1 }).map((value) => (
  { name, value, good: value >= low && value <= high }
)));
const changedBytes = fc.array(fc.tuple(fc.integer({ min: 424, max: BYTES - 1 }), fc.integer({ min: 0, max: 255 })), { maxLength: 8 });

request('any numbers and any changed bytes are judged as the drawing says, and make the same bytes again', () => {
  fc.assert(fc.property(fc.tuple(...numbers), changedBytes, (given, changes) => {
    const message = made(Object.fromEntries(given.map(({ name, value }) => [name, BigInt(value)])));
    for (const [at, byte] of changes) message[at] = byte;
    const hasEnds = TEXTS.every(([, at, size]) => message.subarray(at, at + size).includes(0));
    const reading = decode(codec(), 'request-2', message);
    assert.is(reading.verdict === WHOLE, given.every(({ good }) => good) && hasEnds);
    const { kind, given: again } = fromJson(JSON.parse(JSON.stringify(toJson(codec(), reading))));
    assert.ok(message.equals(encode(codec(), kind, again)));
  }), { numRuns: 200 });
});

request.run();
