/**
 * Flags as a request, by the message's descriptor: --handle H, --privileged, --rlimits.nofile 100, --bind_mounts[0].src_path P.
 * Sentences are the original client's.
 */
import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { WardenError } from '../../base/errors.js';

function wrong(sentence: string): never { throw new WardenError('USAGE', sentence); }

interface Step { readonly field: DescField; readonly index: number | undefined }

const SEGMENT = /^([a-z_0-9]+)(?:\[([^\]]*)\])?$/;

/** The path that a flag names: a field for each part between dots. */
function pathOf(flag: string, schema: DescMessage): Step[] {
  const steps: Step[] = [];
  let inside: DescMessage | undefined = schema;
  for (const segment of flag.slice(2).split('.')) {
    const [, name, index] = SEGMENT.exec(segment) ?? [];
    const field: DescField | undefined = inside?.fields.find((each) => each.name === name);
    if (!field) wrong(`In flag: '${flag}', the field: '${name ?? segment}' is invalid.`);
    const isList = field.fieldKind === 'list';
    if (isList && index === undefined) wrong(`In flag: '${flag}', the field: '${field.name}' is not indexed.`);
    if (index !== undefined && (!isList || !/^\d{1,6}$/.test(index))) wrong(`In flag: '${flag}', the field: '${field.name}' is not indexed correctly.`);
    steps.push({ field, index: index === undefined ? undefined : Number(index) });
    inside = field.message;
  }
  return steps;
}

const isBoolean = (field: DescField): boolean => field.scalar === ScalarType.BOOL;

/** Largest values of the 32-bit types; the 64-bit ones are unsigned only. */
const RANGES: Partial<Record<ScalarType, readonly [bigint, bigint]>> = {
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n], [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n], [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
};

function valueOf(flag: string, field: DescField, text: string): unknown {
  if (field.enum) {
    return field.enum.values.find(({ name }) => name === text)?.number ?? wrong(`Invalid flag: '${flag}': ${text} is none of ${field.enum.values.map(({ name }) => name).join(', ')}.`);
  }
  if (field.scalar === ScalarType.BYTES) return Buffer.from(text);
  const range = field.scalar === undefined ? undefined : RANGES[field.scalar];
  if (!range) return text;
  const number = /^-?\d+$/.test(text) ? BigInt(text) : wrong(`Invalid flag: '${flag}': ${text} is no whole number.`);
  if (number < range[0] || number > range[1]) wrong(`Invalid flag: '${flag}': ${text} is out of range.`);
  return field.scalar === ScalarType.UINT64 ? number : Number(number);
}

/** Puts the value at its place; indices come in order. */
function put(flag: string, into: Record<string, unknown>, steps: readonly Step[], value: unknown): void {
  const [{ field, index }, ...rest] = steps as [Step, ...Step[]];
  if (rest.length === 0 && field.message) wrong(`Invalid flag: '${flag}'.`);
  if (index === undefined) {
    if (rest.length === 0) into[field.localName] = value;
    else put(flag, (into[field.localName] ??= {}) as Record<string, unknown>, rest, value);
    return;
  }
  const list = (into[field.localName] ??= []) as unknown[];
  if (index > list.length) wrong(`In flag: '${flag}', the field: '${field.name}' is not indexed correctly.`);
  if (rest.length === 0) list[index] = value;
  else put(flag, (list[index] ??= {}) as Record<string, unknown>, rest, value);
}

/** @throws WardenError USAGE */
export function parseFlags(args: readonly string[], schema: DescMessage): MessageShape<DescMessage> {
  const init: Record<string, unknown> = {}, queue = [...args];
  for (let flag = queue.shift(); flag !== undefined; flag = queue.shift()) {
    if (!flag.startsWith('--') || flag === '--') wrong(`Invalid flag: '${flag}'.`);
    const steps = pathOf(flag, schema), { field } = steps.at(-1)!;
    if (isBoolean(field)) {
      put(flag, init, steps, true);
      continue;
    }
    const text = queue.shift() ?? wrong(`Invalid flag: '${flag}'.`);
    put(flag, init, steps, valueOf(flag, field, text));
  }
  return create(schema, build(schema, init) as never);
}

/** The plain object with messages in it; a required field that is missing is named. */
function build(schema: DescMessage, init: Record<string, unknown>): Record<string, unknown> {
  const built: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const value = init[field.localName];
    // LEGACY_REQUIRED
    if (value === undefined && field.presence as number === 3) wrong(`The field: '${field.name}' is required.`);
    if (value === undefined) continue;
    const one = (item: unknown): unknown => {
      if (!field.message) return item;
      return create(field.message, build(field.message, item as Record<string, unknown>) as never);
    };
    built[field.localName] = Array.isArray(value) ? value.map(one) : one(value);
  }
  return built;
}
