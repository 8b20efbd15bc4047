/** Memory that runs out in a cgroup, v1 or v2, told by the oom module in this process. docs/library.md, "Out of memory" */
import { EventEmitter } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Instance, instantiate } from '../host/host.js';
import { whenAborted } from './abort.js';
import { memoryIn } from './cgroup.js';
import { reason, WardenError, type WardenErrorCode } from './error.js';

export interface WatchOptions { signal?: AbortSignal | undefined }

export interface OomEvent {
  /** The group's directory. */
  readonly cgroup: string;
  /** null where it is unlimited, or the group is gone. */
  readonly limitBytes: number | null;
  /** The most that was ever used; null where the kernel does not tell (v2 before Linux 5.19). */
  readonly peakBytes: number | null;
}

/** `end` comes once, when the group was removed, or the watch closed or aborted; `error`, a WardenError, instead of it. */
export class OomWatch extends EventEmitter<{ oom: [OomEvent]; end: ['removed' | 'closed']; error: [WardenError] }> implements Disposable {
  private instance: Instance | undefined;
  private readonly said: string[] = [];
  private telling: Promise<void> = Promise.resolve();
  private closed = false;
  /** The module has found the group there. */
  private readonly armed: boolean;

  /** @internal */
  constructor(readonly cgroup: string, signal: AbortSignal | undefined) {
    super();
    this.armed = existsSync(cgroup);
    const nothing = openSync('/dev/null', 'r+');
    try {
      if (!signal?.aborted) {
        this.instance = instantiate('oom', {
          argv: ['oom', '--follow', '--', cgroup], stdio: [nothing, nothing, nothing], signals: 'call',
          onPrint: (fd, text) => {
            if (fd === 1) this.telling = this.telling.then(() => this.tell());
            else this.said.push(text);
          },
        });
      }
    } catch (error) {
      throw new WardenError('UNSUPPORTED', `cannot watch ${cgroup}: ${reason(error)}`, { cause: error });
    } finally {
      closeSync(nothing);
    }
    const unheard = whenAborted(signal, this.close);
    void this.finish(unheard);
  }

  private async tell(): Promise<void> {
    // By the files that a version has, as the module tells them apart.
    const version = existsSync(`${this.cgroup}/memory.oom_control`) ? 1 : 2;
    const { limitBytes, peakBytes } = await memoryIn({ version, directory: this.cgroup });
    if (!this.closed) this.emit('oom', { cgroup: this.cgroup, limitBytes, peakBytes });
  }

  private async finish(unheard: () => void): Promise<void> {
    await this.instance?.exited;
    unheard();
    // Whoever asked for the watch listens by then.
    await new Promise((resolved) => { setImmediate(resolved); });
    await this.telling;
    if (this.closed || !this.instance) this.emit('end', 'closed');
    else if (!this.instance.failed && !existsSync(this.cgroup) && this.armed) this.emit('end', 'removed');
    else this.emit('error', new WardenError(this.failureCode(), this.said.join('').trim().replace(/^oom: /, '')));
    this.closed = true;
  }

  private failureCode(): WardenErrorCode {
    if (this.instance?.failed) return 'INTERNAL';
    return existsSync(this.cgroup) ? 'UNSUPPORTED' : 'NOT_FOUND';
  }

  /** Ends the watch. */
  readonly close = (): void => {
    if (this.closed) return;
    this.closed = true;
    this.instance?.stop();
  };

  [Symbol.dispose](): void { this.close(); }
}

/** Watches from now on. It keeps this process alive until it is closed, or the group removed. */
export function watchOom(cgroup: string, options: WatchOptions = {}): OomWatch { return new OomWatch(resolve(cgroup), options.signal); }
