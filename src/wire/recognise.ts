/** What bytes of which nobody says what they are could be. */
import { decode, KINDS, type Reading, sizeOf } from './message.js';
import { type Codec, NEED_MORE, WHOLE } from './codec-module.js';

/** Fields at a message's beginning that, when all are right, are no accident. */
const TELLING_FIELDS = 2;

/**
 * The readings that fit, the likeliest first; at least one. Of what is as long as a message of one kind only, or begins
 * like a request, that comes first, right or wrong; short messages can be several things, and then all of them come.
 */
export function recognise(codec: Codec, message: Uint8Array): Reading[] {
  const readings = KINDS.map((kind) => decode(codec, kind, message)).sort((a, b) => Number(isOpen(a)) - Number(isOpen(b)));
  const request = readings[0]!;
  if (request.verdict === WHOLE) return [request];
  const good = readings.filter(({ verdict }) => verdict === WHOLE);
  if (message.length === sizeOf(codec, 'request') || beginsLike(request)) return [request, ...good];
  const request2 = readings.find(({ kind }) => kind === 'request-2')!;
  if (message.length === sizeOf(codec, 'request-2')) return [request2, ...good.filter((reading) => reading !== request2)];
  return good.length > 0 ? good : readings.filter(({ verdict }) => verdict === NEED_MORE);
}

/** Whether it may have any length, and so could be nearly anything. */
function isOpen({ fields }: Reading): boolean { return fields.at(-1)!.field.kind === 'rest'; }

/** Whether the first fields are there, and right. */
function beginsLike(reading: Reading): boolean {
  const first = reading.fields.slice(0, TELLING_FIELDS);
  return first.every(({ value, problem }) => value !== undefined && problem === undefined);
}
