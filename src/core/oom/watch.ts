/** Reports when memory runs out in a cgroup, v1 or v2, by the oom module in this process. docs/reference/library.md, "Out of memory" */
import { EventEmitter } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { whenAborted } from '../../base/abort.js';
import { asWardenError, WardenError, type WardenErrorCode } from '../../base/errors.js';
import { abortSignal, checkOptions, type Checks, fullText } from '../../base/validate.js';
import { type Instance, instantiate } from '../../host/instance.js';
import { memoryIn } from '../../linux/cgroup.js';

export interface WatchOptions {
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
}

export interface OomEvent {
  /** The group's directory. */
  readonly cgroup: string;
  /** null when there is no limit, or the group is gone. */
  readonly limitBytes: number | null;
  /** The highest usage so far; null where the kernel does not report it (v2 before Linux 5.19). */
  readonly peakBytes: number | null;
}

const CHECKS: Checks<WatchOptions> = { signal: abortSignal };

type OomEvents = { oom: [OomEvent]; end: ['removed' | 'closed']; error: [WardenError] };

/** `end` comes once, when the group was removed, or the watch closed or aborted; `error`, a WardenError, instead of it. */
export class OomWatch extends EventEmitter<OomEvents> implements Disposable {
  private instance: Instance | undefined;
  private readonly messages: string[] = [];
  private reporting: Promise<void> = Promise.resolve();
  private isClosed = false;

  /** `existed`: whether the group existed when the watch began. */
  private constructor(readonly cgroup: string, private readonly existed: boolean) { super(); }

  /** @internal Watches from now on. A failure is the event `error`; nothing is thrown. */
  static start(cgroupOf: () => string, options: WatchOptions): OomWatch {
    let watch: OomWatch | undefined;
    try {
      checkOptions(options, CHECKS);
      const cgroup = cgroupOf();
      watch = new OomWatch(cgroup, existsSync(cgroup));
      if (!options.signal?.aborted) watch.instantiate();
      void watch.finish(whenAborted(options.signal, watch.close));
      return watch;
    } catch (error) {
      const failed = watch ?? new OomWatch('', false);
      failed.failLater(asWardenError(error, 'UNSUPPORTED', (why) => `cannot watch ${failed.cgroup}: ${why}`));
      return failed;
    }
  }

  /** Gives the caller one turn to add listeners. */
  private failLater(error: WardenError): void {
    setImmediate(() => {
      if (this.isClosed) this.emit('end', 'closed');
      else this.emit('error', error);
      this.isClosed = true;
    });
  }

  private instantiate(): void {
    const nothing = openSync('/dev/null', 'r+');
    try {
      this.instance = instantiate('oom', {
        argv: ['oom', '--follow', '--', this.cgroup], stdio: [nothing, nothing, nothing], signals: 'call',
        onPrint: (fd, text) => {
          if (fd === 1) this.reporting = this.reporting.then(() => this.report());
          else this.messages.push(text);
        },
      });
    } finally {
      closeSync(nothing);
    }
  }

  private async report(): Promise<void> {
    // The module distinguishes the versions by the same file.
    const version = existsSync(`${this.cgroup}/memory.oom_control`) ? 1 : 2;
    const { limitBytes, peakBytes } = await memoryIn({ version, directory: this.cgroup });
    if (!this.isClosed) this.emit('oom', { cgroup: this.cgroup, limitBytes, peakBytes });
  }

  private async finish(removeAbortListener: () => void): Promise<void> {
    await this.instance?.exited;
    removeAbortListener();
    // Give the caller one turn to add listeners.
    await new Promise((resolved) => { setImmediate(resolved); });
    await this.reporting;
    if (this.isClosed || !this.instance) this.emit('end', 'closed');
    else if (!this.instance.failed && !existsSync(this.cgroup) && this.existed) this.emit('end', 'removed');
    else this.emit('error', new WardenError(this.failureCode(), this.messages.join('').trim().replace(/^oom: /, '')));
    this.isClosed = true;
  }

  private failureCode(): WardenErrorCode {
    if (this.instance?.failed) return 'INTERNAL';
    return existsSync(this.cgroup) ? 'UNSUPPORTED' : 'NOT_FOUND';
  }

  /** Ends the watch. */
  readonly close = (): void => {
    if (this.isClosed) return;
    this.isClosed = true;
    this.instance?.stop();
  };

  [Symbol.dispose](): void { this.close(); }
}

/** Watches a memory cgroup from now on. The watch keeps this process alive until it is closed, or the group is removed. */
export function watchOom(cgroup: string, options: WatchOptions = {}): OomWatch {
  return OomWatch.start(() => {
    fullText('the cgroup', cgroup);
    return resolve(cgroup);
  }, options);
}
