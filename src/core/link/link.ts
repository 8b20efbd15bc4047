/** A link to a job: the job's output, from where an earlier link stopped, and its end. docs/reference/library.md, "Links" */
import { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { throwIfAborted, whenAborted } from '../../base/abort.js';
import { asWardenError, WardenError } from '../../base/errors.js';
import { abortSignal, checkOptions, type Checks, fullText, usage } from '../../base/validate.js';
import { type Instance, instantiate } from '../../host/instance.js';
import { withShortPath } from '../../linux/socket-path.js';
import { bytesOf, collect, outputLimit, type OutputOptions } from '../exec/collect.js';
import { StallWatch, whenDelivered } from '../exec/delivery.js';
import { type ExitStatus, NONE, outcomeOf, STOPPED } from '../exec/outcome.js';
import { bytesTaken, emptyStreams, openStreams, type Stdio, stdioOptions, type Streams } from '../exec/stdio.js';
import { checkCursors, CursorFile, type Cursors, moved } from './cursor-file.js';

/** Bytes that were written while no link was connected and that are lost: positions [from, to), modulo 2^32. */
export interface Gap { readonly stream: 'stdout' | 'stderr'; readonly from: number; readonly to: number }

/** A stream that cannot be written any further: its reader has gone, or else the disk is full or the like. */
export interface Cut { readonly stream: 'stdout' | 'stderr'; readonly readerGone: boolean; readonly message: string }

export interface LinkOptions {
  /**
   * Where to go on: positions, or the path of a cursor file (docs/reference/protocol.md §5), which is then also kept up to date, at
   * most once a second and at the end. Without it: everything that the job still keeps.
   */
  cursors?: Cursors | string | undefined;
  /** Ends the link, not the job; `result` is rejected with the code ABORTED, and `cursors` stay right. */
  signal?: AbortSignal | undefined;
  /** For both streams, or for each ('pipe'). */
  stdio?: Stdio | readonly [stdout: Stdio, stderr: Stdio] | undefined;
}

/** The exit status of the job. */
export interface LinkResult extends ExitStatus {
  /** `stop` ended the link before the job ended: the exit status is unknown, both of its fields are null. */
  readonly stopped: boolean;
  readonly gaps: readonly Gap[];
}

export interface LinkOutput extends LinkResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const STREAMS = ['stdout', 'stderr'] as const;
const SAVE_INTERVAL_MS = 1_000;
const SIGTERM = 15;

const CHECKS: Checks<LinkOptions> = {
  cursors: (name, value) => { (typeof value === 'string' ? fullText : checkCursors)(name, value); },
  signal: abortSignal,
  stdio: stdioOptions(2),
};

/** A job, as a link needs it. */
export interface LinkedJob {
  /** The container's directory. */
  readonly container: string;
  /** The job's directory, relative to the container's because sockets' paths are short. */
  readonly directory: string;
  /** Whether the command has ended. */
  hasEnded(): Promise<boolean>;
}

type LinkEvents = { gap: [Gap]; cut: [Cut]; unsaved: [WardenError]; warning: [string]; output: [] };

/**
 * `gap` comes before the first byte behind it; `unsaved`, once, when the cursor file cannot be written; `output`, where neither stream is
 * a pipe, when bytes may have been written.
 */
export class JobLink extends EventEmitter<LinkEvents> implements AsyncDisposable {
  /** null where `stdio` is no pipe. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /**
   * Resolves when the job has ended and readers have all of its output; some seconds after the end if readers stop reading. Rejects
   * with a WardenError.
   */
  readonly result: Promise<LinkResult>;
  private instance: Instance | undefined;
  private stalls: StallWatch | undefined;
  private readonly gaps: Gap[] = [];
  private readonly cuts: Cut[] = [];
  private readonly messages: string[] = [];
  private isStopping = false;
  /** Why the cursor file could not be written the last time. */
  private unsaved: WardenError | undefined;
  private isUnsavedReported = false;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly job: LinkedJob, private readonly options: LinkOptions, private readonly streams: Streams,
    private readonly file: CursorFile | undefined, failure?: WardenError,
  ) {
    super();
    ({ stdout: this.stdout, stderr: this.stderr } = streams);
    this.result = failure ? Promise.reject(failure) : this.run();
  }

  /** @internal Checks the options and connects, at once. A failure rejects `result`; nothing is thrown. */
  static start(job: LinkedJob, options: LinkOptions): JobLink {
    try {
      checkOptions(options, CHECKS);
      const { stdio = 'pipe', cursors } = options;
      const kinds = typeof stdio === 'object' ? stdio : [stdio, stdio] as const;
      const pipes = kinds.filter((each) => each === 'pipe').length;
      if (typeof cursors === 'string' && pipes === 1) throw usage('with a cursor file both streams are pipes, or none is');
      const streams = openStreams(['ignore', ...kinds]);
      // The reader of a pipe may never read what the module has delivered, so reading is counted here. Behind a descriptor it cannot be.
      const file = typeof cursors === 'string' && pipes === 2 ? new CursorFile(cursors) : undefined;
      return new JobLink(job, { ...options }, streams, file);
    } catch (error) {
      const failure = asWardenError(error, 'INTERNAL', (why) => `cannot follow the job: ${why}`);
      return new JobLink(job, {}, emptyStreams(['ignore', 'pipe', 'pipe']), undefined, failure);
    }
  }

  /**
   * Positions behind what has been read from the streams so far; with descriptors instead of pipes, where the link began. undefined
   * while the job has not reported to a new link where both streams begin: a link without cursors starts there, too.
   */
  get cursors(): Cursors | undefined {
    const { instance } = this;
    if (!instance) return this.from;
    if (instance.ask('positionsAreKnown') === 0) return undefined;
    const position = (channel: number): number => moved(instance.ask('originOf', channel) >>> 0, bytesTaken(this[STREAMS[channel]!]));
    return { stdout: position(0), stderr: position(1) };
  }

  /** The positions that the link goes on from; undefined for a new link. */
  private get from(): Cursors | undefined {
    const { cursors } = this.options;
    return typeof cursors === 'object' ? cursors : this.file?.saved;
  }

  private async run(): Promise<LinkResult> {
    const { signal } = this.options;
    let removeAbortListener = (): void => undefined;
    try {
      throwIfAborted(signal);
      if (this.file) await this.file.load();
      const instance = this.instantiate(), { exited } = instance;
      if (this.isStopping) instance.signal(SIGTERM);
      removeAbortListener = whenAborted(signal, () => instance.stop());
      let hasExited = false;
      void exited.then(() => { hasExited = true; });
      this.stalls = new StallWatch(exited, this.streams, () => this.job.hasEnded());
      await this.stalls.done;
      throwIfAborted(signal);
      if (!hasExited && !this.isStopping) return await this.stalledResult();
      await exited;
      if (!this.isStopping) await whenDelivered(exited, exited, this.streams);
      return this.resultOf(instance);
    } catch (error) {
      this.streams.closeChildEnds();
      throw asWardenError(error, 'INTERNAL', (why) => `cannot follow the job: ${why}`);
    } finally {
      removeAbortListener();
      if (signal?.aborted) this.streams.destroy();
      this.streams.finish();
      await this.saveToTheEnd();
    }
  }

  private instantiate(): Instance {
    const { cursors } = this.options, from = this.from, { container, directory } = this.job;
    const ownFile = typeof cursors === 'string' && !this.file ? ['-w', cursors] : [];
    const written = (): void => later(() => this.emit('output')), looked = (): void => this.stalls?.lookLater();
    withShortPath(container, directory, (path) => {
      this.instance = instantiate('iomux-link', {
        argv: ['iomux-link', ...ownFile, '--', path], stdio: this.streams.fds, signals: 'call',
        prepare: (ask) => { if (from) ask('resumeAt', from.stdout, from.stderr); },
        onPrint: (_, text) => this.onMessage(text), onEvent: this.stdout || this.stderr ? looked : written,
      });
    });
    this.streams.closeChildEnds();
    if (this.file) this.timer = setInterval(() => { void this.save(); }, SAVE_INTERVAL_MS).unref();
    return this.instance!;
  }

  /** The module prints a sentence for people; its exports have the gap or the stream that the sentence is about. */
  private onMessage(text: string): void {
    this.messages.push(text);
    const { instance } = this, ending = instance?.ask('ending');
    if (!instance || (ending !== NONE && ending !== STOPPED)) return;
    const message = text.trim().replace(/^[\w-]+: /, '');
    const isFound = STREAMS.map((stream, channel) => (
      this.findGap(instance, stream, channel) || this.findCut(instance, stream, channel, message)
    ));
    if (!isFound.includes(true)) later(() => this.emit('warning', message));
  }

  private findGap(instance: Instance, stream: Gap['stream'], channel: number): boolean {
    const from = instance.ask('gapFrom', channel) >>> 0, to = instance.ask('gapTo', channel) >>> 0;
    if (from === to || this.gaps.some((gap) => gap.stream === stream)) return false;
    this.gaps.push({ stream, from, to });
    later(() => this.emit('gap', { stream, from, to }));
    return true;
  }

  private findCut(instance: Instance, stream: Cut['stream'], channel: number, message: string): boolean {
    const errno = -instance.ask('brokenBy', channel);
    if (errno === 0 || this.cuts.some((cut) => cut.stream === stream)) return false;
    const cut = { stream, readerGone: errno === constants.errno.EPIPE, message };
    this.cuts.push(cut);
    later(() => this.emit('cut', cut));
    return true;
  }

  private resultOf(instance: Instance): LinkResult {
    const { gaps } = this;
    if (!instance.failed && instance.ask('ending') === STOPPED) return { exitCode: null, signal: null, stopped: true, gaps };
    const outcome = outcomeOf(instance, this.messages);
    if (outcome instanceof WardenError) throw outcome;
    // A reader that closes its end early has all it wants: only other cuts are losses.
    const loss = this.cuts.find(({ readerGone }) => !readerGone);
    if (loss) throw new WardenError('LOST', loss.message);
    return { ...outcome, stopped: false, gaps };
  }

  /** The result when readers have stopped: another link, without streams, gets the exit status. */
  private async stalledResult(): Promise<LinkResult> {
    const { exitCode, signal } = await JobLink.start(this.job, { stdio: 'ignore', signal: this.options.signal }).result;
    return { exitCode, signal, stopped: false, gaps: this.gaps };
  }

  /** A failure ends nothing: a later link gets some bytes again, and none is missing. */
  private async save(): Promise<void> {
    const { cursors } = this;
    try {
      if (cursors) await this.file?.save(cursors);
      this.unsaved = undefined;
    } catch (error) {
      this.unsaved = error as WardenError;
      if (!this.isUnsavedReported) this.emit('unsaved', this.unsaved);
      this.isUnsavedReported = true;
    }
  }

  /** Bytes that are in the streams when the job has ended count once they are read, so the streams' ends save again. */
  private async saveToTheEnd(): Promise<void> {
    clearInterval(this.timer);
    if (!this.file || !this.instance) return;
    await this.save();
    for (const stream of [this.stdout, this.stderr]) stream?.once('close', () => { void this.save(); });
  }

  /**
   * Ends the link; the job goes on. Unread output is lost to this link, not to the next one. Rejected with LOST when the positions
   * could not be saved.
   */
  async stop(): Promise<LinkResult> {
    this.isStopping = true;
    this.instance?.signal(SIGTERM);
    try {
      const result = await this.result;
      if (this.unsaved) throw this.unsaved;
      return result;
    } finally {
      this.streams.destroy();
    }
  }

  /** Collects the output until the job's end. More than `maxBytes` (16 MiB) of either stream end the link, and are an error with the code USAGE. */
  async output(options: OutputOptions = {}): Promise<LinkOutput> {
    // Who asks for the output has nobody else to hear of the result.
    this.result.catch(() => undefined);
    const maxBytes = outputLimit(options);
    let isTooMuch = false;
    const exceed = (): Promise<unknown> => {
      isTooMuch = true;
      return this.stop().catch(() => undefined);
    };
    const streams = [collect(this.stdout, maxBytes, exceed), collect(this.stderr, maxBytes, exceed)] as const;
    const [result, stdout, stderr] = await Promise.allSettled([this.result, ...streams]);
    if (isTooMuch) throw usage(`the job wrote more than ${maxBytes} bytes; read the link's streams, or give maxBytes`);
    if (result.status === 'rejected') throw result.reason as WardenError;
    return { ...result.value, stdout: bytesOf(stdout), stderr: bytesOf(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.stop().catch(() => undefined); }
}

/** Emits outside of the module's call: an exception of a listener must not look like a trap, and a listener may call the module. */
function later(emit: () => void): void { process.nextTick(emit); }
