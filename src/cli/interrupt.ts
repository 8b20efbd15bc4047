/** Work that a signal or the end of the terminal interrupts: it is told by an AbortSignal, and tidies up. */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { WardenError } from '../container/error.js';
import { EXIT_FAILED, EXIT_SIGNAL } from './exit.js';

const INTERRUPTS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const;

/** The work's exit code, or 128 + the number of the signal that interrupted it, whatever else happened. */
export async function interruptible(command: string, work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const terminals = [0, 1, 2].filter(isatty);
  const interrupt = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  for (const signal of INTERRUPTS) {
    process.on(signal, () => {
      interruptedBy ??= signal;
      interrupt.abort();
    });
  }
  let code = EXIT_FAILED;
  try {
    code = await work(interrupt.signal);
  } catch (error) {
    if (interruptedBy === undefined) throw error;
    if (!(error instanceof WardenError && error.isAborted)) complain(command, error);
  }
  if (!terminals.every(isatty)) endByHangup();
  return interruptedBy === undefined ? code : EXIT_SIGNAL + constants.signals[interruptedBy];
}

/** Tells of what failed, where it is not the end. */
export function complain(command: string, error: unknown): void {
  process.stderr.write(`warden ${command}: ${error instanceof Error ? error.message : String(error)}\n`);
}

/** The terminal has gone, and in its exit Node would abort over that (nodejs/node#58200): we end as by the hangup itself. */
function endByHangup(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}
