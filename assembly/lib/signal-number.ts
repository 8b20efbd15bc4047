/** Signal numbers by name, for programs whose users name signals. */
import { SIGNAL_MAX, signalName } from "./signal";

/** The number of a signal's name, with or without "SIG"; also RTMIN+N and RTMAX-N of the C library. -1 for an unknown name. */
export function signalNumber(name: usize): i32 {
  const at = begins(name, "SIG") ? name + 3 : name;
  for (let signal = 1; signal <= 31; signal++) if (namedSo(at, fullName(signal))) return signal;
  return begins(at, "RTMIN") || begins(at, "RTMAX") ? realTime(at) : -1;
}

/** Reads no further than the text's end. */
function begins(text: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(text + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

const RTMIN: i32 = 34;

function realTime(at: usize): i32 {
  const isLeast = load<u8>(at + 3) == 0x49, sign = load<u8>(at + 5);
  if (sign == 0) return isLeast ? RTMIN : SIGNAL_MAX;
  const tens = load<u8>(at + 6) - 0x30;
  if (sign != (isLeast ? 0x2b : 0x2d) || tens > 9) return -1;
  const ones = load<u8>(at + 7) - 0x30, more = load<u8>(at + 7) == 0 ? <i32>tens : <i32>tens * 10 + ones;
  if (load<u8>(at + 7) != 0 && (ones > 9 || load<u8>(at + 8) != 0)) return -1;
  const signal = isLeast ? RTMIN + more : SIGNAL_MAX - more;
  return signal >= RTMIN && signal <= SIGNAL_MAX ? signal : -1;
}

function fullName(signal: i32): string {
  switch (signal) {
    case 17: return "SIGCHLD";
    case 18: return "SIGCONT";
    case 19: return "SIGSTOP";
    case 20: return "SIGTSTP";
    case 21: return "SIGTTIN";
    case 22: return "SIGTTOU";
    case 23: return "SIGURG";
    case 28: return "SIGWINCH";
    default: return signalName(signal);
  }
}

/** Whether the text is the name without its "SIG". */
function namedSo(text: usize, name: string): bool {
  for (let i = 3; i < name.length; i++) if (load<u8>(text + i - 3) != <u8>name.charCodeAt(i)) return false;
  return load<u8>(text + name.length - 3) == 0;
}
