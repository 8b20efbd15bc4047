/** What holds for any message and any bytes, tried on random ones; a failure prints its seed and the smallest case. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, decodeRequest, encodeRequest, type Request } from '../../src/wire/codec.js';
import { dump, parseHex } from '../../src/wire/hex.js';
import { fromJson, hexOf, toJson } from '../../src/wire/json.js';
import { decode, encode, fieldsOf, type MessageKind, KINDS, type Reading, type Value } from '../../src/wire/message.js';
import { recognise } from '../../src/wire/recognise.js';
import { textOfReading } from '../../src/wire/text.js';
import { REQUEST_BYTES } from './vectors.js';

const properties = suite('properties of the codec');
const WHOLE = 0;

const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'grapheme', maxLength }).map((value) => value.replaceAll('\0', ''));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const limit = fc.record({ id: fc.integer({ min: 0, max: 15 }), soft: u64, hard: u64 }, { noNullPrototype: true });
/** Mostly what fits, and now and then what does not. */
const requests: fc.Arbitrary<Request> = fc.record({
  argv: fc.oneof(
    { weight: 5, arbitrary: fc.array(text(40), { maxLength: 30 }) },
    { weight: 1, arbitrary: fc.array(text(3000), { maxLength: 5, size: 'max' }) },
  ),
  user: text(20), lang: fc.oneof(text(30), text(600)), tty: fc.boolean(), limits: fc.array(limit, { maxLength: 18 }),
}, { noNullPrototype: true });

/** docs/reference/protocol.md §1, once more: 8,192 bytes of arguments, 31 of user, 1,023 of LANG, 16 limits. */
function fits({ argv, user, lang, limits }: Request): boolean {
  return argv.reduce((sum, argument) => sum + Buffer.byteLength(argument) + 1, 0) <= 8192
    && Buffer.byteLength(user) <= 31 && Buffer.byteLength(lang) <= 1023 && limits.length <= 16;
}

properties('a request that fits is read as it was made, any other is not made', () => {
  fc.assert(fc.property(requests, (request) => {
    if (!fits(request)) return assert.throws(() => encodeRequest(request), (error: unknown) => error instanceof RangeError);
    const message = encodeRequest(request);
    assert.is(message.length, REQUEST_BYTES);
    assert.equal(decodeRequest(message), { request });
  }), { numRuns: 500 });
});

properties('a request made field by field is the one that is made as a whole', () => {
  fc.assert(fc.property(requests.filter(fits), (request) => {
    const fields: Record<string, Value> = { arguments: request.argv, user: request.user, lang: request.lang, tty: request.tty ? 1n : 0n };
    for (const [index, { id, soft, hard }] of request.limits.entries()) {
      Object.assign(fields, { [`limit-${index}-id`]: BigInt(id), [`limit-${index}-soft`]: soft, [`limit-${index}-hard`]: hard });
    }
    assert.equal(Buffer.from(encode(codec(), 'request', { fields })), encodeRequest(request));
  }), { numRuns: 200 });
});

/** A good request with some bytes changed, and its end cut off or more behind it. */
const mutated: fc.Arbitrary<Buffer> = fc.tuple(
  requests.filter(fits), fc.array(fc.tuple(fc.nat(REQUEST_BYTES - 1), fc.uint8Array({ maxLength: 24 })), { maxLength: 6 }),
  fc.option(fc.nat(REQUEST_BYTES + 40), { freq: 3 }),
).map(([request, changes, size]) => {
  const message = Buffer.concat([encodeRequest(request), Buffer.alloc(64, 7)]);
  for (const [at, bytes] of changes) message.set(bytes.subarray(0, REQUEST_BYTES - at), at);
  return message.subarray(0, size ?? REQUEST_BYTES);
});
const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 12 }).map(Buffer.from), fc.uint8Array({ maxLength: REQUEST_BYTES + 100, size: 'max' }).map(Buffer.from), mutated,
);

const PLAIN = { bold: same, dim: same, good: same, bad: same };
function same(words: string): string { return words; }

function through(reading: Reading): Buffer {
  const { kind, given } = fromJson(JSON.parse(JSON.stringify(toJson(codec(), reading))));
  return Buffer.from(encode(codec(), kind, given));
}

properties('any bytes have a reading as each kind, which is shown, and makes the same bytes again', () => {
  fc.assert(fc.property(anyBytes, (message) => {
    for (const kind of KINDS) {
      const reading = decode(codec(), kind, message);
      assert.is(reading.size, message.length);
      assert.is(reading.problem === undefined, reading.verdict === WHOLE);
      assert.ok(through(reading).equals(message), kind);
      assertHarmless(textOfReading(codec(), reading, PLAIN));
    }
    const readings = recognise(codec(), message);
    assert.ok(readings.length > 0);
    // What is good comes first, or nothing is, or the bytes are as good as said to be a request.
    assert.ok(readings[0]!.verdict === WHOLE || readings[0]!.kind.startsWith('request') || readings.every(({ verdict }) => verdict !== WHOLE));
  }), { numRuns: 400 });
});

/** Nothing in it moves a terminal's cursor, turns the direction of writing, or comes from the message as it is. */
function assertHarmless(shown: string): void { assert.not.match(shown, /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/); }

properties('the first thing that is wrong is what the whole is refused for', () => {
  fc.assert(fc.property(mutated, (message) => {
    const reading = decode(codec(), 'request', message);
    const { refusal } = decodeRequest(message);
    assert.is(reading.verdict, refusal?.verdict ?? WHOLE);
    if (message.length === REQUEST_BYTES) assert.is(reading.fields.some(({ problem }) => problem !== undefined), reading.verdict !== WHOLE);
  }), { numRuns: 1000 });
});

const numbers: Record<string, readonly [low: bigint, high: bigint]> = {
  'i32': [-(2n ** 31n), 2n ** 31n - 1n], 'big-endian u32': [0n, 2n ** 32n - 1n], 'u64': [0n, 2n ** 64n - 1n],
};

properties('every number field of every kind holds every number of its size, wherever its limits are', () => {
  for (const kind of KINDS) {
    for (const { name, kind: type, range } of fieldsOf(codec(), kind)) {
      const bounds = numbers[type];
      if (bounds === undefined) continue;
      const edges = [bounds[0], bounds[1], 0n, ...(range ?? []).flatMap((edge) => [BigInt(edge) - 1n, BigInt(edge), BigInt(edge) + 1n])];
      const values = fc.oneof(fc.constantFrom(...edges), fc.bigInt({ min: bounds[0], max: bounds[1] }));
      fc.assert(fc.property(values, (value) => {
        const { fields } = decode(codec(), kind, encode(codec(), kind, { fields: { [name]: value } }));
        const field = fields.find((each) => each.field.name === name)!;
        assert.is(field.value, value);
        // A limit's id counts only once it is announced, which the first of them is by being given.
        if (range !== undefined) assert.is(field.problem === undefined, value >= range[0] && value <= range[1], `${name} ${value}`);
      }), { numRuns: 20 });
    }
  }
});

properties('what does not fit a field is refused by name', () => {
  const wrong: [MessageKind, Record<string, Value>, RegExp][] = [
    ['request', { version: 2n ** 32n }, /version: 4294967296 does not fit/],
    ['request', { 'limit-0-soft': -1n }, /limit-0-soft: -1 does not fit/],
    ['request', { user: 'u'.repeat(32) }, /user takes 33 bytes/],
    ['request', { user: 'a\0b' }, /user has a NUL inside/],
    ['request', { arguments: 'one' }, /arguments is a list of texts/],
    ['request', { user: ['one'] }, /user is one text/],
    ['request', { tty: 'yes' }, /tty is a number, not "yes"/],
    ['request', { 'padding-1': new Uint8Array(5) }, /padding-1 takes 5 bytes, and there is room for 4/],
    ['request', { nonsense: 1n }, /a request has no field nonsense; it has version, tty/],
    ['cursor', { stdout: -1n }, /stdout: -1 does not fit/],
    ['stream', { content: 5n }, /content is no number/],
  ];
  for (const [kind, fields, words] of wrong) assert.throws(() => encode(codec(), kind, { fields }), words);
});

const formats: Record<string, (bytes: Buffer) => string> = {
  'digits': (bytes) => hexOf(bytes),
  'digits in pairs, upper case': (bytes) => hexOf(bytes).toUpperCase().replace(/../g, '$& '),
  'numbers of C': (bytes) => Array.from(bytes, (byte) => `0x${hexOf([byte] as unknown as Uint8Array)}`).join(', '),
  'xxd': (bytes) => rows(bytes, (at, row) => `${at.toString(16).padStart(8, '0')}: ${hexOf(row).replace(/.{4}/g, '$& ').trim()}  ${ascii(row)}`),
  'hexdump -C': (bytes) => `${rows(bytes, (at, row) => `${offset(at)}  ${hexOf(row).replace(/../g, '$& ')} |${ascii(row)}|`)}\n${offset(bytes.length)}`,
  'od -Ax -tx1': (bytes) => `${rows(bytes, (at, row) => `${offset(at).slice(2)} ${hexOf(row).replace(/../g, '$& ').trim()}`)}\n${offset(bytes.length).slice(2)}`,
  'strace -xx': (bytes) => `write(3, "${hexOf(bytes).replace(/../g, '\\x$&')}", ${bytes.length}) = ${bytes.length}`,
  'strace': (bytes) => `sendto(3, "${Array.from(bytes, straceByte).join('')}", ${bytes.length}, MSG_NOSIGNAL, NULL, 0) = ${bytes.length}`,
  'socat -x': (bytes) => `> 2026/01/01 00:00:00.000000  length=${bytes.length} from=0 to=${bytes.length - 1}\n ${hexOf(bytes).replace(/../g, '$& ').trim()}\n--`,
};

function offset(at: number): string { return at.toString(16).padStart(8, '0'); }
function ascii(row: Uint8Array): string {
  return Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}
function rows(bytes: Buffer, line: (at: number, row: Buffer) => string): string {
  const starts = Array.from({ length: Math.ceil(bytes.length / 16) }, (_, index) => 16 * index);
  return starts.map((at) => line(at, bytes.subarray(at, at + 16))).join('\n');
}
/** Octal of three digits, as strace writes it before a digit. */
function straceByte(byte: number): string {
  const named: Record<number, string> = { 0x09: '\\t', 0x0a: '\\n', 0x0d: '\\r', 0x22: '\\"', 0x5c: '\\\\' };
  return named[byte] ?? (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
}

for (const [name, format] of Object.entries(formats)) {
  properties(`bytes as ${name} are read back`, () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }).map(Buffer.from), (bytes) => {
      assert.is(hexOf(parseHex(`${format(bytes)}\n`)), hexOf(bytes));
    }), { numRuns: 300 });
  });
}

properties('hexdump and od leave rows out that are like the one before', () => {
  const zeros = '00000000  01 02 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n'
    + '00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n00000040  05  |.|\n00000041\n';
  const expected = Buffer.alloc(0x41);
  expected.set([1, 2]);
  expected[0x40] = 5;
  assert.is(hexOf(parseHex(zeros)), hexOf(expected));
});

properties('a dump shows each byte where it is', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    const shown = dump(bytes, [0, bytes.length]).map((line) => line.slice(8, 56).replace(/\s/g, '')).join('');
    assert.is(shown, hexOf(bytes));
  }));
});

properties.run();
