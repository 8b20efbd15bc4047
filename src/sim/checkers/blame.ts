/** Records which processes faults and signals have hit: all checks apply to the others. */
import { EPIPE } from '../kernel/errno.js';
import type { CallEvent } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import type { Stage } from '../scenario/stage.js';
import { SIGKILL } from '../kernel/signals.js';
import type { Checker } from './checker.js';

export class Blame implements Checker {
  private readonly failed = new Map<Process, number>();
  private readonly killed = new Set<Process>();

  /** A handle has become "never ready": a process that waits for it has a reason. */
  hasMuted = false;

  constructor(private readonly stage: Stage) {}

  private readonly silenced = new Set<Process>();
  private readonly misled = new Set<Process>();

  call({ process, name, fault }: CallEvent): void {
    if (fault?.errno === undefined) return;
    this.failed.set(process, this.failures(process) + 1);
    if (name === 'fd_write') this.silenced.add(process);
    if (fault.errno === EPIPE) this.misled.add(process);
    if (fault.mute) this.hasMuted = true;
  }

  trapped(process: Process): void { this.failed.set(process, this.failures(process) + 1); }

  /** Whether a message of the process's was lost. */
  wasSilenced(process: Process): boolean { return this.silenced.has(process); }

  /** A kill before a call takes effect leaves no call to record. */
  exited(process: Process): void { if (process.killedBy === SIGKILL) this.killed.add(process); }

  /** Whether a fault reported a reader as gone that is not: no message is required then. */
  wasMisled(process: Process): boolean { return this.misled.has(process); }

  /** Number of its calls that a fault made fail. */
  failures(process: Process): number { return this.failed.get(process) ?? 0; }
  wasKilled(process: Process): boolean { return this.killed.has(process); }
  /** Whether a fault or signal has hit the process. */
  hit(process: Process | undefined): boolean {
    return process !== undefined && (this.failed.has(process) || this.killed.has(process) || this.stage.signalled.has(process));
  }

  /** Whether the container never served, or its init was hit. */
  hitContainer(index: number): boolean {
    const init = this.stage.inits[index];
    return init === undefined || this.hit(init) || this.hit(this.stage.wshds[index]?.process);
  }
}
