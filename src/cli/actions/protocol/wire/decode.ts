/** `warden wire decode`: a message field by field. */
import { codec } from '../../../../wire/codec.js';
import { parseHex } from '../../../../wire/hex.js';
import { toJson } from '../../../../wire/json.js';
import { decode as decodeAs, group, type MessageKind, type Reading, sizeOf } from '../../../../wire/message.js';
import { WHOLE } from '../../../../wire/codec-module.js';
import { recognise } from '../../../../wire/recognise.js';
import { textOfReading } from '../../../../wire/text.js';
import { EXIT_FAILED } from '../../../exit-codes.js';
import { print } from '../../../support/print.js';
import { paint, readInput, reporting } from './input.js';
import type { Direction } from './server.js';

export interface DecodeOptions { as?: MessageKind | Direction; hex?: boolean; json?: boolean }

export function decode(file: string | undefined, options: DecodeOptions): Promise<number> {
  return reporting('decode', async () => {
    const input = await readInput(file ?? '-');
    const message = options.hex === true ? parseHex(input.toString('utf8')) : input;
    if (options.as === 'server-requests' || options.as === 'server-responses') {
      return (await import('./server.js')).decodeFrames(Buffer.from(message), options.as, options.json === true);
    }
    const readings = options.as === undefined ? recognise(codec(), message) : [decodeAs(codec(), options.as, message)];
    await print(options.json === true ? json(message, readings) : text(message, readings));
    return readings[0]!.verdict === WHOLE ? 0 : EXIT_FAILED;
  });
}

function json(message: Uint8Array, readings: readonly Reading[]): string {
  return `${JSON.stringify({ bytes: message.length, readings: readings.map((reading) => toJson(codec(), reading)) }, null, 2)}\n`;
}

function text(message: Uint8Array, readings: readonly Reading[]): string {
  const style = paint();
  const texts = readings.map((reading) => textOfReading(codec(), reading, style));
  if (readings.length === 1) return `${texts[0]}\n`;
  const bytes = `${group(message.length)} byte${message.length === 1 ? '' : 's'}`;
  const isGood = readings[0]!.verdict === WHOLE;
  if (!isGood && readings[1]!.verdict === WHOLE) {
    const why = message.length === sizeOf(codec(), readings[0]!.kind) ? 'its size' : 'how it begins';
    const others = readings.slice(1).map(({ kind }) => kind).join(', ');
    return `${texts[0]}\n\n${style.dim(`Taken for a ${readings[0]!.kind} by ${why}; it could also be: ${others} (--as).`)}\n`;
  }
  const several = isGood ? 'can be each of these; --as KIND takes them for one' : 'are no whole message, but can begin each of these';
  return `${[`${bytes} ${several}`, ...texts].join('\n\n')}\n`;
}
