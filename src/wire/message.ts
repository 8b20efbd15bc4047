/**
 * Any message of the protocol, field by field: what its bytes say, what is wrong with them, and bytes made of fields. Which
 * fields there are, where, and what may stand in them is told by the compiled codec.
 */
import { bytesOfText, type Codec, NEED_MORE, reasonOf, unsigned, WHOLE } from './codec-module.js';
import { UNLIMITED } from './request.js';

/** `Message` of assembly/codec/fields.ts, in its order. */
export const KINDS = ['request', 'response', 'exit-status', 'status', 'stream', 'cursor', 'request-2', 'record', 'signal'] as const;
export type MessageKind = typeof KINDS[number];
/** `FieldKind` of assembly/codec/fields.ts, in its order. */
const FIELD_KINDS = ['i32', 'u64', 'big-endian u32', 'text', 'texts', 'unused', 'rest'] as const;
export type FieldKind = typeof FIELD_KINDS[number];

export interface Field {
  readonly index: number;
  /** "version"; "limit-3-soft" for what belongs to one of a request's limits. */
  readonly name: string;
  /** Which limit that is. */
  readonly group?: number;
  readonly offset: number;
  /** Of a `rest`, which is what follows, 0. */
  readonly size: number;
  readonly kind: FieldKind;
  /** What may stand in it, both included. */
  readonly range?: readonly [low: number, high: number];
}

/** Numbers, a text, texts; bytes as they are where the others cannot say it. */
export type Value = bigint | string | readonly string[] | Uint8Array;

export interface FieldReading {
  readonly field: Field;
  /** Those that are there: fewer than the field has where the message is cut. */
  readonly bytes: Uint8Array;
  /** Undefined where nothing is to be said: bytes that nobody looks at, or too few of them. */
  readonly value?: Exclude<Value, Uint8Array>;
  /** Whether `value` does not tell all of the bytes. */
  readonly isPartial: boolean;
  /** Why it is refused. */
  readonly problem?: string;
}

export interface Reading {
  readonly kind: MessageKind;
  /** Bytes of all that was given. */
  readonly size: number;
  /** `Verdict`: 0 is a whole, good message, 1 one of which the end is missing. */
  readonly verdict: number;
  /** Why it is refused, in words. */
  readonly problem?: string;
  readonly fields: readonly FieldReading[];
  /** What stands behind the end of the message, and should not. */
  readonly surplus: Uint8Array;
  /** What a status means; the rest says it by its fields. */
  readonly meaning?: string;
}

const UNLIMITED_WORD = 'unlimited';

function number(kind: MessageKind): number { return KINDS.indexOf(kind); }

/** Bytes of a whole message; of a stream, those before its content. */
export function sizeOf(codec: Codec, kind: MessageKind): number { return codec.exports.sizeOfMessage(number(kind)); }

/** Told once: they are the same for every codec. */
const known = new Map<MessageKind, readonly Field[]>();

/** The fields of a message; what the codec is asked next is about this kind. */
export function fieldsOf(codec: Codec, kind: MessageKind): readonly Field[] {
  const count = codec.exports.describe(number(kind));
  const fields = known.get(kind) ?? Array.from({ length: count }, (_, index) => fieldAt(codec, index));
  known.set(kind, fields);
  return fields;
}

function fieldAt(codec: Codec, index: number): Field {
  const { fieldName, fieldGroup, fieldOffset, fieldSize, fieldKind, fieldLow, fieldHigh } = codec.exports;
  const name = codec.name(fieldName(index)) ?? '', limit = fieldGroup(index), low = fieldLow(index), high = fieldHigh(index);
  return {
    index, offset: fieldOffset(index), size: fieldSize(index), kind: FIELD_KINDS[fieldKind(index)]!,
    name: limit < 0 ? name : `limit-${limit}-${name}`,
    ...(limit < 0 ? {} : { group: limit }),
    ...(low > high ? {} : { range: [low, high] as const }),
  };
}

/** What the bytes are when they are taken for a message of this kind; total: every sequence of bytes has a reading. */
export function decode(codec: Codec, kind: MessageKind, message: Uint8Array): Reading {
  const fields = fieldsOf(codec, kind), whole = sizeOf(codec, kind);
  const have = codec.putMessage(message);
  const verdict = codec.exports.judgeMessage(have);
  const readings = fields.map((field) => readField(codec, field, message, have));
  const meaning = meaningOf(codec, kind, message.length, readings);
  return {
    kind, verdict, size: message.length, fields: readings,
    surplus: fields.at(-1)?.kind === 'rest' ? message.subarray(0, 0) : message.slice(whole),
    ...(verdict === WHOLE ? {} : { problem: verdict === NEED_MORE ? missing(message.length, whole) : reasonOf(verdict) }),
    ...(verdict !== WHOLE || meaning === undefined ? {} : { meaning }),
  };
}

function missing(have: number, whole: number): string {
  return have === 0 ? `is empty, ${group(whole)} bytes are missing` : `ends after ${group(have)} of ${group(whole)} bytes`;
}

/** A number for people: 9,656 */
export function group(value: number | bigint): string { return String(value).replace(/\B(?=(\d{3})+$)/g, ','); }

function readField(codec: Codec, field: Field, message: Uint8Array, have: number): FieldReading {
  const bytes = message.slice(field.offset, field.kind === 'rest' ? undefined : field.offset + field.size);
  if (bytes.length < field.size || field.kind === 'rest') return { field, bytes, isPartial: bytes.length > 0 };
  const value = valueOf(codec, field);
  const verdict = codec.exports.judgeField(field.index, have);
  const isPartial = leavesOut(codec, field, bytes, value);
  return {
    field, bytes, isPartial, ...(value === undefined ? {} : { value }),
    ...(verdict === WHOLE ? {} : { problem: problemOf(codec, field, value) }),
  };
}

/** Whether a field's bytes are other than its value makes them. */
function leavesOut(codec: Codec, field: Field, bytes: Uint8Array, value: FieldReading['value']): boolean {
  if (value === undefined) return !isZero(bytes);
  return typeof value !== 'bigint' && !same(bytesOf(codec, field, value), bytes);
}

function valueOf(codec: Codec, field: Field): FieldReading['value'] {
  switch (field.kind) {
    case 'i32': case 'big-endian u32': return codec.exports.fieldNumber(field.index);
    case 'u64': return unsigned(codec.exports.fieldNumber(field.index));
    case 'text': return textsOf(codec, field, 1)[0]!;
    case 'texts': return textsOf(codec, field, codec.exports.argumentCount());
    default: return undefined;
  }
}

/** As many texts as a field holds, `most` if that is a number of texts; one without an end is the last. */
function textsOf(codec: Codec, field: Field, most: number): string[] {
  const texts: string[] = [], at = codec.exports.messageAt() + field.offset;
  let from = 0;
  const last = lastByte(codec.bytes(at, field.size));
  while (from < field.size && (most >= 0 && most <= field.size ? texts.length < most : from <= last)) {
    const length = codec.exports.textLength(field.index, from);
    texts.push(codec.text(at + from, length < 0 ? field.size - from : length));
    from += length < 0 ? field.size : length + 1;
  }
  return texts;
}

/** Where the last byte that is not zero stands; -1 when all are. */
function lastByte(bytes: Uint8Array): number { return bytes.findLastIndex((byte) => byte !== 0); }

function problemOf(codec: Codec, field: Field, value: FieldReading['value']): string {
  if (field.range !== undefined) return `${value} is not allowed: ${rangeInWords(field.range)} is`;
  if (field.kind === 'text') return `has no end: no NUL in its ${group(field.size)} bytes`;
  if (field.kind !== 'texts' || !Array.isArray(value)) return `${value} is the status of no ended process`;
  const count = codec.exports.argumentCount();
  // Either the last one runs into the field's end, or the field ended before all had come.
  return codec.bytes(codec.exports.messageAt() + field.offset, field.size).at(-1) === 0
    ? `${group(count)} are announced, and ${group(value.length)} have an end`
    : `argument ${value.length - 1} has no end: no NUL up to the end of the field, offset ${group(field.offset + field.size)}`;
}

function rangeInWords([low, high]: readonly [number, number]): string { return low === high ? `only ${low}` : `${group(low)} to ${group(high)}`; }

function meaningOf(codec: Codec, kind: MessageKind, size: number, fields: readonly FieldReading[]): string | undefined {
  const value = fields[0]?.value;
  if (kind === 'record') return meaningOfRecord(codec, fields);
  if (kind === 'signal') return codec.name(codec.exports.signalName(Number(fields[1]?.value)));
  if (kind === 'exit-status') return size === 0 ? 'killed by a signal: the pipe ended without a status' : `exited with ${value}`;
  return kind === 'status' && typeof value === 'bigint' ? endingInWords(codec, Number(BigInt.asIntN(32, value))) : undefined;
}

/** `Failure` of assembly/wire/record.ts. */
const FAILURES: ReadonlyMap<number, string> = new Map([
  [1, 'descriptors'], [2, 'session'], [3, 'terminal'], [4, 'limit'], [5, 'supplementary groups'], [6, 'group'], [7, 'user'], [8, 'privileges'],
  [9, 'directory'], [10, 'execute'], [11, 'parent'], [12, 'arguments'], [32, 'request'], [33, 'busy'], [34, 'no such user'], [35, 'no such group'],
  [36, 'accounts'], [37, 'process'],
]);

function meaningOfRecord(codec: Codec, fields: readonly FieldReading[]): string | undefined {
  const valueIn = (name: string): number => Number(fields.find(({ field }) => field.name === name)?.value);
  const failure = valueIn('failure');
  switch (valueIn('kind')) {
    case 1: return 'the command runs';
    case 2: return `failed: ${FAILURES.get(failure) ?? `failure ${failure}`}, errno ${valueIn('errno')}, detail ${valueIn('detail')}`;
    default: return endingInWords(codec, valueIn('status'));
  }
}

/** A raw wait status in words. wait(2) */
function endingInWords(codec: Codec, raw: number): string {
  const { exited, exitCode, signalOf, signalName } = codec.exports;
  const signal = signalOf(raw);
  const words = exited(raw) ? `exited with ${exitCode(raw)}` : `killed by signal ${signal}${parenthesis(codec.name(signalName(signal)))}`;
  return raw >>> 16 === 0 ? words : `${words}; no wait status has anything in its upper 16 bits`;
}

function parenthesis(text: string | undefined): string { return text === undefined ? '' : ` (${text})`; }

/** What a field says besides its value: the limit's name, which terminal. */
export function noteOf(codec: Codec, { field, value }: FieldReading): string | undefined {
  if (typeof value !== 'bigint') return undefined;
  if (field.kind === 'u64') return value === UNLIMITED ? UNLIMITED_WORD : undefined;
  return field.group !== undefined && field.kind === 'i32' ? codec.name(codec.exports.limitName(Number(value))) : undefined;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** The bytes of a field that has this value; a RangeError when it does not fit. */
function bytesOf(codec: Codec, field: Field, value: Value): Uint8Array {
  if (typeof value === 'bigint') return bytesOfNumber(codec, field, value);
  const text = Array.isArray(value) ? value.map((each) => `${each}\0`).join('') : value as string | Uint8Array;
  const content = typeof text === 'string' ? bytesOfText(text) : text;
  const bytes = new Uint8Array(field.size);
  bytes.set(content.subarray(0, field.size));
  return bytes;
}

function bytesOfNumber(codec: Codec, field: Field, value: bigint): Uint8Array {
  const target = codec.bytes(codec.exports.messageAt() + field.offset, field.size), before = target.slice();
  codec.exports.setFieldNumber(field.index, value);
  const bytes = target.slice();
  target.set(before);
  return bytes;
}

export interface Given {
  /** Fields by name; those that are left out are what a good message has there. */
  fields: Readonly<Record<string, Value>>;
  /** Bytes behind the message. */
  surplus?: Uint8Array;
  /** Of all that is made: it is cut, or zeros follow. */
  size?: number;
}

/**
 * The bytes of a message with these fields. Nothing is judged but whether they fit where they stand: a bad message is made as
 * readily as a good one. A RangeError says what does not fit.
 */
export function encode(codec: Codec, kind: MessageKind, given: Given): Uint8Array {
  const fields = fieldsOf(codec, kind);
  const unknown = Object.keys(given.fields).find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined) throw new RangeError(`a ${kind} has no field ${unknown}; it has ${namesOf(fields)}`);
  const values = { ...implied(fields, given.fields), ...given.fields };
  const message = new Uint8Array(sizeOf(codec, kind));
  let rest = new Uint8Array(0);
  for (const field of fields) {
    const value = asNumber(field, values[field.name]);
    if (value === undefined) continue;
    check(field, value);
    if (field.kind === 'rest') rest = restOf(value);
    else message.set(bytesOf(codec, field, value), field.offset);
  }
  const all = joined(message, rest, given.surplus ?? new Uint8Array(0));
  const made = new Uint8Array(given.size ?? all.length);
  made.set(all.subarray(0, made.length));
  return made;
}

function restOf(value: Value): Uint8Array<ArrayBuffer> {
  return new Uint8Array(value instanceof Uint8Array ? value : bytesOfText(String(value)));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Fields that follow from others, or can have one value only. */
function implied(fields: readonly Field[], given: Given['fields']): Record<string, Value> {
  const values: Record<string, Value> = {};
  const limits = fields.filter((field) => field.group !== undefined && given[field.name] !== undefined).map((field) => field.group!);
  for (const [index, field] of fields.entries()) {
    if (field.range !== undefined && field.range[0] === field.range[1]) values[field.name] = BigInt(field.range[0]);
    const texts = field.kind === 'texts' ? given[field.name] : undefined;
    // The number of texts stands in front of them.
    if (Array.isArray(texts)) values[fields[index - 1]!.name] = BigInt(texts.length);
  }
  if (limits.length > 0) values['limit-count'] = BigInt(Math.max(...limits) + 1);
  return values;
}

function namesOf(fields: readonly Field[]): string {
  return fields.filter(({ kind, group: limit }) => kind !== 'unused' && (limit ?? 0) === 0).map(({ name }) => name).join(', ');
}

/** The numbers that fit where they are written; what of them makes sense is another question. */
const NUMBERS: Partial<Record<FieldKind, readonly [low: bigint, high: bigint]>> = {
  'i32': [-(2n ** 31n), 2n ** 32n - 1n], 'big-endian u32': [0n, 2n ** 32n - 1n], 'u64': [0n, 2n ** 64n - 1n],
};

/** Digits for a number: JSON has no larger ones than 2^53. */
function asNumber(field: Field, value: Value | undefined): Value | undefined {
  if (NUMBERS[field.kind] === undefined || typeof value !== 'string') return value;
  if (field.kind === 'u64' && value === UNLIMITED_WORD) return UNLIMITED;
  return /^-?\d{1,20}$/.test(value) ? BigInt(value) : value;
}

function check(field: Field, value: Value): void {
  const numbers = NUMBERS[field.kind];
  if (numbers !== undefined && !(value instanceof Uint8Array)) {
    if (typeof value !== 'bigint') throw new RangeError(`${field.name} is a number, not ${JSON.stringify(value)}`);
    if (value < numbers[0] || value > numbers[1]) throw new RangeError(`${field.name}: ${value} does not fit: ${numbers[0]} to ${numbers[1]} does`);
    return;
  }
  if (typeof value === 'bigint') throw new RangeError(`${field.name} is no number`);
  if (Array.isArray(value) !== (field.kind === 'texts') && !(value instanceof Uint8Array)) {
    throw new RangeError(`${field.name} is ${field.kind === 'texts' ? 'a list of texts' : 'one text'}`);
  }
  if (field.kind !== 'rest') checkSize(field, value);
}

function checkSize(field: Field, value: Exclude<Value, bigint>): void {
  const isRaw = value instanceof Uint8Array;
  const texts = isRaw ? [] : [value].flat();
  if (texts.some((text) => text.includes('\0'))) throw new RangeError(`${field.name} has a NUL inside, which ends a text on the wire`);
  const size = isRaw ? value.length : texts.reduce((sum, text) => sum + bytesOfText(text).length + 1, 0);
  if (size <= field.size) return;
  throw new RangeError(`${field.name} takes ${group(size)} bytes${isRaw ? '' : ', each text\'s NUL counted'}, and there is room for ${group(field.size)}`);
}
