/** What went wrong, for programs: */
export type WardenErrorCode =
  /** What was asked for makes no sense, or does not fit; nothing was touched. */
  | 'USAGE'
  /** This machine, or this user, cannot have containers, or not with these limits. */
  | 'UNSUPPORTED'
  /** The directory of the containers' directories cannot be used. */
  | 'DEPOT'
  /** There is a container or a job of this name already. */
  | 'EXISTS'
  /** There is no such container, job or cgroup. */
  | 'NOT_FOUND'
  | 'START_FAILED'
  /** The container's first process has ended, or nobody listens on a job's sockets any more. */
  | 'ENDED'
  /** wshd took the request and closed the connection. */
  | 'REFUSED'
  /** Whoever serves did not answer in time. */
  | 'TIMED_OUT'
  /** What came is not what the protocol says. */
  | 'PROTOCOL'
  /** A job's status never came, or not all that a command read or wrote came through. */
  | 'LOST'
  /** The caller's AbortSignal. */
  | 'ABORTED'
  /** A module, or its host, failed. */
  | 'INTERNAL'
  /** The command could not be handed to wsh. */
  | 'WSH'
  /** Something of the container is left over. */
  | 'NOT_REMOVED';

/** Every failure of the library: a code for programs, a sentence that says what to do for people. */
export class WardenError extends Error {
  override readonly name = 'WardenError';

  constructor(readonly code: WardenErrorCode, sentence: string, options?: ErrorOptions) { super(sentence, options); }

  get isUsage(): boolean { return this.code === 'USAGE'; }
  get isUnsupported(): boolean { return this.code === 'UNSUPPORTED'; }
  get isNotFound(): boolean { return this.code === 'NOT_FOUND'; }
  get isEnded(): boolean { return this.code === 'ENDED'; }
  get isAborted(): boolean { return this.code === 'ABORTED'; }
  get timedOut(): boolean { return this.code === 'TIMED_OUT'; }
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

const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** That this process has nothing left to look with does not say that there is nothing: what lives would be taken for dead, and swept away. */
export function throwIfExhausted(error: unknown): void {
  if (!EXHAUSTED.has(errnoOf(error))) return;
  throw new WardenError('UNSUPPORTED', `cannot look at what is there: ${reason(error)}; the limits are ulimit -n and fs.file-max`, { cause: error });
}

/** What can be read; undefined when it is not there, or makes no sense. */
export function ifReadable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    throwIfExhausted(error);
    return undefined;
  }
}

/** What to do about a program of ours that cannot be executed. */
export function adviceOn(errno: string | undefined): string {
  return errno === 'ENOENT' ? '; are the native programs built? (npm run build)' : '';
}

/** Runs a call for its effect; that there was nothing (any more) is fine. */
export function unlessMissing(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
