/** How what a module was asked for ended, as it tells it (`ending`, assembly/shim.ts). */
import { constants } from 'node:os';
import { WardenError, type WardenErrorCode } from './error.js';

export interface Ended { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }

/** `Ending` of assembly/shared/ending.ts. */
export const NONE = -1;
const KILLED = -2;
export const STOPPED = -9;
const FAILURES: ReadonlyMap<number, WardenErrorCode> = new Map([
  [-3, 'ENDED'], [-4, 'REFUSED'], [-5, 'TIMED_OUT'], [-6, 'PROTOCOL'], [-7, 'USAGE'], [-8, 'LOST'],
]);

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** wait(2)'s status. */
export function fromRaw(raw: number): Ended {
  const signal = raw & 0x7f;
  // Realtime signals have no name in Node.
  return signal === 0 ? { exitCode: (raw >> 8) & 0xff, signal: null }
    : { exitCode: null, signal: (NAMES.get(signal) ?? `SIG${signal}`) as NodeJS.Signals };
}

/** As much of an Instance (src/host/host.ts) as it takes: programs that use the library have no types of WebAssembly's. */
interface Asked {
  readonly failed: boolean;
  ask(name: string): number;
}

/** `said`: what the program itself said about it. */
export function endedBy(instance: Asked, said: readonly string[]): Ended | WardenError {
  const ending = instance.failed ? NONE : instance.ask('ending');
  if (ending >= 0) return fromRaw(ending);
  if (ending === KILLED) return { exitCode: null, signal: null };
  const code = FAILURES.get(ending) ?? 'INTERNAL';
  const words = said.join('').trim().replace(/^[\w-]+: /, '');
  return new WardenError(code, words === '' ? 'the module ended without a word' : words);
}
