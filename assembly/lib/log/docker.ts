/**
 * docker's format "json-file": {"log":"text\n","stream":"stdout","time":"2026-11-30T16:03:02.610768118Z"} and a newline. A record whose text
 * has no newline goes on in the stream's next one. https://docs.docker.com/engine/logging/drivers/json-file/
 */
import { putText } from "../text";
import { putTime, TIME_BYTES } from "./time";

const NEWLINE: u8 = 0x0a;

/** Puts one record; where it ends. */
export function putDockerRecord(out: usize, isStderr: bool, realtimeNs: u64, text: usize, size: u32): usize {
  out = putEscaped(putText(out, "{\"log\":\""), text, text + size);
  out = putText(putText(putText(out, "\",\"stream\":\""), isStderr ? "stderr" : "stdout"), "\",\"time\":\"");
  // In place of +00:00.
  putTime(out, realtimeNs);
  return putText(out + TIME_BYTES - 6, "Z\"}\n");
}

/** What is no UTF-8 becomes the replacement character, as in docker. */
function putEscaped(out: usize, at: usize, end: usize): usize {
  while (at < end) {
    const byte = load<u8>(at);
    if (byte >= 0x80) {
      const length = sequenceAt(at, end);
      if (length == 0) out = putText(out, "\\ufffd");
      for (let i: u32 = 0; i < length; i++) store<u8>(out++, load<u8>(at + i));
      at += max(length, 1);
      continue;
    }
    if (byte == NEWLINE) out = putText(out, "\\n");
    else if (byte == 0x22 || byte == 0x5c) {
      store<u8>(out++, 0x5c);
      store<u8>(out++, byte);
    } else if (byte < 0x20) {
      out = putText(out, "\\u00");
      store<u8>(out++, 0x30 + (byte >> 4));
      store<u8>(out++, (byte & 15) < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15));
    } else store<u8>(out++, byte);
    at++;
  }
  return out;
}

/** Bytes of the UTF-8 sequence; 0 for none. RFC 3629 §4 */
function sequenceAt(at: usize, end: usize): u32 {
  const first = load<u8>(at), length: u32 = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || at + length > end) return 0;
  for (let i: u32 = 1; i < length; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  const second = load<u8>(at + 1);
  // Overlong forms, surrogates, and what lies beyond the last character.
  if (first == 0xe0 && second < 0xa0 || first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90 || first == 0xf4 && second > 0x8f) return 0;
  return length;
}
