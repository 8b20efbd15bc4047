/** Requests to wshd that are none: each a good one with one thing wrong. docs/protocol.md §1 */
import { encodeRequest } from '../../wire/codec.js';
import { concatenated } from '../binary.js';
import { Random } from '../random.js';
import type { RudePlan } from './scenario.js';

/** As the format has them: assembly/wire/request.ts. */
const AT_VERSION = 0, AT_TTY = 4, AT_ARGUMENT_COUNT = 8, AT_ARGUMENTS = 12, AT_LIMIT_COUNT = 8208, AT_LIMITS = 8216, AT_USER = 8600;
const ARGUMENTS_BYTES = 8192, USER_BYTES = 32, LIMITS_MAX = 16;

let good: Uint8Array | undefined;

/** The bytes that a rude client sends. */
export function rudeBytes({ sends, bytes }: RudePlan): Uint8Array {
  // A Buffer's slice() would be the same bytes once more.
  good ??= Uint8Array.from(encodeRequest(
    { argv: ['/bin/script', '-c', 'exit 0'], user: '', lang: 'C', tty: false, limits: [{ id: 7, soft: 64n, hard: 64n }] },
  ));
  const message = good.slice(), view = new DataView(message.buffer);
  switch (sends) {
    case 'part': return message.subarray(0, bytes);
    case 'garbage': return noise(bytes, good.length);
    case 'long': return concatenated([message, new Uint8Array(1)]);
    case 'version': view.setInt32(AT_VERSION, bytes + 2, true); break;
    case 'tty': view.setInt32(AT_TTY, bytes + 2, true); break;
    case 'arguments': {
      view.setInt32(AT_ARGUMENT_COUNT, 1 + bytes % ARGUMENTS_BYTES, true);
      message.fill(0x78, AT_ARGUMENTS, AT_ARGUMENTS + ARGUMENTS_BYTES);
      break;
    }
    case 'limits': view.setUint32(AT_LIMIT_COUNT, LIMITS_MAX + 1 + bytes, true); break;
    case 'limit': view.setInt32(AT_LIMITS, 16 + bytes, true); break;
    case 'user': message.fill(0x78, AT_USER, AT_USER + USER_BYTES); break;
  }
  return message;
}

/** Bytes of a seed's; the first is no version's. */
function noise(seed: number, count: number): Uint8Array {
  const random = new Random(seed), bytes = new Uint8Array(count);
  for (let index = 0; index < count; index++) bytes[index] = index === 0 ? 0xff : random.below(256);
  return bytes;
}
