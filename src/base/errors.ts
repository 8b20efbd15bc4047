/** The library's errors, and what Node's errors mean. */

/** What failed, for programs: */
export type WardenErrorCode =
  /** An argument is invalid, or too large; nothing was changed. */
  | 'USAGE'
  /** This machine, or this user, cannot have containers, or not with these limits. */
  | 'UNSUPPORTED'
  /** The depot (the directory with the containers' directories) cannot be used. */
  | 'DEPOT_UNUSABLE'
  /** A container or a job with this id exists. */
  | 'EXISTS'
  /** There is no such container, job or cgroup. */
  | 'NOT_FOUND'
  | 'START_FAILED'
  /** The container's init has ended, or nothing listens on a job's sockets any more. */
  | 'ENDED'
  /** wshd accepted the request and closed the connection. */
  | 'REFUSED'
  /** The other side did not answer in time. */
  | 'TIMED_OUT'
  /** The other side violated the protocol. */
  | 'PROTOCOL'
  /** A job's status never arrived, or not all bytes that a command read or wrote were delivered. */
  | 'LOST'
  /** The caller's AbortSignal was aborted. */
  | 'ABORTED'
  /** A module, or its host, failed. */
  | 'INTERNAL'
  /** The native wsh, which would have run the command, could not be executed. */
  | 'EXEC_FAILED'
  /** A part of the container could not be removed. */
  | 'NOT_REMOVED';

/** Every failure of the library: a code for programs, and for people a sentence that says what failed, on what, why, and what to do. */
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

/** The error itself when it is a WardenError; else a new one that has it as its cause. */
export function asWardenError(error: unknown, code: WardenErrorCode, sentence: (reason: string) => string): WardenError {
  if (error instanceof WardenError) return error;
  const words = sentence(reason(error));
  return lacksDescriptors(error) ? new WardenError('UNSUPPORTED', `${words}; ${RAISE_LIMIT}`, { cause: error }) : new WardenError(code, words, { cause: error });
}

/** What to do when this process, or the machine, has no descriptors left. */
export const RAISE_LIMIT = 'raise the limit of descriptors (ulimit -n; fs.file-max for the machine)';

function lacksDescriptors(error: unknown): boolean { return ['EMFILE', 'ENFILE'].includes(errnoOf(error) ?? ''); }

const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Running out of descriptors is not "not found": treating it so would make `sweep` destroy live containers. */
export function throwIfExhausted(error: unknown): void {
  if (!EXHAUSTED.has(errnoOf(error))) return;
  throw new WardenError('UNSUPPORTED', `cannot read the state of containers: ${reason(error)}; the limits are ulimit -n and fs.file-max`, { cause: error });
}

/** The value that `read` returns; undefined when it throws because the file is missing or invalid. */
export function ifReadable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    throwIfExhausted(error);
    return undefined;
  }
}

/** What to do about a program of the package that cannot be executed. */
export function adviceOn(errno: string | undefined): string {
  return errno === 'ENOENT' ? '; are the native programs built? (npm run build)' : '';
}

/** Runs `call`, and ignores ENOENT. */
export function unlessMissing(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Calls above the function `below`, as an error's stack has them: for an error that a later turn of the event loop makes. */
export function framesAbove(below: (...args: never[]) => unknown): string {
  const here = { stack: '' };
  Error.captureStackTrace(here, below);
  return here.stack.slice(here.stack.indexOf('\n') + 1);
}

/** The error, with these frames in place of those of the event loop's turn. */
export function withFrames<Failure extends Error>(error: Failure, frames: string): Failure {
  if (frames !== '') error.stack = `${error.name}: ${error.message}\n${frames}`;
  return error;
}
