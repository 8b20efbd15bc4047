/** Requests to wshd that are none: each a good one with one thing wrong. docs/reference/protocol.md §1 */
import { providedCodec } from '../../wire/provided.js';
import { encodeRequest } from '../../wire/request.js';
import { Random } from '../kernel/random.js';
import type { Parcel } from './peer.js';
import type { RudePlan, SecondVersion } from './scenario.js';

/** Offsets in the request: assembly/wire/request.ts. */
const AT_VERSION = 0, AT_TTY = 4, AT_ARGUMENT_COUNT = 8, AT_ARGUMENTS = 12, AT_LIMIT_COUNT = 8208, AT_LIMITS = 8216, AT_USER = 8600;
const ARGUMENTS_BYTES = 8192, USER_BYTES = 32, LIMITS_MAX = 16;

/** assembly/wire/request-2.ts, assembly/wire/signal.ts */
const REQUEST_2_BYTES = 13_736, VERSION_BYTES = 4, AT_2_UMASK = 16, AT_2_DESCRIPTOR_COUNT = 416, SIGNAL_BYTES = 12;

let good: Uint8Array | undefined;

/** The bytes that a client with an invalid request sends. */
export function rudeBytes({ sends, bytes }: RudePlan): Uint8Array {
  good ??= encodeRequest(
    providedCodec(), { argv: ['/bin/script', '-c', 'exit 0'], user: '', lang: 'C', tty: false, limits: [{ id: 7, soft: 64n, hard: 64n }] },
  );
  const message = good.slice(), view = new DataView(message.buffer);
  switch (sends) {
    case 'part': return message.subarray(0, bytes);
    case 'garbage': return noise(bytes, good.length);
    case 'long': return Uint8Array.from([...message, 0]);
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

/** Bytes that the seed decides; the first is no protocol version. */
function noise(seed: number, count: number): Uint8Array {
  const random = new Random(seed), bytes = new Uint8Array(count);
  for (let index = 0; index < count; index++) bytes[index] = index === 0 ? 0xff : random.below(256);
  return bytes;
}

/** How a client of protocol 2 sends a request for root's login shell, with descriptors that no wsh sends. */
const SECOND_VERSION: Readonly<Record<SecondVersion, { announces: number; sends: number; late: number; signals?: boolean }>> = {
  given: { announces: 1, sends: 1, late: 0 },
  surplus: { announces: 0, sends: 1, late: 0 },
  tardy: { announces: 0, sends: 0, late: 1 },
  signal: { announces: 0, sends: 0, late: 0, signals: true },
};

function isSecondVersion(sends: RudePlan['sends']): sends is SecondVersion { return sends in SECOND_VERSION; }

/** What a client of protocol 2 sends, part by part; undefined for a client of version 1. */
export function parcelsOf(sends: RudePlan['sends']): Parcel[] | undefined {
  if (!isSecondVersion(sends)) return undefined;
  const plan = SECOND_VERSION[sends], message = new Uint8Array(REQUEST_2_BYTES), view = new DataView(message.buffer);
  view.setInt32(AT_VERSION, 2, true);
  view.setInt32(AT_2_UMASK, -1, true);
  view.setInt32(AT_2_DESCRIPTOR_COUNT, plan.announces, true);
  const last = REQUEST_2_BYTES - 1;
  return [
    { bytes: message.subarray(0, VERSION_BYTES), descriptors: 0 },
    { bytes: message.subarray(VERSION_BYTES, last), descriptors: plan.sends },
    { bytes: message.subarray(last), descriptors: plan.late },
    // Zeros are no signal.
    ...plan.signals === true ? [{ bytes: new Uint8Array(SIGNAL_BYTES), descriptors: 0 }] : [],
  ];
}
