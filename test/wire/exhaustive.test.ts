/**
 * Every prefix and every single changed bit of each real message. What must come of them is said by the layouts as the
 * specification draws them, which are stated here once more: the codec is held against them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, decodeRequest, type Request } from '../../src/wire/codec.js';
import { decode, encode, type MessageKind, KINDS, type Reading } from '../../src/wire/message.js';
import { fromJson, hexOf, toJson } from '../../src/wire/json.js';
import { recognise } from '../../src/wire/recognise.js';
import { bytesOf, messages, REQUEST_BYTES, requestOf, vectors } from './vectors.js';

const exhaustive = suite('every prefix, every bit');
const WHOLE = 0, NEED_MORE = 1;

/** Where the fields of a request begin, and what a changed bit in each can lead to. docs/reference/protocol.md §1 */
const PLACES: readonly [at: number, name: string, verdicts: readonly number[]][] = [
  [0, 'version', [-2]], [4, 'tty', [WHOLE, -3]], [8, 'argument count', [WHOLE, -4, -5]], [12, 'arguments', [WHOLE, -5]], [8204, 'padding', [WHOLE]],
  [8208, 'limit count', [WHOLE, -6, -7]], [8212, 'padding', [WHOLE]], [8216, 'limits', [WHOLE, -7]], [8600, 'user', [WHOLE, -8]],
  [8632, 'LANG', [WHOLE, -9]], [9656, 'end', []],
];
/** The part of a request that a place says, and no other. */
const SAYS: Record<string, (keyof Request)[]> = {
  'tty': ['tty'], 'argument count': ['argv'], 'arguments': ['argv'], 'limit count': ['limits'], 'limits': ['limits'], 'user': ['user'], 'LANG': ['lang'],
};

function placeOf(offset: number): { name: string; verdicts: readonly number[] } {
  const [, name, verdicts] = PLACES.findLast(([at]) => at <= offset)!;
  return { name, verdicts };
}

/** Verdicts on all messages that differ from this one in a bit, without a copy for each. */
function flip(message: Buffer, see: (offset: number, bit: number, changed: Buffer) => void): number {
  const changed = Buffer.from(message);
  for (let bit = 0; bit < 8 * message.length; bit++) {
    const offset = bit >> 3, mask = 1 << (bit & 7);
    changed[offset]! ^= mask;
    see(offset, bit & 7, changed);
    changed[offset]! ^= mask;
  }
  return 8 * message.length;
}

for (const vector of vectors) {
  const message = bytesOf(vector), original = requestOf(vector);

  exhaustive(`${vector.file}: each of its ${REQUEST_BYTES} prefixes is the beginning of a request, and no more`, () => {
    for (let length = 0; length < message.length; length++) {
      const { request, refusal } = decodeRequest(message.subarray(0, length));
      if (request !== undefined || !refusal.incomplete || refusal.verdict !== NEED_MORE) assert.unreachable(`of ${length} bytes`);
    }
  });

  exhaustive(`${vector.file}: a changed bit changes its own field alone, or is refused for it`, () => {
    const texts = textsOf(original);
    let refused = 0;
    const total = flip(message, (offset, bit, changed) => {
      const { name, verdicts } = placeOf(offset), { request, refusal } = decodeRequest(changed);
      const what = `bit ${bit} of offset ${offset}, ${name}`;
      if (!verdicts.includes(refusal?.verdict ?? WHOLE)) assert.unreachable(`${what}: verdict ${refusal?.verdict ?? WHOLE}`);
      if (request === undefined) return void refused++;
      const now = textsOf(request), changedParts = (Object.keys(now) as (keyof Request)[]).filter((part) => now[part] !== texts[part]);
      if (!changedParts.every((part) => SAYS[name]?.includes(part))) assert.unreachable(`${what} changed ${changedParts.join()}`);
      if (offset < usedBytes(original) && changedParts.length === 0) assert.unreachable(`${what} changed nothing`);
    });
    assert.is(total, 8 * REQUEST_BYTES);
    // All of the version's, and the upper bits of tty and of both counts.
    assert.ok(refused > 32 + 31 + 18 + 27, `${refused} were refused`);
  });
}

/** Each part as one text: cheaper to compare half a million times. */
function textsOf({ argv, user, lang, tty, limits }: Request): Record<keyof Request, string> {
  return {
    argv: `${argv.length}\0${argv.join('\0')}`, user, lang, tty: String(tty), limits: limits.map(({ id, soft, hard }) => `${id} ${soft} ${hard}`).join(),
  };
}

/** Up to here every byte of a request is looked at: the end of its last argument. */
function usedBytes({ argv }: Request): number { return 12 + argv.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0); }

exhaustive('a sample of them field by field: what is refused is shown at its place, and all make the same bytes again', () => {
  for (const vector of vectors) {
    const message = bytesOf(vector);
    // Every bit where the numbers stand, and of every 97th byte elsewhere.
    const changed = Buffer.from(message);
    for (let offset = 0; offset < message.length; offset += offset < 16 || (offset >= 8200 && offset < 8240) ? 1 : 97) {
      for (let bit = 0; bit < 8; bit++) {
        changed[offset]! ^= 1 << bit;
        const reading = decode(codec(), 'request', changed);
        checkProblems(reading, offset);
        assert.ok(again(reading).equals(changed), `bit ${bit} of offset ${offset} is lost on the way through JSON`);
        changed[offset]! ^= 1 << bit;
      }
    }
  }
});

function checkProblems({ verdict, problem, fields }: Reading, offset: number): void {
  const wrong = fields.filter((field) => field.problem !== undefined);
  assert.is(wrong.length > 0, verdict < 0, `offset ${offset}`);
  assert.is(problem !== undefined, verdict !== WHOLE, `offset ${offset}`);
  for (const { field } of wrong) {
    // A count, or an id among limits that a changed count announces, is wrong where it stands, not where the bit is.
    const isThere = field.offset <= offset && offset < field.offset + field.size;
    const isAnnounced = placeOf(offset).name.endsWith('count') && field.offset > offset;
    assert.ok(isThere || isAnnounced, `${field.name} is blamed for offset ${offset}`);
  }
}

function again(reading: Reading): Buffer {
  const { kind, given } = fromJson(JSON.parse(JSON.stringify(toJson(codec(), reading))));
  return Buffer.from(encode(codec(), kind, given));
}

for (const { name, kind, hex, fields, means } of messages) {
  exhaustive(`${name}: what it says`, () => {
    const message = Buffer.from(hex, 'hex'), reading = decode(codec(), kind, message);
    assert.is(reading.verdict, WHOLE);
    assert.is(reading.meaning, means);
    assert.equal(said(reading), fields);
    assert.ok(again(reading).equals(message));
    assert.ok(recognise(codec(), message).some((other) => other.kind === kind));
  });
}

function said({ fields }: Reading): Record<string, unknown> {
  return Object.fromEntries(fields.filter(({ bytes }) => bytes.length > 0).map(({ field, value, bytes }) => (
    [field.name, typeof value === 'bigint' ? Number(value) : value ?? hexOf(bytes)]
  )));
}

/** What a short message of a kind may be: the sizes, then the numbers, as the specification has them. */
const RULES: Record<Exclude<MessageKind, 'request'>, { verdict(message: Buffer): number }> = {
  'response': { verdict: (message) => size(message, 4) || (message.readInt32LE() === 1 ? WHOLE : -2) },
  'exit-status': { verdict: (message) => (message.length === 0 ? WHOLE : size(message, 4) || (message.readUInt32LE() < 256 ? WHOLE : -10)) },
  'status': { verdict: (message) => size(message, 4) || ((message[3]! & 0x7f) <= 64 ? WHOLE : -11) },
  'stream': { verdict: (message) => (message.length < 4 ? NEED_MORE : WHOLE) },
  'cursor': { verdict: (message) => size(message, 8) },
  'request-2': { verdict: () => NEED_MORE },
  'record': { verdict: (message) => size(message, 48) || firstWrong(message, [[2, 2, -19], [1, 3, -27], [0, 37, -28], [0, 4095, -29]]) || (
    (message.readInt32LE(20) & 0x7f) <= 64 ? WHOLE : -30) },
  'signal': { verdict: (message) => size(message, 12) || firstWrong(message, [[2, 2, -19], [1, 64, -31], [0, 1, -32]]) },
};

function size(message: Buffer, whole: number): number {
  if (message.length < whole) return NEED_MORE;
  return message.length > whole ? -1 : WHOLE;
}

/** Of numbers that stand back to back, the verdict on the first that is out of its range. */
function firstWrong(message: Buffer, ranges: readonly (readonly [low: number, high: number, verdict: number])[]): number {
  const index = ranges.findIndex(([low, high], place) => message.readInt32LE(4 * place) < low || message.readInt32LE(4 * place) > high);
  return ranges[index]?.[2] ?? WHOLE;
}

exhaustive('short messages, their prefixes, changed bits and bytes too many, as each kind', () => {
  let count = 0;
  const judge = (message: Buffer): void => {
    for (const kind of KINDS) {
      const reading = decode(codec(), kind, message);
      const expected = kind === 'request' ? NEED_MORE : RULES[kind].verdict(message);
      assert.is(reading.verdict, expected, `${message.toString('hex')} as ${kind}`);
      assert.ok(again(reading).equals(message), `${message.toString('hex')} as ${kind}`);
      count++;
    }
    assert.ok(recognise(codec(), message).length > 0);
  };
  for (const { hex } of messages) {
    const message = Buffer.from(hex, 'hex');
    for (let length = 0; length <= message.length; length++) judge(message.subarray(0, length));
    flip(message, (_offset, _bit, changed) => judge(changed));
    judge(Buffer.concat([message, Buffer.of(0)]));
  }
  assert.ok(count > 3_000, `${count} readings`);
});

exhaustive('every exit status and every raw status of 16 bits', () => {
  for (let code = -1; code <= 256; code++) {
    const message = encode(codec(), 'exit-status', { fields: { 'exit-status': BigInt(code) } });
    assert.is(decode(codec(), 'exit-status', message).verdict, code < 0 || code > 255 ? -10 : WHOLE);
  }
  for (let raw = 0; raw < 1 << 16; raw += raw < 512 ? 1 : 37) {
    const { verdict, meaning } = decode(codec(), 'status', encode(codec(), 'status', { fields: { status: BigInt(raw) } }));
    const signal = raw & 0x7f;
    assert.is(verdict, signal > 64 ? -11 : WHOLE, String(raw));
    if (verdict === WHOLE) assert.match(meaning!, signal === 0 ? new RegExp(`^exited with ${raw >> 8}$`) : new RegExp(`^killed by signal ${signal}\\b`));
  }
});

exhaustive.run();
