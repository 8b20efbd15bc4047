/** RFC 3339 with nine digits of a second, in UTC. Some readers of container logs reject any other number of digits. */

/** "2026-11-30T16:03:02.610768118+00:00" */
export const TIME_BYTES: u32 = 35;
const SECOND_NS: u64 = 1_000_000_000;
const DAY_SECONDS: u64 = 86_400;

const text = memory.data(40, 8);
let textSecond: u64 = u64.MAX_VALUE;

/** Puts the time at `at`; returns its end. */
export function putTime(at: usize, realtimeNs: u64): usize {
  const second = realtimeNs / SECOND_NS;
  if (second != textSecond) setSecond(second);
  memory.copy(at, text, TIME_BYTES);
  putPadded(at + 20, <u32>(realtimeNs % SECOND_NS), 9);
  return at + TIME_BYTES;
}

function setSecond(second: u64): void {
  textSecond = second;
  const inDay = <u32>(second % DAY_SECONDS);
  putDate(text, <u32>(second / DAY_SECONDS));
  store<u8>(text + 10, 0x54); // T
  putPadded(text + 11, inDay / 3600, 2);
  store<u8>(text + 13, 0x3a);
  putPadded(text + 14, inDay / 60 % 60, 2);
  store<u8>(text + 16, 0x3a);
  putPadded(text + 17, inDay % 60, 2);
  store<u8>(text + 19, 0x2e);
  // +00:00
  store<u8>(text + 29, 0x2b);
  putPadded(text + 30, 0, 2);
  store<u8>(text + 32, 0x3a);
  putPadded(text + 33, 0, 2);
}

/** Converts days since 1970-01-01 to YYYY-MM-DD, with years that begin in March, in eras of 400 years. */
function putDate(at: usize, days: u32): void {
  const shifted = days + 719_468, era = shifted / 146_097, ofEra = shifted % 146_097;
  const yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365;
  const ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100), fromMarch = (5 * ofYear + 2) / 153;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  putPadded(at, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4);
  store<u8>(at + 4, 0x2d);
  putPadded(at + 5, month, 2);
  store<u8>(at + 7, 0x2d);
  putPadded(at + 8, ofYear - (153 * fromMarch + 2) / 5 + 1, 2);
}

function putPadded(at: usize, value: u32, digits: u32): void {
  while (digits > 0) {
    store<u8>(at + --digits, 0x30 + <u8>(value % 10));
    value /= 10;
  }
}
