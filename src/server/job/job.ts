/**
 * A job as the server knows it: one link to it, whose output goes to the spool, and any number of clients that wait for it.
 *
 *   running → ended (status and output are kept) → forgotten (a client was answered, or the container destroyed)
 */
import { EventEmitter, once } from 'node:events';
import type { BackendJob, Output } from '../container/backend.js';
import type { LineSink } from './lines.js';
import { type Piece, PIECE_BYTES_MAX, Spool, type StreamName } from './spool.js';

/** What is handed out of the spool at once to a client that has fallen behind. */
const BATCH_BYTES_MAX = 1 << 20;

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
  get waiting(): boolean { return this.readers > 0; }

  /** Follows the output from where the spool ends. Whoever waits for the job's end or output makes sure of it. */
  follow(): void {
    if (!this.process || this.finished || this.detached || !this.running) return;
    const cursors = this.spool?.cursors;
    // Before the first byte a link without positions gets all that there is.
    this.output = this.process.link(cursors && cursors.stdout + cursors.stderr > 0 ? cursors : undefined);
    this.finished = this.finish(this.output);
  }

  private async finish(output: Output): Promise<void> {
    const lines = this.hooks.lines(this);
    const streams = (['stdout', 'stderr'] as const).map((name) => this.read(name, output[name], lines));
    const [status] = await Promise.allSettled([output.exited, ...streams]);
    lines?.end();
    if (this.detached) return;
    this.end(this.exceeded || status.status === 'rejected' ? KILLED_STATUS : status.value);
  }

  private async read(name: StreamName, stream: AsyncIterable<Buffer>, lines: LineSink | undefined): Promise<void> {
    for await (const data of stream) {
      this.hooks.received(data.length);
      lines?.write(name, data);
      for (let at = 0; at < data.length; at += PIECE_BYTES_MAX) await this.keep(name, data.subarray(at, at + PIECE_BYTES_MAX));
    }
  }

  private async keep(name: StreamName, data: Buffer): Promise<void> {
    if (!this.spool || this.detached || this.exceeded) return;
    this.spool.append(name, data);
    this.emit('piece');
    if (this.spool.bytes > this.spooling.limitBytes) await this.stopForOutput();
  }

  private async stopForOutput(): Promise<void> {
    if (this.exceeded || !this.running) return;
    this.exceeded = true;
    await this.process?.kill();
  }

  private end(status: number): void {
    if (!this.running) return;
    this.status = status;
    this.hooks.ended(this);
    this.emit('ended');
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
      let at = 0;
      while (this.running || (this.spool && at < this.spool.end)) {
        signal.throwIfAborted();
        const pieces = this.spool?.piecesAt(at, BATCH_BYTES_MAX) ?? [], last = pieces.at(-1);
        if (last) {
          await give(pieces);
          at = last.next;
        } else if (this.running) {
          await this.whenMore(signal);
        }
      }
      return this.status!;
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

  private closeIfDone(): void { if (this.forgotten && this.readers === 0) this.spool?.close(); }
}
