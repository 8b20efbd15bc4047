/** Records of a guest's calls and deliveries, for observers and fault plans. Classes, because millions of them are made: see guest.ts. */
import type { Call, CallEvent, Delivery, Fault } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';

export class MadeCall implements Call, CallEvent {
  result = 0;
  size: number | undefined = undefined;
  fault: Fault | undefined = undefined;

  constructor(readonly process: Process, readonly name: string, readonly number: number, readonly args: readonly number[],
    readonly siteId: number) {}

  site(): string { return callSite(); }
}

export class Delivered implements Delivery {
  constructor(readonly process: Process, readonly entry: Delivery['entry'], readonly first: number, readonly second: number) {}
}

/** The innermost frame of a module on the stack. */
function callSite(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 20;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  return /wasm-(function\[\d+\]:0x[\da-f]+)/.exec(stack)?.[1] ?? 'unknown';
}
