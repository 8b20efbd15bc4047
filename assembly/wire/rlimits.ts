/** Resource limits. The ids are Linux's (setrlimit(2)); the limits that a wsh sends, and their defaults: docs/reference/protocol.md §1 */

export const UNLIMITED: u64 = u64.MAX_VALUE;
/** Limits that a wsh sends, in the order of `sentId`. */
export const LIMITS_SENT: u32 = 15;

/** The name of a limit, as setrlimit(2) has it and as a variable of wsh's environment; empty when Linux has none of that id. */
export function limitName(id: i32): string {
  switch (id) {
    case 0: return "RLIMIT_CPU";
    case 1: return "RLIMIT_FSIZE";
    case 2: return "RLIMIT_DATA";
    case 3: return "RLIMIT_STACK";
    case 4: return "RLIMIT_CORE";
    case 5: return "RLIMIT_RSS";
    case 6: return "RLIMIT_NPROC";
    case 7: return "RLIMIT_NOFILE";
    case 8: return "RLIMIT_MEMLOCK";
    case 9: return "RLIMIT_AS";
    case 10: return "RLIMIT_LOCKS";
    case 11: return "RLIMIT_SIGPENDING";
    case 12: return "RLIMIT_MSGQUEUE";
    case 13: return "RLIMIT_NICE";
    case 14: return "RLIMIT_RTPRIO";
    case 15: return "RLIMIT_RTTIME";
    default: return "";
  }
}

const sent = memory.data<u8>([9, 4, 0, 2, 1, 10, 8, 12, 13, 7, 6, 5, 14, 11, 3]);

/** The id of the limit that a wsh sends at this index. */
export function sentId(index: u32): i32 {
  assert(index < LIMITS_SENT, "a wsh sends fewer limits");
  return load<u8>(sent + index);
}

/** The default of a limit, soft and hard. */
export function limitDefault(id: i32): u64 {
  switch (id) {
    case 3: return 8388608;
    case 4: return 0;
    case 6: return 1024;
    case 7: return 1024;
    case 8: return 65536;
    case 11: return 1024;
    case 12: return 819200;
    case 13: return 0;
    case 14: return 0;
    default: return UNLIMITED;
  }
}
