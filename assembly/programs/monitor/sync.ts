/**
 * Messages for who started the monitor, one JSON object and a newline each: {"data": PID}, {"data": -1, "message": TEXT}.
 * The pipe may be a SOCK_SEQPACKET socket, so a message is one write, and a reader's buffer of 4,096 bytes has to hold it.
 */
import { write } from "../../boundary/shim";
import { putDigits, putText } from "../../lib/text";
import { isGiven } from "./options";
import { Option } from "./option-names";

const MESSAGE_BYTES: u32 = 4096;
/** The longest escape of one byte, and the message's end. */
const TAIL_BYTES: u32 = 16;
const message = memory.data(MESSAGE_BYTES);

/** Reports a number, and why when it is negative; `text` is not NUL-terminated. */
export function report(handle: i32, number: i32, text: usize = 0, size: u32 = 0): void {
  if (handle <= 0) return;
  // Who calls with --api-version reads "data", others the older names.
  let end = putText(message, isGiven(Option.API_VERSION) ? "{\"data\": " : isGiven(Option.EXEC) ? "{\"exit_code\": " : "{\"pid\": ");
  if (number < 0) end = putText(end, "-");
  end = putDigits(end, <u64>abs(<i64>number));
  if (text != 0) end = putText(putEscaped(putText(end, ", \"message\": \""), text, size), "\"");
  end = putText(end, "}\n");
  // A reader that is gone does not want the number any more: podman reads a command's exit file instead.
  write(handle, message, <u32>(end - message));
}

/** As much of the text as the message has room for. JSON, RFC 8259 §7 */
function putEscaped(at: usize, text: usize, size: u32): usize {
  for (let i: u32 = 0; i < size && at < message + MESSAGE_BYTES - TAIL_BYTES; i++) {
    const byte = load<u8>(text + i);
    if (byte == 0x22 || byte == 0x5c) {
      store<u8>(at++, 0x5c);
      store<u8>(at++, byte);
    } else if (byte == 0x0a) at = putText(at, "\\n");
    else if (byte == 0x09) at = putText(at, "\\t");
    else if (byte == 0x0d) at = putText(at, "\\r");
    else if (byte < 0x20) {
      at = putText(at, "\\u00");
      store<u8>(at++, 0x30 + (byte >> 4));
      store<u8>(at++, (byte & 15) < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15));
    } else store<u8>(at++, byte);
  }
  return at;
}
