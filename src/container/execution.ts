/** A command in a container, run through the wsh module in this process. docs/library.md, "Commands" */
import type { Readable, Writable } from 'node:stream';

/** Where one of a command's standard streams leads: a Node stream, this process's own descriptor, nowhere, or a descriptor. */
export type Stdio = 'pipe' | 'inherit' | 'ignore' | number;

export interface TerminalSize { rows: number; columns: number }

/** Resource limits by the names of setrlimit(2), in its units. */
export type LimitName =
  | 'AS' | 'CORE' | 'CPU' | 'DATA' | 'FSIZE' | 'LOCKS' | 'MEMLOCK' | 'MSGQUEUE' | 'NICE' | 'NOFILE' | 'NPROC' | 'RSS' | 'RTPRIO'
  | 'SIGPENDING' | 'STACK';
export type LimitValue = number | 'unlimited' | { soft: number | 'unlimited'; hard: number | 'unlimited' };

export interface ExecOptions {
  /** Of the container's /etc/passwd (root). */
  user?: string | undefined;
  /** Runs the command at a pty, of this size (24 × 80). stdout has all that it writes, stderr nothing. */
  tty?: boolean | TerminalSize | undefined;
  /** After so long the command is killed, and the result says `timedOut`. */
  timeoutMs?: number | undefined;
  /** Kills the command; `result` is rejected with the code ABORTED. */
  signal?: AbortSignal | undefined;
  /** The command's LANG; without it there is none. */
  lang?: string | undefined;
  /** Others than those that docs/protocol.md §1 lists. */
  limits?: Partial<Record<LimitName, LimitValue>> | undefined;
  /** Written to stdin, which is then closed. */
  input?: string | Uint8Array | undefined;
  /** For all three, or for each of stdin, stdout, stderr (pipe). What is no pipe has no stream, and no byte passes JavaScript. */
  stdio?: Stdio | readonly [stdin: Stdio, stdout: Stdio, stderr: Stdio] | undefined;
}

/** How a command ended. Both null: it was killed, and nobody knows by what, for the container ended with it. */
export interface ExecResult {
  /** 0 to 255; null when it was killed. */
  readonly exitCode: number | null;
  /** What killed it. */
  readonly signal: NodeJS.Signals | null;
  /** It was killed because `timeoutMs` were over. */
  readonly timedOut: boolean;
  /** Milliseconds from the call until the end. */
  readonly durationMs: number;
}

export interface ExecOutput extends ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** A running command. */
export interface Execution extends AsyncDisposable {
  /** null where `stdio` says something else than a pipe; `stderr` also with a tty. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Fulfilled when the command has ended and the streams have all of its output; rejected with a WardenError. */
  readonly result: Promise<ExecResult>;
  /** Collects the output; more than `maxBytes` of either stream (16 MiB) kill the command and are an error of code USAGE. */
  output(options?: { maxBytes?: number }): Promise<ExecOutput>;
  /** The terminal's new size; nothing without a tty. */
  resize(size: TerminalSize): void;
  /** Sends a signal to the command and its process group (SIGTERM); false when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<boolean>;
}
