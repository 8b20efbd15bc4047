/** Waiting for the delivery of a command's output to its readers, with a limit: a reader may stop reading. */
import type { Streams } from './stdio.js';

/** Longest time without a byte read after which the result no longer waits for readers. */
const STALL_MS = 1_000;

/**
 * Fulfilled when the module has exited and every stream that is read has reached its end. If readers stop reading after the
 * command's end, fulfilled STALL_MS later: their streams keep what is left. `ended`: the command's end, which the module knows before
 * it has delivered the output.
 */
export async function whenDelivered(ended: Promise<unknown>, exited: Promise<unknown>, streams: Streams): Promise<void> {
  await Promise.race([ended, exited]);
  const delivered = exited.then(() => streams.whenRead());
  for (let before = -1, now = streams.bytesTaken(); now !== before; before = now, now = streams.bytesTaken()) {
    if (await isInTime(delivered)) return;
  }
}

/**
 * Waits until a link's module has exited. Also ends when the job has ended while readers take nothing: the module cannot write the
 * rest of the output, and never exits. A period without a byte is counted only from when the end of the job was seen, since the last
 * output may still be on its way.
 *
 * As long as readers have taken all that came, nothing is stalled, and a silent job costs nothing.
 */
export class StallWatch {
  readonly done: Promise<void>;
  private resolve!: () => void;
  private hasFinished = false;
  private sawEnd = false;
  private before = -1;
  private timer: NodeJS.Timeout | undefined;

  constructor(exited: Promise<unknown>, private readonly streams: Streams, private readonly hasEnded: () => Promise<boolean>) {
    this.done = new Promise((resolve) => { this.resolve = resolve; });
    void exited.then(() => this.finish());
    this.lookLater();
  }

  private finish(): void {
    this.hasFinished = true;
    clearTimeout(this.timer);
    this.resolve();
  }

  /** To be called when the module has handled an event: it may have written what nobody reads. */
  readonly lookLater = (): void => {
    if (this.hasFinished || this.timer || (!this.streams.stdout && !this.streams.stderr)) return;
    this.timer = setTimeout(() => { void this.look(); }, STALL_MS);
  };

  private async look(): Promise<void> {
    const now = this.streams.bytesTaken(), isSilent = now === this.before;
    this.before = now;
    if (isSilent && this.sawEnd) return this.finish();
    if (isSilent) this.sawEnd = await this.hasEnded();
    this.timer = undefined;
    if (this.streams.hasUnread()) this.lookLater();
  }
}

async function isInTime(event: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => { timer = setTimeout(() => resolve(false), STALL_MS); });
  try {
    return await Promise.race([event.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
