/** Whom the seed's faults, and the scenario's signals, have hit: of everybody else everything is asked. */
import { EPIPE } from '../errno.js';
import type { CallEvent } from '../plan.js';
import type { Process } from '../process.js';
import type { Stage } from '../scenarios/stage.js';
import { SIGKILL } from '../signals.js';
import type { Checker } from './checker.js';

export class Blame implements Checker {
  private readonly failed = new Map<Process, number>();
  private readonly killed = new Set<Process>();

  /** Some handle never became ready any more: who waits for it waits with a reason. */
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

  /** Whether what it had to say did not come out. */
  wasSilenced(process: Process): boolean { return this.silenced.has(process); }

  /** A kill before a call takes effect leaves no call to tell of. */
  exited(process: Process): void { if (process.killedBy === SIGKILL) this.killed.add(process); }

  /** Whether it was told that a reader is gone, who is not: that needs no words. */
  wasMisled(process: Process): boolean { return this.misled.has(process); }

  /** Calls that were made to fail. */
  failures(process: Process): number { return this.failed.get(process) ?? 0; }
  wasKilled(process: Process): boolean { return this.killed.has(process); }
  /** Whether anything was done to it. */
  hit(process: Process | undefined): boolean {
    return process !== undefined && (this.failed.has(process) || this.killed.has(process) || this.stage.signalled.has(process));
  }

  /** Whether the container never began to serve, or its first process was hit. */
  hitContainer(index: number): boolean {
    const init = this.stage.inits[index];
    return init === undefined || this.hit(init) || this.hit(this.stage.wshds[index]?.process);
  }
}
