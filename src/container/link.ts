/** A link to a job: its output from where the last one stopped, and its end. docs/library.md, "Links" */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { type Instance, instantiate } from '../host/host.js';
import { aborted, whenAborted } from './abort.js';
import { checkCursors, type Cursors, CursorFile, moved } from './cursors.js';
import { type Ended, endedBy, NONE, STOPPED } from './ending.js';
import { reason, WardenError } from './error.js';
import { type Stdio, withShortPath } from './execution.js';
import { openStreams, type Streams } from './stdio.js';

/** Bytes that came while no link was here and are not kept any more: positions [from, to), modulo 2^32. */
export interface Gap { readonly stream: 'stdout' | 'stderr'; readonly from: number; readonly to: number }

/** A stream that cannot be written any further: `readerGone`, nobody reads it any more; else the disk is full, or the like. */
export interface Cut { readonly stream: 'stdout' | 'stderr'; readonly readerGone: boolean; readonly message: string }

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
export interface LinkResult extends Ended {
  /** `stop` ended the link before the job ended: both of the others are null. */
  readonly stopped: boolean;
  readonly gaps: readonly Gap[];
}

const STREAMS = ['stdout', 'stderr'] as const;
const SAVE_INTERVAL_MS = 1_000;
const SIGTERM = 15;

type LinkEvents = { gap: [Gap]; cut: [Cut]; unsaved: [WardenError]; warning: [string] };

/** `gap` comes before the first byte behind it; `unsaved`, once, when the cursor file cannot be written. */
export class JobLink extends EventEmitter<LinkEvents> implements AsyncDisposable {
  /** null where `stdio` says something else than a pipe. */
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Fulfilled when the job has ended and the streams have all of its output; rejected with a WardenError. */
  readonly result: Promise<LinkResult>;
  private readonly streams: Streams;
  private readonly file: CursorFile | undefined;
  private instance: Instance | undefined;
  private readonly gaps: Gap[] = [];
  private readonly cuts: Cut[] = [];
  private readonly said: string[] = [];
  private stopping = false;
  /** Why the cursor file could not be written the last time. */
  private unsaved: WardenError | undefined;
  private hasTold = false;
  private timer: NodeJS.Timeout | undefined;

  /** @internal `directory`: the job's, as a path that is short, below the container's. */
  constructor(container: string, private readonly directory: string, private readonly options: LinkOptions) {
    super();
    const { stdio = 'pipe', cursors } = options;
    const wanted = typeof stdio === 'object' ? stdio : [stdio, stdio] as const;
    if (typeof cursors === 'object') checkCursors(cursors);
    const streamed = wanted.filter((each) => each === 'pipe').length;
    if (typeof cursors === 'string' && streamed === 1) throw new WardenError('USAGE', 'with a cursor file both streams are pipes, or none is');
    this.streams = openStreams(['ignore', ...wanted]);
    ({ stdout: this.stdout, stderr: this.stderr } = this.streams);
    // What the module has delivered to a pipe may never be read; behind a descriptor it is out of our sight.
    if (typeof cursors === 'string' && streamed === 2) this.file = new CursorFile(cursors);
    this.result = this.run(container);
  }

  /**
   * Positions behind what has been read from the streams so far; with `stdio`, where the link began. undefined as long as the
   * job has not told a new link where both streams begin: whoever goes on from there starts anew, too.
   */
  get cursors(): Cursors | undefined {
    const { instance } = this;
    if (!instance) return this.from;
    if (instance.ask('positionsAreKnown') === 0) return undefined;
    const [stdout, stderr] = STREAMS.map((name, channel) => moved(instance.ask('originOf', channel) >>> 0, taken(this[name]))) as [number, number];
    return { stdout, stderr };
  }

  /** What it goes on from; undefined for a new one. */
  private get from(): Cursors | undefined {
    const { cursors } = this.options;
    return typeof cursors === 'object' ? cursors : this.file?.saved;
  }

  private async run(container: string): Promise<LinkResult> {
    const { signal } = this.options;
    let unheard = (): void => undefined;
    try {
      if (signal?.aborted) throw aborted(signal);
      if (this.file) await this.file.load();
      this.start(container);
      if (this.stopping) this.instance!.signal(SIGTERM);
      unheard = whenAborted(signal, () => this.instance!.stop());
      await this.instance!.exited;
      if (signal?.aborted) throw aborted(signal);
      return this.outcome();
    } catch (error) {
      this.streams.handedOver();
      throw error instanceof WardenError ? error : new WardenError('INTERNAL', `cannot follow the job: ${reason(error)}`, { cause: error });
    } finally {
      unheard();
      if (signal?.aborted) this.streams.destroy();
      this.streams.ended();
      await this.saveToTheEnd();
    }
  }

  private start(container: string): void {
    const { cursors } = this.options, resume = this.from;
    const own = typeof cursors === 'string' && !this.file ? ['-w', cursors] : [];
    withShortPath(container, this.directory, (path) => {
      this.instance = instantiate('iomux-link', {
        argv: ['iomux-link', ...own, '--', path], stdio: this.streams.fds, signals: 'call',
        prepare: (ask) => { if (resume) ask('resumeAt', resume.stdout, resume.stderr); },
        onPrint: (_, text) => this.heard(text),
      });
    });
    this.streams.handedOver();
    if (this.file) this.timer = setInterval(() => { void this.save(); }, SAVE_INTERVAL_MS).unref();
  }

  /** The module says in words what is wrong; which gap, or which stream, that is about, it tells when it is asked. */
  private heard(text: string): void {
    this.said.push(text);
    const { instance } = this, ending = instance?.ask('ending');
    if (!instance || (ending !== NONE && ending !== STOPPED)) return;
    const message = text.trim().replace(/^[\w-]+: /, '');
    const found = STREAMS.map((stream, channel) => (
      this.foundGap(instance, stream, channel) || this.foundCut(instance, stream, channel, message)
    ));
    if (!found.includes(true)) later(() => this.emit('warning', message));
  }

  private foundGap(instance: Instance, stream: Gap['stream'], channel: number): boolean {
    const from = instance.ask('gapFrom', channel) >>> 0, to = instance.ask('gapTo', channel) >>> 0;
    if (from === to || this.gaps.some((gap) => gap.stream === stream)) return false;
    this.gaps.push({ stream, from, to });
    later(() => this.emit('gap', { stream, from, to }));
    return true;
  }

  private foundCut(instance: Instance, stream: Cut['stream'], channel: number, message: string): boolean {
    const errno = -instance.ask('brokenBy', channel);
    if (errno === 0 || this.cuts.some((cut) => cut.stream === stream)) return false;
    const cut = { stream, readerGone: errno === constants.errno.EPIPE, message };
    this.cuts.push(cut);
    later(() => this.emit('cut', cut));
    return true;
  }

  private outcome(): LinkResult {
    const instance = this.instance!, { gaps } = this;
    if (!instance.failed && instance.ask('ending') === STOPPED) return { exitCode: null, signal: null, stopped: true, gaps };
    const outcome = endedBy(instance, this.said);
    if (outcome instanceof WardenError) throw outcome;
    // A reader that has gone has seen what it wanted to see.
    const lost = this.cuts.find(({ readerGone }) => !readerGone);
    if (lost) throw new WardenError('LOST', lost.message);
    return { ...outcome, stopped: false, gaps };
  }

  /** That the positions cannot be saved ends nothing: a later link gets some bytes again, and none is missing. */
  private async save(): Promise<void> {
    const { cursors } = this;
    try {
      if (cursors) await this.file?.save(cursors);
      this.unsaved = undefined;
    } catch (error) {
      this.unsaved = error as WardenError;
      if (!this.hasTold) this.emit('unsaved', this.unsaved);
      this.hasTold = true;
    }
  }

  /** What is still in the streams when the job has ended is read later, and counts when it is. */
  private async saveToTheEnd(): Promise<void> {
    clearInterval(this.timer);
    if (!this.file || !this.instance) return;
    await this.save();
    for (const stream of [this.stdout, this.stderr]) stream?.once('close', () => { void this.save(); });
  }

  /**
   * Ends the link; the job goes on. What has come and was not read is lost to this link, not to the next. Rejected, as
   * iomux-link then ends with 255, when the positions could not be saved.
   */
  async stop(): Promise<LinkResult> {
    this.stopping = true;
    this.instance?.signal(SIGTERM);
    try {
      const result = await this.result;
      if (this.unsaved) throw this.unsaved;
      return result;
    } finally {
      this.streams.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> { await this.stop().catch(() => undefined); }
}

/** Not from inside the module: what a listener throws is no trap, and what it calls finds the module at rest. */
function later(tell: () => void): void { process.nextTick(tell); }

/** Bytes that the stream's reader has got. */
function taken(stream: Readable | null): number { return stream ? (stream as Socket).bytesRead - stream.readableLength : 0; }
