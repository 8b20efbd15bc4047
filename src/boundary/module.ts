/** What hosts in JavaScript have in common about a program's module; needs nothing of Node. */

/** What every program's module exports. */
export interface ModuleExports {
  memory: WebAssembly.Memory;
  onStart(): void;
  onReady(handle: number, events: number): void;
  onSignal(signal: number): void;
  onDeadline(): void;
  onTrap(): number;
  /** In the child of `fork`. */
  onFork: (() => void) | undefined;
  [more: string]: unknown;
}

/** The same words as shim/launcher's, for the same traps. */
export function trapWords(thrown: unknown): string {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (reason === 'unreachable') return 'the module trapped: assertion failed';
  if (reason === 'memory access out of bounds') return `the module trapped: ${reason}`;
  if (reason === 'divide by zero') return 'the module trapped: division by zero';
  if (thrown instanceof RangeError) return 'the module trapped: call stack exhausted';
  return `the module trapped: ${reason}`;
}
