/** A job: a command in a container under a native iomux-spawn and wsh, which outlives this process. docs/library.md, "Jobs" */
import type { ExecOptions } from './execution.js';
import type { JobLink, LinkOptions } from './link.js';

export interface SpawnOptions extends Pick<ExecOptions, 'user' | 'lang' | 'limits' | 'signal'> {
  /** The job's id, its directory's name: as a container's name. Without it one is made. */
  id?: string | undefined;
  /** Whether the command runs at once (default), or waits for the first link, so that not one byte can be missed. */
  start?: 'now' | 'linked' | undefined;
  /** How much of each stream is kept for links that come later, 4096 to 2^26 (65,536). */
  ringBytes?: number | undefined;
  /** What a link that does not read costs: the command waits (default), or the link is closed. docs/iomux-spawn.md */
  slow?: 'wait' | 'drop' | undefined;
  /** How long after the end the output's end and the status can be had, in whole seconds, 0 to 86,400 (600). */
  lingerSeconds?: number | undefined;
}

/** `waiting` for its first link; `running`; `ended`, with its status to be had; `gone`: nothing serves it any more. */
export type JobState = 'waiting' | 'running' | 'ended' | 'gone';

export interface JobInfo {
  readonly id: string;
  readonly directory: string;
  readonly state: JobState;
  readonly argv: readonly string[];
  readonly user: string;
  readonly startedAt: Date;
  /** iomux-spawn's process on the host; null when it is gone. */
  readonly pid: number | null;
  /** wsh's, the command's stand-in on the host; null when it has ended. */
  readonly wshPid: number | null;
}

export interface Job {
  readonly id: string;
  readonly directory: string;
  info(): Promise<JobInfo>;
  /** As many at the same time as one likes. */
  link(options?: LinkOptions): JobLink;
  /** SIGTERM to wsh, SIGKILL after the grace (1,000 ms): the command loses its streams. Waits for the job's end. */
  stop(options?: { graceMs?: number; signal?: AbortSignal }): Promise<void>;
  /** Ends whatever still serves it, and removes its directory. */
  remove(): Promise<void>;
}
