/** What a container is doing: docs/library.md, "Looking" */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aborted } from './abort.js';
import { readCpu, readMemory } from './cgroup.js';
import { WardenError } from './error.js';
import { checkWait } from './execution.js';
import type { Job, JobInfo } from './job.js';
import type { ProcessId } from './process.js';
import { describeAll, members, signalAll } from './processes.js';
import { type ContainerRecord, readGroups } from './record.js';
import type { Bind } from './root.js';
import { whenStarted } from './underway.js';

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

const GRACE_MS = 10_000;
/** A command that was asked for is there at once, unless the machine is at its end. */
const COMING_DEADLINE_MS = 2_000;
/** What is killed is gone at once, unless it waits in the kernel. */
const KILL_DEADLINE_MS = 10_000;
/** Only their parent is told of processes' ends, so this looks, so often. */
const LOOK_AGAIN_MS = 10;

export async function describeContainer(
  directory: string, record: ContainerRecord, first: ProcessId | undefined, jobs: readonly Job[],
): Promise<ContainerInfo> {
  const groups = readGroups(directory);
  const [processes, jobInfos, memory, cpu] = await Promise.all([
    first ? describeAll(first.pid) : [], Promise.all(jobs.map((job) => job.info())), readMemory(groups), readCpu(groups),
  ]);
  const { id, hostname, root, binds, ephemeral } = record;
  return {
    id, directory, state: first ? 'serving' : 'ended', createdAt: new Date(record.createdAtMs), hostname, root, binds, ephemeral,
    socket: join(directory, 'run/wshd.sock'), pid: first?.pid ?? null, processes, jobs: jobInfos, memory, cpu,
  };
}

/** SIGTERM once to each, also to those that only come while it waits; SIGKILL to what is left after the grace. */
export async function stopAll(
  directory: string, first: ProcessId | undefined, jobs: readonly Job[], { graceMs = GRACE_MS, signal }: StopOptions,
): Promise<StopResult> {
  checkWait('graceMs', graceMs);
  if (signal?.aborted) throw aborted(signal);
  // What was asked for before is ended, too. A wshd that is stopped starts nothing, and does not keep us.
  if (first) await whenStarted(directory, jobs, { deadline: performance.now() + COMING_DEADLINE_MS, signal });
  const others = async (): Promise<number[]> => (first ? await members(first.pid) : []).filter((pid) => pid !== first?.pid);
  const terminated = new Set<number>(), killed = new Set<number>();
  const graceEnd = performance.now() + graceMs, end = graceEnd + KILL_DEADLINE_MS;
  for (let left = await others(); left.length > 0; left = await others()) {
    if (signal?.aborted) throw aborted(signal);
    const now = performance.now();
    if (now >= end) throw new WardenError('TIMED_OUT', `processes of the container are still there after SIGKILL: ${left.join(', ')}; what do they wait for? (ps -eo pid,stat,wchan,args)`);
    const told = now >= graceEnd ? killed : terminated;
    for (const pid of left.filter((each) => !told.has(each))) {
      told.add(pid);
      signalAll([pid], now >= graceEnd ? 'SIGKILL' : 'SIGTERM');
      // A stopped one would not hear it.
      signalAll([pid], 'SIGCONT');
    }
    await sleep(LOOK_AGAIN_MS);
  }
  return { terminated: terminated.size, killed: killed.size };
}
