/** The JSON reader of assembly/lib/json beside JSON.parse. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { json, read, refusal, textOf, valueOf } from './module.js';

const reader = suite('the JSON reader');

/** What JSON.parse makes of it, with lone surrogates replaced as the reader replaces them; undefined when it refuses it. */
function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text, (_key, value: unknown) => (typeof value === 'string' ? wellFormed(value) : value)) as unknown };
  } catch {
    return undefined;
  }
}

function wellFormed(text: string): string { return Buffer.from(text, 'utf8').toString('utf8'); }

/** What both make of the text is the same. */
function compare(text: string): void {
  const expected = parsed(text), node = read(text);
  if (!expected) return assert.is(typeof node, 'object', `${JSON.stringify(text)} was read`);
  if (typeof node !== 'number') throw new Error(`${JSON.stringify(text)} was refused: ${node.words}`);
  assert.equal(wellFormedKeys(valueOf(node)), wellFormedKeys(expected.value));
}

function wellFormedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(wellFormedKeys);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wellFormed(key), wellFormedKeys(inner)]));
}

reader('reads what JSON.parse reads', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' }), fc.constantFrom(0, 1, '\t'), (value, indent) => {
    compare(JSON.stringify(value, null, indent));
  }), { numRuns: 2000 });
});

/** Pieces that texts are made of, good and bad. */
const PIECES = [
  '{', '}', '[', ']', ',', ':', '"', '""', '"key"', '"a":', 'null', 'true', 'false', 'nul', '0', '-0', '1', '-', '01', '1.5', '.5', '1.', '1e3', '1E+2',
  '1e', '1e-', '18446744073709551616', ' ', '\t', '\n', '\r', '\f', '\\', '"\\n"', '"\\u0041"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"',
  '"\\ud83d\\u0041"',
  '"\\ud83d\\ud83d\\ude00"', '"\\u12"', '"\\x"', '"\u00e9"', '"\u{1f600}"', '"\u0001"', '\u00a0', '\ufeff', '//', 'NaN', '\'a\'',
];

reader('reads and refuses what JSON.parse does, whatever it is made of', () => {
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 });
  fc.assert(fc.property(pieces, (list) => compare(list.join(''))), { numRuns: 20_000 });
});

reader('refuses what has no end at its end', () => {
  fc.assert(fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (value, cut) => {
    const text = Buffer.from(JSON.stringify(value)), end = cut % text.length;
    const { words, offset } = refusal(text.subarray(0, end));
    // A character that is cut through begins before the end.
    if (words !== 'a string is not UTF-8') assert.equal([words, offset], ['the text ends too early', end]);
  }), { numRuns: 1000 });
});

reader('says where a byte stands that cannot be', () => {
  fc.assert(fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), fc.constantFrom(0, 1, '  '), fc.nat(), (value, indent, place) => {
    const text = JSON.stringify(value, null, indent), at = place % (text.length + 1);
    // Not between the halves of a character.
    if ((text.charCodeAt(at) & 0xfc00) === 0xdc00) return;
    const before = text.slice(0, at), { offset, line, column } = refusal(`${before}\u0001${text.slice(at)}`);
    assert.is(offset, Buffer.byteLength(before));
    assert.is(line, before.split('\n').length);
    assert.is(column, [...before.slice(before.lastIndexOf('\n') + 1)].length + 1);
  }), { numRuns: 1000 });
});

const refused: readonly [text: string | number[], words: string, line: number, column: number][] = [
  ['', 'the text ends too early', 1, 1],
  [' \n ', 'the text ends too early', 2, 2],
  ['{"a" 1}', 'a colon is expected', 1, 6],
  ['{a: 1}', 'the name of a member is expected, in double quotes', 1, 2],
  ['{"a": 1,}', 'the name of a member is expected, in double quotes', 1, 9],
  ['[1 2]', 'a comma or the end of the object or array is expected', 1, 4],
  ['[1,\n\n  x]', 'a value is expected', 3, 3],
  ['[1]]', 'something follows the value', 1, 4],
  ['[-]', 'a digit is expected', 1, 3],
  ['["\u00e9\u00e9", 01]', 'a comma or the end of the object or array is expected', 1, 9],
  ['"a\nb"', 'a string has a control character', 1, 3],
  ['"a\\qb"', 'a string has an unknown escape', 1, 4],
  [[0x22, 0xc0, 0x80, 0x22], 'a string is not UTF-8', 1, 2],
  [[0x22, 0xed, 0xa0, 0x80, 0x22], 'a string is not UTF-8', 1, 2],
  [[0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 'a string is not UTF-8', 1, 2],
  [[0x22, 0x80, 0x22], 'a string is not UTF-8', 1, 2],
  [[0x5b, 0x00, 0x5d], 'a value is expected', 1, 2],
  [`${'['.repeat(64)}[`, 'more than 64 objects and arrays are inside each other', 1, 65],
  [`[${'1,'.repeat(70_000)}1]`, 'the text has more values than there is memory for', 1, 2 * 65_535 + 2],
];

for (const [text, words, line, column] of refused) {
  reader(`refuses ${JSON.stringify(typeof text === 'string' ? text.slice(0, 30) : text)}`, () => {
    const found = refusal(typeof text === 'string' ? text : Uint8Array.from(text));
    assert.equal([found.words, found.line, found.column], [words, line, column]);
  });
}

reader('refuses a text that is longer than it may be, without a look at it', () => {
  assert.is(json.readJson(json.textAt(), 2 ** 24 + 1, json.nodesAt(), 16), 0);
  assert.is(json.errorOffset(), 0);
});

reader('keeps 64 objects and arrays apart', () => {
  const text = `${'['.repeat(64)}${']'.repeat(64)}`;
  assert.equal(valueOf(read(text) as number), JSON.parse(text));
});

reader('takes no more nodes than it was given', () => {
  const text = Buffer.from('{"a": [1, 2], "b": {}}');
  for (let most = 0; most <= 8; most++) {
    new Uint8Array(json.memory.buffer, json.textAt(), text.length).set(text);
    new Uint8Array(json.memory.buffer, json.nodesAt(), 16 * 9).fill(0xaa);
    assert.is(json.readJson(json.textAt(), text.length, json.nodesAt(), most), most < 7 ? 0 : 7);
    assert.ok(new Uint8Array(json.memory.buffer, json.nodesAt() + 16 * most, 16).every((byte) => byte === 0xaa));
  }
});

reader('finds the later of two members with one name', () => {
  assert.is(valueOf(json.key(read('{"key": 1, "other": {"key": 3}, "key": [2], "keys": 4}') as number))?.toString(), '2');
  assert.is(json.key(read('{"kex": 1}') as number), 0);
  assert.is(json.key(read('["key", 1]') as number), 0);
});

reader('knows whole numbers from others, and what they fit in', () => {
  const whole = fc.oneof(fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }), fc.constantFrom(
    0n, 2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 64n));
  fc.assert(fc.property(whole, (value) => {
    const node = read(String(value)) as number, isU64 = value >= 0 && value < 2n ** 64n, isI64 = value >= -(2n ** 63n) && value < 2n ** 63n;
    assert.equal([json.jsonIsU64(node), json.jsonIsI64(node)], [Number(isU64), Number(isI64)]);
    if (isU64) assert.is(BigInt.asUintN(64, json.jsonU64(node)), value);
    if (isI64) assert.is(json.jsonI64(node), value);
  }), { numRuns: 2000 });
  for (const text of ['1.0', '1e3', '"1"', 'null', '[1]']) {
    const node = read(text) as number;
    assert.equal([json.jsonIsU64(node), json.jsonIsI64(node)], [0, 0], text);
  }
  assert.is(json.jsonIsI64(read('-0') as number), 1);
});

reader('tells strings that the kernel would cut', () => {
  assert.is(json.jsonIsCString(read('"a\\u0000b"') as number), 0);
  assert.is(json.jsonIsCString(read('"ab"') as number), 1);
  assert.is(json.jsonIsCString(read('7') as number), 0);
});

reader('ends each string with a NUL', () => {
  const node = read('"a\\u00e9\\ud83d\\ude00"') as number;
  assert.is(textOf(node), 'a\u00e9\u{1f600}');
  assert.is(new Uint8Array(json.memory.buffer)[json.jsonText(node) + json.jsonSize(node)], 0);
});

reader('reads every text of the repository that is JSON', () => {
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'asconfig.json']) compare(readFileSync(packageRoot + file, 'utf8'));
});

reader.run();
