/** The outcome of a module's run, as the module reports it (`ending`, assembly/boundary/shim.ts). */
import { constants } from 'node:os';
import { RAISE_LIMIT, WardenError, type WardenErrorCode } from '../../base/errors.js';

/** Exit status of a command. If both fields are null, the cause of its end is unknown: the container ended first. */
export interface ExitStatus {
  /** 0 to 255; null when a signal killed the command. */
  readonly exitCode: number | null;
  /** The signal that killed the command. */
  readonly signal: NodeJS.Signals | null;
}

/** `Ending` of assembly/lib/outcome.ts. */
export const NONE = -1;
const KILLED = -2;
export const STOPPED = -9;
const FAILURES: ReadonlyMap<number, WardenErrorCode> = new Map([
  [-3, 'ENDED'], [-4, 'REFUSED'], [-5, 'TIMED_OUT'], [-6, 'PROTOCOL'], [-7, 'USAGE'], [-8, 'LOST'], [-10, 'EXEC_FAILED'],
]);

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** The exit status in a status of wait(2). */
export function fromWaitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  if (signal === 0) return { exitCode: (status >> 8) & 0xff, signal: null };
  // Node has no names for realtime signals.
  return { exitCode: null, signal: (NAMES.get(signal) ?? `SIG${signal}`) as NodeJS.Signals };
}

/** The part of an Instance (src/host/instance.ts) that has no type of WebAssembly's: users of the library may not have those types. */
interface OutcomeSource {
  readonly failed: boolean;
  ask(name: string, ...numbers: number[]): number;
}

/** Of the command and the processes that it has waited for. getrusage(2) */
export interface CommandUsage {
  readonly userMs: number;
  readonly systemMs: number;
  /** The largest that one of these processes was in memory. */
  readonly maxMemoryBytes: number;
}

/** `Figure` of assembly/programs/wsh/records.ts. */
const USER_TIME = 0, SYSTEM_TIME = 1, MEMORY = 2;
const CORE_DUMPED = 0x80;

export function usageOf(instance: OutcomeSource): CommandUsage | null {
  if (instance.failed) return null;
  // An i64 of WebAssembly is a BigInt here.
  const figures = [USER_TIME, SYSTEM_TIME, MEMORY].map((which) => Number(instance.ask('figure', which) as number | bigint));
  const [user, system, memory] = figures as [number, number, number];
  if (user < 0) return null;
  return { userMs: user / 1e3, systemMs: system / 1e3, maxMemoryBytes: memory * 1024 };
}

export function hasDumpedCore(instance: OutcomeSource): boolean {
  const status = instance.failed ? NONE : instance.ask('ending');
  return status > 0 && (status & CORE_DUMPED) !== 0;
}

/** `messages`: what the module printed; the text of the error if the run failed. */
export function outcomeOf(instance: OutcomeSource, messages: readonly string[]): ExitStatus | WardenError {
  const outcome = instance.failed ? NONE : instance.ask('ending');
  if (outcome >= 0) return fromWaitStatus(outcome);
  if (outcome === KILLED) return { exitCode: null, signal: null };
  const code = FAILURES.get(outcome) ?? 'INTERNAL';
  const text = messages.join('').trim().replace(/^[\w-]+: /, '');
  // EMFILE, or descriptors of the answer for which there was no room.
  if (/: (too many open files|message too long)$/.test(text)) return new WardenError('UNSUPPORTED', `${text}; ${RAISE_LIMIT}`);
  return new WardenError(code, text === '' ? 'the module ended without a message' : text);
}
