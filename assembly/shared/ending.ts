/**
 * How what a program was asked for came to its end, for a host that asks (`ending`, assembly/shim.ts): the raw status of
 * wait(2) where that is known, else one of these. The exit code alone cannot tell them apart.
 */
export const enum Ending {
  /** Not yet. */
  NONE = -1,
  /** Killed, nobody said by what. */
  KILLED = -2,
  /** Nobody listens there. */
  UNREACHED = -3,
  REFUSED = -4,
  UNANSWERED = -5,
  /** What came is not what the protocol says. */
  PROTOCOL = -6,
  /** What was asked for makes no sense, or does not fit. */
  USAGE = -7,
  /** Whoever was to tell ended before. */
  LOST = -8,
  /** Asked to stop before the end. */
  STOPPED = -9,
}
