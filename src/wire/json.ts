/** Readings as JSON, and messages made of it: `encode(fromJson(toJson(decode(bytes))))` is the bytes again, good or bad. */
import { type FieldReading, type Given, type MessageKind, KINDS, noteOf, type Reading, type Value } from './message.js';
import { type Codec, WHOLE } from './codec-module.js';

/** The end of a field that is zero is left out of `raw`. */
export interface FieldJson {
  offset: number;
  size: number;
  value?: number | string | readonly string[];
  /** All of its bytes, where the value does not tell them. */
  raw?: string;
  means?: string;
  problem?: string;
}

export interface ReadingJson {
  kind: MessageKind;
  good: boolean;
  bytes: number;
  problem?: string;
  means?: string;
  fields: Record<string, FieldJson>;
  surplus?: string;
}

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += DIGITS[bytes[at]!];
  return text;
}

/** Pairs of hexadecimal digits; undefined when the text is anything else. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

/** What is zero and means nothing is left out: padding, limits that are not used. */
export function toJson(codec: Codec, reading: Reading): ReadingJson {
  const { kind, size, verdict, problem, meaning, surplus } = reading;
  const shown = reading.fields.filter((field) => !isUnsaid(field));
  return {
    kind, good: verdict === WHOLE, bytes: size,
    ...(problem === undefined ? {} : { problem }),
    ...(meaning === undefined ? {} : { means: meaning }),
    fields: Object.fromEntries(shown.map((field) => [field.field.name, fieldToJson(codec, field)])),
    ...(surplus.length === 0 ? {} : { surplus: hexOf(surplus) }),
  };
}

function isUnsaid({ field, bytes, problem }: FieldReading): boolean {
  if (field.kind === 'rest') return bytes.length === 0;
  return problem === undefined && (field.kind === 'unused' || field.group !== undefined) && bytes.every((byte) => byte === 0)
    && bytes.length === field.size;
}

function fieldToJson(codec: Codec, reading: FieldReading): FieldJson {
  const { field, value, bytes, isPartial, problem } = reading, means = noteOf(codec, reading);
  return {
    offset: field.offset, size: field.kind === 'rest' ? bytes.length : field.size,
    ...(value === undefined ? {} : { value: typeof value === 'bigint' ? numberToJson(value) : value }),
    ...(isPartial ? { raw: hexOf(field.kind === 'rest' ? bytes : withoutZeros(bytes)) } : {}),
    ...(means === undefined ? {} : { means }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** JSON's numbers are exact up to 2^53; larger ones are written as digits. */
function numberToJson(value: bigint): number | string { return Number.isSafeInteger(Number(value)) ? Number(value) : String(value); }

function withoutZeros(bytes: Uint8Array): Uint8Array { return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1); }

/**
 * The inverse. Written by hand, a field may also be just its value, and what follows from others may be left out. Of an
 * answer of `warden wire decode --json` the first reading is taken. A RangeError says what is wrong.
 */
export function fromJson(json: unknown): { kind: MessageKind; given: Given } {
  const top = asObject('the message', json);
  const reading = Array.isArray(top.readings) ? asObject('the first reading', top.readings[0]) : top;
  const kind = KINDS.find((known) => known === reading.kind);
  if (kind === undefined) throw new RangeError(`"kind" is ${JSON.stringify(reading.kind)}; it is one of ${KINDS.join(', ')}`);
  const fields = Object.entries(asObject('"fields"', reading.fields ?? {}))
    .map(([name, field]) => [name, valueFromJson(name, field)] as const);
  return {
    kind,
    given: {
      fields: Object.fromEntries(fields.filter((entry): entry is [string, Value] => entry[1] !== undefined)),
      ...(reading.surplus === undefined ? {} : { surplus: hexFromJson('surplus', reading.surplus) }),
      ...(reading.bytes === undefined ? {} : { size: sizeFromJson(reading.bytes) }),
    },
  };
}

function asObject(what: string, json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new RangeError(`${what} is not a JSON object`);
  return json as Record<string, unknown>;
}

/** More than any message has, and what a file may sensibly be. */
export const SIZE_MAX = 1 << 26;

function sizeFromJson(json: unknown): number {
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= SIZE_MAX) return json;
  throw new RangeError(`"bytes" is ${JSON.stringify(json)}; it is a number from 0 to ${SIZE_MAX}`);
}

function valueFromJson(name: string, json: unknown): Value | undefined {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    const { raw, value } = json as Record<string, unknown>;
    if (raw !== undefined) return hexFromJson(`${name}.raw`, raw);
    return value === undefined ? undefined : valueFromJson(name, value);
  }
  const value = plainValue(json);
  if (value === undefined) throw new RangeError(`${name} is ${JSON.stringify(json)}, which is no value of a field`);
  return value;
}

function plainValue(json: unknown): Value | undefined {
  if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json === 'boolean') return json ? 1n : 0n;
  if (typeof json === 'string') return json;
  return Array.isArray(json) && json.every((text) => typeof text === 'string') ? json : undefined;
}

function hexFromJson(name: string, json: unknown): Uint8Array {
  const bytes = typeof json === 'string' ? bytesOfHex(json) : undefined;
  if (bytes === undefined) throw new RangeError(`${name} is not a text of pairs of hexadecimal digits`);
  return bytes;
}
