/** Work that a signal or the end of the terminal interrupts: an AbortSignal is aborted, and the work cleans up. */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { WardenError } from '../../base/errors.js';
import { EXIT_FAILED, EXIT_SIGNAL } from '../exit-codes.js';

const INTERRUPTS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;
/** How long a command may take to end by a signal that was passed on, before the work is interrupted. As `warden stop`. */
const GRACE_MS = 10_000;

/** What passes a signal on to a command; the number of processes that got the signal. */
type PassOn = (signal: NodeJS.Signals) => Promise<number>;

/** The signals to this process: the first one goes to the command once there is one, the next one interrupts the work. */
class Interruption {
  private readonly controller = new AbortController();
  private passOn: PassOn | undefined;
  private grace: NodeJS.Timeout | undefined;
  private firstSignal: NodeJS.Signals | undefined;

  /** Aborted when the work is to end. */
  get signal(): AbortSignal { return this.controller.signal; }
  /** The first signal that came. */
  get by(): NodeJS.Signals | undefined { return this.firstSignal; }
  /** Whether the command had the signal, and ended in time. */
  get isLeftToCommand(): boolean { return this.grace !== undefined && !this.signal.aborted; }

  /** From now on, the first signal goes to a command. */
  passTo(command: PassOn): void { this.passOn = command; }

  /** A signal has come. */
  take(signal: NodeJS.Signals): void {
    const isFirst = this.firstSignal === undefined;
    this.firstSignal ??= signal;
    if (!isFirst || !this.passOn) return this.controller.abort();
    this.grace = setTimeout(() => this.controller.abort(), GRACE_MS);
    const abort = (): void => this.controller.abort();
    void this.passOn(signal).then((count) => { if (count === 0) abort(); }, abort);
  }

  end(): void { clearTimeout(this.grace); }
}

type Work = (signal: AbortSignal, interruption: Interruption) => Promise<number>;

/**
 * Returns the work's exit code; or 128 + the number of the signal that interrupted the work, whatever else happened. With a command to
 * which the signal was passed on, and which ended by itself, its exit code counts.
 */
export async function interruptible(command: string, work: Work): Promise<number> {
  const terminals = [0, 1, 2].filter(isatty), interruption = new Interruption();
  for (const signal of INTERRUPTS) process.on(signal, () => { interruption.take(signal); });
  let code: number | undefined;
  try {
    code = await work(interruption.signal, interruption);
  } catch (error) {
    if (interruption.by === undefined) throw error;
    if (!(error instanceof WardenError && error.isAborted)) complain(command, error);
  } finally {
    interruption.end();
  }
  if (!terminals.every(isatty)) endByHangup();
  const { by } = interruption;
  if (by !== undefined && (code === undefined || !interruption.isLeftToCommand)) return EXIT_SIGNAL + constants.signals[by];
  return code ?? EXIT_FAILED;
}

/** Prints why something failed that does not end the command. */
export function complain(command: string, error: unknown): void {
  process.stderr.write(`warden ${command}: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** The terminal has gone, and on its exit Node would abort for that reason (nodejs/node#58200), so the hangup ends this process. */
function endByHangup(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}
