/** Readings for people: a row for each field, then what is wrong, with the bytes in question. */
import { dump } from './hex.js';
import { type FieldReading, group, type MessageKind, noteOf, type Reading } from './message.js';
import { bytesOfText, type Codec, textOf, WHOLE } from './codec-module.js';

/** How to make words stand out; each is the identity where that cannot be. */
export interface Paint { bold(text: string): string; dim(text: string): string; good(text: string): string; bad(text: string): string }

const TITLES: Readonly<Record<MessageKind, string>> = {
  'request': 'request, wsh → wshd',
  'response': 'response, wshd → wsh (its descriptors are no bytes, and not shown)',
  'exit-status': 'exit status, wshd → wsh, on the pipe',
  'status': 'status, iomux-spawn → iomux-link, on status.sock',
  'stream': 'stream, iomux-spawn → iomux-link, on stdout.sock or stderr.sock',
  'cursor': 'cursor file of iomux-link',
  'request-2': 'request of protocol 2, wsh → wshd (its descriptors are no bytes, and not shown)',
  'record': 'record of protocol 2, wshd → wsh',
  'signal': 'signal of protocol 2, wsh → wshd',
};
/** Characters of a text, and texts of a field, that are shown. */
const TEXT_MAX = 200, TEXTS_MAX = 200;
const DUMP_BYTES = 64;

/** What "field value" means: docs/reference/protocol.md §1 */
const NOTES: Readonly<Record<string, string>> = {
  'directory ': 'the user\'s home', 'path ': 'the user\'s usual PATH', 'umask -1': '022', 'argument-bytes 0': 'the user\'s login shell',
  'target 0': 'the command', 'target 1': 'its process group',
  'tty 0': 'no terminal', 'tty 1': 'a terminal', 'argument-count 0': 'the user\'s login shell', 'user ': 'root', 'lang ': 'not set',
};

interface Row { offset: number; size: number; name: string; value: string; isBad: boolean; isDim: boolean }

export function textOfReading(codec: Codec, reading: Reading, paint: Paint): string {
  const isGood = reading.verdict === WHOLE;
  const verdict = isGood ? paint.good(reading.meaning ?? 'good') : paint.bad(`bad: it ${reading.problem}`);
  const title = `${paint.bold(TITLES[reading.kind])}: ${group(reading.size)} byte${reading.size === 1 ? '' : 's'}, ${verdict}`;
  // A message may be that there is none.
  if (isGood && reading.size === 0) return title;
  return [title, ...table(rowsOf(codec, reading), paint), ...problemsOf(reading, paint), ...contentOf(reading)].join('\n');
}

function table(rows: readonly Row[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(({ name }) => name.length));
  return ['  offset   size  field', ...rows.map(({ offset, size, name, value, isBad, isDim }) => {
    const line = `  ${String(offset).padStart(6)} ${String(size).padStart(6)}  ${name.padEnd(width)}  ${value}`.trimEnd();
    if (isBad) return paint.bad(line);
    return isDim ? paint.dim(line) : line;
  })];
}

function rowsOf(codec: Codec, reading: Reading): Row[] {
  const rows: Row[] = [];
  const { fields } = reading;
  const limitCount = Number(fields.find(({ field }) => field.name === 'limit-count')?.value ?? 0);
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!, limit = field.field.group;
    if (field.bytes.length < field.field.size) {
      rows.push(cutRow(field), ...(index + 1 < fields.length ? [missingRow(fields.slice(index + 1))] : []));
      break;
    }
    if (limit === undefined || field.problem !== undefined || !isWholeLimit(fields, index)) {
      rows.push(...rowsOfField(codec, field));
    } else {
      const parts = fields.filter((other) => other.field.group === limit);
      rows.push(limitRow(codec, parts, limit < limitCount || limitCount < 0));
      index += parts.length - 1;
    }
  }
  return rows;
}

/** Whether all of a limit begins here, and is there. */
function isWholeLimit(fields: readonly FieldReading[], index: number): boolean {
  const parts = fields.filter(({ field }) => field.group === fields[index]!.field.group);
  return parts[0] === fields[index] && parts.every(({ field, bytes }) => bytes.length === field.size);
}

function limitRow(codec: Codec, parts: readonly FieldReading[], isUsed: boolean): Row {
  const [id, , soft, hard] = parts as [FieldReading, FieldReading, FieldReading, FieldReading];
  const isZero = parts.every(({ bytes }) => bytes.every((byte) => byte === 0));
  const value = `${noteOf(codec, id) ?? 'id'} (${id.value}), soft ${noteOf(codec, soft) ?? soft.value}, hard ${noteOf(codec, hard) ?? hard.value}`;
  const unused = isZero ? 'not used, zero' : `not used, but not zero: ${value}`;
  return {
    offset: id.field.offset, size: parts.reduce((sum, { field }) => sum + field.size, 0), name: `limit-${id.field.group}`,
    value: isUsed ? value : unused, isBad: false, isDim: !isUsed && isZero,
  };
}

function rowsOfField(codec: Codec, reading: FieldReading): Row[] {
  const { field, bytes, value, problem } = reading;
  const size = field.kind === 'rest' ? bytes.length : field.size;
  const row = { offset: field.offset, size, name: field.name, isBad: problem !== undefined, isDim: false };
  if (Array.isArray(value)) return [{ ...row, value: problem ?? '' }, ...rowsOfTexts(reading, value)];
  if (field.kind === 'unused') return [{ ...row, value: reading.isPartial ? 'not zero, which nobody looks at' : 'zero', isDim: !reading.isPartial }];
  if (field.kind === 'rest') return [{ ...row, value: bytes.length === 0 ? 'none yet' : '' }];
  const words = valueWords(codec, reading);
  return [{ ...row, value: problem === undefined ? words : `${words}  <- ${problem}` }];
}

function valueWords(codec: Codec, reading: FieldReading): string {
  const { field, value } = reading;
  const note = noteOf(codec, reading) ?? numberNote(reading) ?? NOTES[`${field.name} ${String(value)}`];
  if (typeof value === 'bigint' && field.kind === 'u64') return note ?? String(value);
  return `${typeof value === 'string' ? textRow(reading, value) : String(value)}${note === undefined ? '' : `  (${note})`}`;
}

/** A status is easier to see in the digits that wait(2) speaks of. */
function numberNote({ field, value }: FieldReading): string | undefined {
  return field.kind === 'big-endian u32' && typeof value === 'bigint' ? `0x${value.toString(16).padStart(8, '0')}` : undefined;
}

function textRow({ isPartial }: FieldReading, value: string): string {
  return `${quoted(value)}${isPartial ? '  (and bytes that are no text, or behind its end)' : ''}`;
}

function rowsOfTexts({ field, isPartial }: FieldReading, texts: readonly string[]): Row[] {
  let offset = field.offset;
  const rows = texts.slice(0, TEXTS_MAX).map((text, index): Row => {
    const size = bytesOfText(text).length + 1;
    const row = { offset, size, name: `  ${index}`, value: quoted(text), isBad: false, isDim: false };
    offset += size;
    return row;
  });
  const more = { offset, name: '  …', isBad: false, isDim: true };
  const left = field.offset + field.size - offset;
  if (texts.length > TEXTS_MAX) return [...rows, { ...more, size: left, value: `and ${group(texts.length - TEXTS_MAX)} more` }];
  if (isPartial) return [...rows, { ...more, size: Math.max(left, 0), value: 'bytes that are no text, or behind the last text\'s end', isDim: false }];
  return left > 0 ? [...rows, { ...more, size: left, value: 'zero' }] : rows;
}

/** What a message holds must not steer the terminal: control characters and those that turn the line round are written out. */
function quoted(text: string): string {
  const shown = JSON.stringify(text.slice(0, TEXT_MAX)).replace(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length > TEXT_MAX ? `${shown}… (${group(text.length)} characters)` : shown;
}

function cutRow({ field, bytes }: FieldReading): Row {
  const begins = field.kind.startsWith('text') && bytes.some((byte) => byte !== 0) ? `: ${quoted(textOf(bytes).replace(/\0+$/, ''))}` : '';
  const value = bytes.length === 0 ? 'missing' : `cut after ${group(bytes.length)} byte${bytes.length === 1 ? '' : 's'}${begins}`;
  return { offset: field.offset, size: field.size, name: field.name, value, isBad: true, isDim: false };
}

function missingRow(fields: readonly FieldReading[]): Row {
  const first = fields[0]!.field, last = fields.at(-1)!.field;
  const name = first === last ? first.name : `${first.name} … ${last.name}`;
  return { offset: first.offset, size: last.offset + last.size - first.offset, name, value: 'missing', isBad: true, isDim: false };
}

function problemsOf(reading: Reading, paint: Paint): string[] {
  const all = new Uint8Array(reading.size), end = reading.size - reading.surplus.length;
  for (const { field, bytes } of reading.fields) all.set(bytes, Math.min(field.offset, end));
  all.set(reading.surplus, end);
  const lines = reading.fields.filter(({ problem }) => problem !== undefined).flatMap(({ field, problem }) => [
    '', paint.bad(`offset ${group(field.offset)}, ${field.name}: ${problem}`), ...around(all, field.offset, field.offset + field.size, paint),
  ]);
  if (reading.surplus.length > 0) {
    lines.push('', paint.bad(`offset ${group(end)}: ${group(reading.surplus.length)} bytes behind the end of the message`));
    lines.push(...around(all, end, all.length, paint));
  }
  const cut = reading.fields.find(({ field, bytes }) => bytes.length < field.size);
  if (cut !== undefined && all.length > 0) {
    const wanted = cut.field.size - cut.bytes.length;
    lines.push('', paint.bad(`offset ${group(all.length)}: the message ends here; ${cut.field.name} wants ${group(wanted)} more bytes`));
    lines.push(...around(all, all.length, all.length, paint));
  }
  return lines;
}

/** The bytes of a place, and some before them. */
function around(bytes: Uint8Array, from: number, to: number, paint: Paint): string[] {
  const first = Math.max(0, from - DUMP_BYTES / 4), end = Math.min(to, from + DUMP_BYTES);
  const rows = dump(bytes, [first, Math.max(end, from)], [from, end], paint.bad);
  return to > end ? [...rows, paint.dim(`        … ${group(to - end)} more bytes`)] : rows;
}

function contentOf({ fields }: Reading): string[] {
  const content = fields.find(({ field }) => field.kind === 'rest')?.bytes;
  if (content === undefined || content.length === 0) return [];
  const more = content.length > 4 * DUMP_BYTES ? [`        … ${group(content.length - 4 * DUMP_BYTES)} more bytes`] : [];
  return ['', 'content', ...dump(content, [0, 4 * DUMP_BYTES]), ...more];
}
