/** A started program, and the streams and terminal around it. */
import type { Process } from '../kernel/process.js';
import type { FileDescription } from '../kernel/open-file.js';
import type { WindowSize } from '../kernel/tty/pty.js';
import type { Sink, Source, Terminal } from './endpoints.js';

/** A stream of a started program: a pipe or a socket with a reader or writer at its other end, /dev/null, or an open file. */
export type Stdio = 'pipe' | 'socket' | 'null' | FileDescription;

export interface StartOptions {
  /** `NAME=value` */
  env?: readonly string[];
  cwd?: string;
  /** /dev/null by default. */
  stdin?: Stdio;
  /** A pipe by default. */
  stdout?: Stdio;
  /** A pipe by default. */
  stderr?: Stdio;
  /** All three streams are a terminal of this size. */
  terminal?: WindowSize;
  uid?: number;
  /** RLIMIT_NOFILE, soft and hard. */
  descriptorsMax?: number;
  /** Descriptors by number, beside the three streams. */
  descriptors?: ReadonlyMap<number, FileDescription>;
  /** The machine's init by default. */
  parent?: Process;
}

export class RunningProgram {
  constructor(readonly process: Process, readonly stdin: Source | undefined, readonly stdout: Sink | undefined,
    readonly stderr: Sink | undefined, readonly terminal: Terminal | undefined) {}

  get pid(): number { return this.process.pid; }
  get ended(): boolean { return this.process.ended; }
  get exitCode(): number | undefined { return this.process.exitCode; }
  get killedBy(): number | undefined { return this.process.killedBy; }
}
