/** A link to a job: its output from where the last one stopped, and its end. docs/library.md, "Links" */
import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import type { Stdio } from './execution.js';

/** Positions behind the last byte that was read, modulo 2^32. */
export interface Cursors { readonly stdout: number; readonly stderr: number }

/** Bytes that came while no link was here and are not kept any more: positions [from, to), modulo 2^32. */
export interface Gap { readonly stream: 'stdout' | 'stderr'; readonly from: number; readonly to: number }

export interface LinkOptions {
  /**
   * Where to go on: positions, or a cursor file (docs/protocol.md §5), which is then also kept up to date, at most once a
   * second and at the end. Without it: all that the job still holds.
   */
  cursors?: Cursors | string | undefined;
  /** Ends the link, not the job; `result` is rejected with the code ABORTED, `cursors` stay right. */
  signal?: AbortSignal | undefined;
  /** For both streams, or for each (pipe). */
  stdio?: Stdio | readonly [stdout: Stdio, stderr: Stdio] | undefined;
}

/** How the job ended. */
export interface LinkResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** `stop` ended the link before the job ended: both of the above are null. */
  readonly stopped: boolean;
  readonly cursors: Cursors;
  readonly gaps: readonly Gap[];
}

/** `gap` comes before the first byte behind it. */
export interface JobLink extends EventEmitter<{ gap: [Gap] }>, AsyncDisposable {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Behind what has been read from the streams so far; with `stdio`, behind what was written to the descriptors. */
  readonly cursors: Cursors;
  /** Fulfilled when the job has ended and all of its output was read. */
  readonly result: Promise<LinkResult>;
  /** Ends the link; the job goes on. */
  stop(): Promise<LinkResult>;
}
