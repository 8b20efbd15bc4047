/** What a container is doing: docs/library.md, "Looking" */
import type { Bind } from './root.js';
import type { JobInfo } from './job.js';

export interface ProcessInfo {
  /** On the host. */
  readonly pid: number;
  /** In the container. */
  readonly innerPid: number;
  /** The parent's, on the host. */
  readonly parentPid: number;
  readonly uid: number;
  /** Empty for one that is ending. */
  readonly argv: readonly string[];
  readonly residentBytes: number;
}

export interface MemoryInfo {
  readonly cgroup: string;
  readonly version: 1 | 2;
  readonly usageBytes: number;
  readonly peakBytes: number | null;
  /** null: unlimited. */
  readonly limitBytes: number | null;
  /** Processes that the kernel killed because memory ran out. */
  readonly kills: number;
}

export interface CpuInfo {
  readonly cgroup: string;
  readonly version: 1 | 2;
  readonly usageMs: number;
  /** As cgroup v1 counts them, 1024 by default. */
  readonly shares: number | null;
}

export interface ContainerInfo {
  readonly id: string;
  readonly directory: string;
  /** `ended`: its first process has gone, and with it all others. */
  readonly state: 'serving' | 'ended';
  readonly createdAt: Date;
  readonly hostname: string;
  /** The given root; null: one of its own. */
  readonly root: string | null;
  readonly binds: readonly Bind[];
  /** Ends with the process that made it. */
  readonly ephemeral: boolean;
  /** Where wsh connects. */
  readonly socket: string;
  /** Its first process on the host. */
  readonly pid: number | null;
  readonly processes: readonly ProcessInfo[];
  readonly jobs: readonly JobInfo[];
  /** null without a cgroup. */
  readonly memory: MemoryInfo | null;
  readonly cpu: CpuInfo | null;
}

export interface StopOptions {
  /** Between SIGTERM and SIGKILL (10,000). */
  graceMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface StopResult {
  /** Processes that got SIGTERM, and of them those that got SIGKILL, too. */
  readonly terminated: number;
  readonly killed: number;
}
