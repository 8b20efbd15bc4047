/** Memory that runs out in a cgroup, v1 or v2, told by the oom module in this process. docs/library.md, "Out of memory" */
import { EventEmitter } from 'node:events';
import { WardenError } from './error.js';

export interface WatchOptions { signal?: AbortSignal | undefined }

export interface OomEvent {
  /** The group's directory. */
  readonly cgroup: string;
  /** Processes that the kernel has killed for it since the last event; 0 where it may not kill. */
  readonly kills: number;
  /** null where it is unlimited, or cannot be read. */
  readonly limitBytes: number | null;
  /** The most that was ever used. */
  readonly peakBytes: number | null;
}

/** `end` comes once, when the group was removed, or the watch closed or aborted; `error`, a WardenError, instead of it. */
export interface OomWatch extends EventEmitter<{ oom: [OomEvent]; end: ['removed' | 'closed']; error: [WardenError] }>, Disposable {
  close(): void;
}

export function watchOom(cgroup: string, options: WatchOptions = {}): OomWatch {
  void options;
  throw new WardenError('INTERNAL', `cannot watch ${cgroup} yet`);
}
