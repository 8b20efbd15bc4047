/**
 * Outcome of a command or a job, for a host that calls `ending` (assembly/boundary/shim.ts): the raw status of wait(2) if it
 * is known, else one of these. The exit code alone does not distinguish them.
 */
export const enum Ending {
  /** The command or job has not ended. */
  NONE = -1,
  /** Killed by an unknown signal. */
  KILLED = -2,
  /** No process listens on the socket. */
  UNREACHED = -3,
  REFUSED = -4,
  UNANSWERED = -5,
  /** The peer broke the protocol. */
  PROTOCOL = -6,
  /** The request is invalid or too large. */
  USAGE = -7,
  /** The process that would have reported the status ended first. */
  LOST = -8,
  /** A signal stopped the program before the end. */
  STOPPED = -9,
  /** wshd could not start the command, and said why. */
  FAILED = -10,
}
