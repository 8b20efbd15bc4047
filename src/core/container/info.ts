/** The state of a container. docs/reference/library.md, "Looking" */
import { join } from 'node:path';
import { type CpuInfo, type MemoryInfo, readCpu, readMemory } from '../../linux/cgroup.js';
import { describeAll, type ProcessInfo } from '../../linux/processes.js';
import { readLivingInit } from '../depot/layout.js';
import { type ContainerRecord, readGroups, type RecordedIds } from '../depot/record.js';
import type { Limits } from '../../linux/rlimits.js';
import type { Job, JobInfo } from '../job/job.js';
import type { Bind } from '../options.js';
import { type InForce, readInForce } from './in-force.js';

export type { CpuInfo, InForce, MemoryInfo, ProcessInfo, RecordedIds };

export interface ContainerInfo {
  readonly id: string;
  readonly directory: string;
  /** `ended`: init has ended, and with it all other processes. */
  readonly state: 'serving' | 'ended';
  readonly createdAt: Date;
  readonly hostname: string;
  /** The caller's root; null: one of the container's own. */
  readonly root: string | null;
  readonly binds: readonly Bind[];
  /** `none`, `host`, or the path of its network namespace when it was made. */
  readonly network: string;
  /** Whose ids it has, and why they are the host's. */
  readonly ids: RecordedIds;
  /** Resource limits of its commands, where a command has none of its own. */
  readonly limits: Limits;
  /** Ends with the process that made it. */
  readonly ephemeral: boolean;
  /** The socket to which wsh connects. */
  readonly socket: string;
  /** The pid of init on the host; null when it has ended. */
  readonly pid: number | null;
  /** All processes, init included. */
  readonly processes: readonly ProcessInfo[];
  readonly jobs: readonly JobInfo[];
  /** null without a cgroup. */
  readonly memory: MemoryInfo | null;
  /** null without a cgroup. */
  readonly cpu: CpuInfo | null;
  /** What confines it; null when init has ended. */
  readonly inForce: InForce | null;
}

export async function describeContainer(directory: string, record: ContainerRecord, jobs: readonly Job[]): Promise<ContainerInfo> {
  const groups = readGroups(directory), init = readLivingInit(directory);
  const [processes, jobInfos, memory, cpu] = await Promise.all([
    init ? describeAll(init.pid) : [], Promise.all(jobs.map((job) => job.info())), readMemory(groups), readCpu(groups),
  ]);
  const { id, hostname, root, binds, network = 'none', ephemeral, limits = {}, ids = { of: 'host' } } = record;
  return {
    id, directory, state: init ? 'serving' : 'ended', createdAt: new Date(record.createdAtMs),
    hostname, root, binds, network, ids, limits, ephemeral,
    inForce: (init && readInForce(init.pid, groups, memory, binds)) ?? null,
    socket: join(directory, 'run/wshd.sock'), pid: init?.pid ?? null, processes, jobs: jobInfos, memory, cpu,
  };
}
