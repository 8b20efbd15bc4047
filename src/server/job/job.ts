/**
 * A job as the server knows it: one link to it, whose output goes to the spool, and any number of clients that wait for it.
 *
 *   running → ended (status and output are kept) → forgotten (a client was answered, or the container destroyed)
 */
import { EventEmitter, once } from 'node:events';
import type { BackendJob, Output, Target } from '../container/backend.js';
import type { LineSink } from './lines.js';
import { type Piece, PIECE_BYTES_MAX, Spool, type SpoolReader, type StreamName } from './spool.js';

/** Of a job that was killed, or whose programs failed. */
export const KILLED_STATUS = 255;

export interface JobOptions {
  readonly discard: boolean;
  readonly logTag: string | undefined;
}

export interface Ended { readonly exitStatus: number; readonly stdout: Buffer; readonly stderr: Buffer }

export interface JobEvents { piece: []; ended: [] }

export interface JobHooks {
  /** The job has ended: its status has to be kept. */
  ended(job: ServedJob): void;
  /** One that watches over the output's lines, or none. */
  lines(job: ServedJob): LineSink | undefined;
  /** Bytes that came of it. */
  received(bytes: number): void;
}

export class ServedJob extends EventEmitter<JobEvents> {
  status: number | undefined;
  /** Its output came to more than the limit. */
  exceeded = false;
  private output: Output | undefined;
  private readonly spool: Spool | undefined;
  private finished: Promise<void> | undefined;
  /** Once its output came to more than the limit. */
  private killed: Promise<void> | undefined;
  private lines: LineSink | undefined;
  private lineReader: SpoolReader | undefined;
  /** Clients that read the spool. */
  private readers = 0;
  private forgotten = false;
  private processRemoved = false;

  constructor(
    readonly id: number, readonly options: JobOptions, readonly process: BackendJob | undefined,
    private readonly spooling: Readonly<{ path: string; limitBytes: number }>, private readonly hooks: JobHooks,
  ) {
    super();
    this.setMaxListeners(0);
    this.spool = options.discard ? undefined : Spool.open(spooling.path);
  }

  get running(): boolean { return this.status === undefined; }
  get waiting(): number { return this.readers; }

  /** Follows the output from where the spool ends. Whoever waits for the job's end or output makes sure of it. */
  follow(): void {
    if (!this.process || this.finished || this.detached || !this.running) return;
    const { spool } = this, cursors = spool?.cursors;
    this.lines = this.hooks.lines(this);
    if (this.lines) this.lineReader = spool?.reader(PIECE_BYTES_MAX);
    this.output = this.process.link({
      // Before the first byte a link without positions gets all that there is.
      cursors: cursors && cursors.stdout + cursors.stderr > 0 ? cursors : undefined,
      target: this.target, came: () => this.take(), lost: (name, bytes) => { if (!this.detached) spool?.addLoss(name, bytes); },
    });
    this.finished = this.finish(this.output);
  }

  /** The link itself writes what is kept. */
  private get target(): Target {
    if (this.spool) return this.spool.files;
    return this.lines ? 'pipe' : 'ignore';
  }

  private async finish(output: Output): Promise<void> {
    const streams = (['stdout', 'stderr'] as const).map((name) => this.read(name, output[name]));
    const [status] = await Promise.allSettled([output.exited, ...streams]);
    this.take();
    await this.killed;
    this.lines?.end();
    if (this.detached) return;
    this.end(this.exceeded || status.status === 'rejected' ? KILLED_STATUS : status.value);
  }

  /** Output that is not kept, but that somebody watches over. */
  private async read(name: StreamName, stream: AsyncIterable<Buffer> | null): Promise<void> {
    for await (const data of stream ?? []) {
      this.hooks.received(data.length);
      this.lines?.write(name, data);
    }
  }

  /** Output may have come to the spool. */
  private take(): void {
    const { spool } = this;
    if (!spool || this.detached || this.exceeded || !this.running) return;
    const before = spool.bytes, { limitBytes } = this.spooling;
    spool.grow(limitBytes + PIECE_BYTES_MAX);
    if (spool.bytes > before) {
      this.hooks.received(spool.bytes - before);
      this.giveLines();
      this.emit('piece');
    }
    if (spool.bytes > limitBytes) this.stopForOutput();
  }

  private giveLines(): void {
    if (!this.lines || !this.lineReader) return;
    for (let pieces = this.lineReader.next(); pieces.length > 0; pieces = this.lineReader.next()) {
      for (const { name, data } of pieces) this.lines.write(name, data);
    }
  }

  /** Nothing more is read, so the job waits until it is killed. */
  private stopForOutput(): void {
    this.exceeded = true;
    this.killed = Promise.all([this.output?.close(), this.process?.kill()]).then(() => undefined, () => undefined);
  }

  private end(status: number): void {
    if (!this.running) return;
    this.status = status;
    if (this.exceeded) this.spool?.cut();
    this.hooks.ended(this);
    this.emit('ended');
    this.closeIfDone();
  }

  /** It ended before this server began: status is known. */
  recoverEnded(status: number): void { this.status = status; }

  /** Ends it for whoever waits: its container is no more. */
  abandon(): void { this.end(KILLED_STATUS); }

  private detached = false;

  /** Lets go of the link: the job goes on, and the spool says where. */
  async detach(): Promise<void> {
    this.detached = true;
    await this.output?.close();
    await this.finished?.catch(() => undefined);
    // In the order in which it came; the next server could not tell.
    if (this.running && !this.forgotten) this.spool?.grow(Infinity);
    this.spool?.close();
  }

  async whenEnded(signal: AbortSignal): Promise<void> {
    this.follow();
    if (this.running) await once(this, 'ended', { signal });
  }

  /** Waits until it has ended; then all of its output. */
  async collect(signal: AbortSignal): Promise<Ended> {
    return this.reading(async () => {
      await this.whenEnded(signal);
      const { stdout, stderr } = this.spool?.collect() ?? { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
      return { exitStatus: this.status!, stdout, stderr };
    });
  }

  /** Hands out all pieces from the first one on, as many as there are at once, the next ones when these were taken, until the job has ended. */
  async stream(signal: AbortSignal, give: (pieces: readonly Piece[]) => Promise<void>): Promise<number> {
    return this.reading(async () => {
      this.follow();
      const reader = this.spool?.reader();
      for (;;) {
        signal.throwIfAborted();
        const pieces = reader?.next() ?? [];
        if (pieces.length > 0) await give(pieces);
        else if (this.status !== undefined) return this.status;
        else await this.whenMore(signal);
      }
    });
  }

  /** Until there is more in the spool, or the job has ended. */
  private whenMore(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.off('piece', onMore).off('ended', onMore);
        signal.removeEventListener('abort', onAbort);
        act();
      };
      const onMore = (): void => settle(resolve);
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      this.on('piece', onMore).on('ended', onMore);
      signal.addEventListener('abort', onAbort);
    });
  }

  private async reading<Result>(work: () => Promise<Result>): Promise<Result> {
    this.readers++;
    try {
      return await work();
    } finally {
      this.readers--;
      this.closeIfDone();
    }
  }

  /** Its output was answered, or nobody can ask for it any more: removes what is kept. */
  async forget(): Promise<void> {
    if (this.forgotten) return;
    this.forgotten = true;
    this.spool?.remove();
    this.closeIfDone();
    await this.removeProcess();
  }

  /** Its iomux-spawn, which keeps what is in the spool and the snapshot by now. */
  async removeProcess(): Promise<void> {
    if (this.processRemoved) return;
    this.processRemoved = true;
    await this.process?.remove();
  }

  /** A job that runs needs its files. */
  private closeIfDone(): void { if (!this.running && this.readers === 0) this.spool?.close(); }
}
