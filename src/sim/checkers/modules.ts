/** Checks every module at all times: it does not trap, does not grow, and names only handles and addresses of its own. */
import { EBADF, EFAULT } from '../kernel/errno.js';
import { Guest } from '../guest/guest.js';
import { type CallEvent, type Delivery, FAULT_TRAP } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import { type Checker, holds } from './checker.js';

/** Programs for one task hold few handles at a time. */
const HANDLES_OF_ONE_TASK = 12;

export class ModulesChecker implements Checker {
  private readonly memory = new Map<Process, number>();
  private readonly reaped = new Map<Process, Set<number>>();

  trapped(process: Process, words: string): void {
    holds(words.endsWith(FAULT_TRAP), 'no-trap', () => `${process.name}: ${words}`);
  }

  delivered({ process, entry }: Delivery): void {
    const { runner } = process;
    if (!(runner instanceof Guest) || process.ended) return;
    const size = runner.memoryBytes, before = this.memory.get(process);
    if (entry === 'onStart' || before === undefined) this.memory.set(process, size);
    else holds(size === before, 'memory', () => `${process.name} had ${before} bytes after its start, and has ${size}`);
    if (process.program === 'wshd' || process.program === 'iomux-spawn' || process.program === 'monitor') return;
    const { count } = runner.handles;
    holds(count <= HANDLES_OF_ONE_TASK, 'handles', () => `${process.name} holds ${count} handles`);
  }

  call(event: CallEvent): void {
    const { process, name, args, result } = event;
    if (event.fault?.errno === undefined && result < 0) this.refused(event);
    if (name === 'wait' && result > 0) this.reapedBy(process).add(result);
    // Another process may have the number since.
    else if (name === 'spawn' && result > 0) this.reapedBy(process).delete(result);
    else if (name === 'kill' || name === 'wait') {
      const pid = args[0]!;
      holds(!this.reapedBy(process).has(pid), 'pids', () => `${process.name}: ${name}(${pid}), which it has reaped before`);
    }
  }

  private refused({ process, name, args, result }: CallEvent): void {
    holds(result !== -EFAULT, 'addresses', () => `${process.name}: ${name}(${args.join(', ')}) is outside its memory`);
    // 0 and negated errnos stand for a missing handle; any other number may be another handle by now.
    holds(result !== -EBADF || args[0]! <= 0, 'handles', () => `${process.name}: ${name}(${args.join(', ')}) names a handle that it does not have`);
  }

  private reapedBy(process: Process): Set<number> {
    const known = this.reaped.get(process) ?? new Set();
    this.reaped.set(process, known);
    return known;
  }
}
