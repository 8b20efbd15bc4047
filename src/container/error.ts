/** What went wrong, for programs: */
export type WardenErrorCode =
  /** What was asked for makes no sense; nothing was touched. */
  | 'USAGE'
  /** This machine, or this user, cannot have containers. */
  | 'UNSUPPORTED'
  | 'DEPOT'
  | 'START_FAILED'
  /** The caller's AbortSignal. */
  | 'ABORTED'
  /** The command could not be handed to wsh. */
  | 'WSH'
  /** Something of the container is left over. */
  | 'NOT_REMOVED';

/** Every failure of the library: a code for programs, a sentence that says what to do for people. */
export class WardenError extends Error {
  override readonly name = 'WardenError';

  constructor(readonly code: WardenErrorCode, sentence: string, options?: ErrorOptions) { super(sentence, options); }

  get isUsage(): boolean { return this.code === 'USAGE'; }
}

/** The code of a failed system call: "ENOENT"; undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : undefined;
}

/** "ENOENT: no such file or directory", without the path and the call that Node adds. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return errnoOf(error) === undefined ? text : text.replace(/, \w+( '[^]*)?$/, '');
}

/** Runs a call for its effect; that there was nothing (any more) is fine. */
export function unlessMissing(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
