/** What a container class does for the server: everything that touches the machine. */
import type { ResponseInit } from '../../proto/message.js';
import type { LimitName } from '../../index.js';

/** In a container's directory: output that was read and not yet answered, by the number of the job. */
export const SPOOLS = 'output';

/** What a container holds of the pools, and what was asked for since: its snapshot's `resources`. */
export interface Resources {
  readonly id: string;
  /** Bytes, as latin1. */
  readonly handle: string;
  /** First address of its /30. */
  readonly network: number;
  readonly uid: number;
  readonly ports: number[];
  readonly netIn: [hostPort: number, containerPort: number][];
  readonly netOut: NetOutRule[];
  limitCpu: number | undefined;
  limitMemory: number | undefined;
  bandwidth: { rate: number; burst: number } | undefined;
}

export interface NetOutRule {
  readonly network: string | undefined;
  /** "A:B", or one port. */
  readonly ports: string | undefined;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'all';
  readonly icmpType: number | undefined;
  readonly icmpCode: number | undefined;
  readonly log: boolean;
}

export interface BindMount { readonly source: string; readonly target: string; readonly readOnly: boolean }

export interface Creation { readonly rootfs: string | undefined; readonly binds: readonly BindMount[] }

export interface JobRequest {
  readonly script: Buffer;
  readonly privileged: boolean;
  readonly limits: Partial<Record<LimitName, number>>;
}

export interface Cursors { readonly stdout: number; readonly stderr: number }

/** Where a job's output goes: to two files, nowhere, or to whoever reads the streams. */
export type Target = readonly [stdout: number, stderr: number] | 'ignore' | 'pipe';

export interface LinkRequest {
  /** Where to go on; undefined: with all that the job still holds. */
  readonly cursors: Cursors | undefined;
  readonly target: Target;
  /** Called when bytes may have come to the files. */
  readonly came: () => void;
  /** Called with bytes of a stream that the job does not hold any more. */
  readonly lost: (name: 'stdout' | 'stderr', bytes: number) => void;
}

/** A connection to a job's output. */
export interface Output {
  /** null where the target is no pipe. */
  readonly stdout: AsyncIterable<Buffer> | null;
  readonly stderr: AsyncIterable<Buffer> | null;
  /** The exit status, 255 for a death by a signal; when all output was written or handed out. Rejected when one of both is lost. */
  readonly exited: Promise<number>;
  /** Ends the connection, not the job. */
  close(): Promise<void>;
}

export interface BackendJob {
  /** iomux-spawn's. */
  readonly pid: number | null;
  link(request: LinkRequest): Output;
  /** Kills the command and whoever serves it. */
  kill(): Promise<void>;
  /** Removes what is left of it. */
  remove(): Promise<void>;
}

export interface OomWatcher { close(): void }

export interface Backend {
  readonly path: string;
  create(creation: Creation): Promise<void>;
  /** Ends all processes but the first; TERM, and KILL after 10 s or at once. */
  stop(kill: boolean): Promise<void>;
  destroy(): Promise<void>;
  /** The parts of an InfoResponse that the machine knows. */
  info(): Promise<ResponseInit<'Info'>>;
  spawn(id: number, request: JobRequest): Promise<BackendJob>;
  /** Of a job that a server before us started; undefined when nothing serves it any more. */
  findJob(id: number): Promise<BackendJob | undefined>;
  netIn(hostPort: number | undefined, containerPort: number | undefined): Promise<{ hostPort: number; containerPort: number }>;
  netOut(rule: NetOutRule): Promise<void>;
  copyIn(source: string, target: string): Promise<void>;
  copyOut(source: string, target: string, owner: string | undefined): Promise<void>;
  limitMemory(bytes: bigint | undefined): Promise<bigint>;
  limitCpu(shares: bigint | undefined): Promise<bigint>;
  limitBandwidth(rate: bigint, burst: bigint): Promise<void>;
  limitDisk(request: DiskLimits): Promise<DiskLimits>;
  /** Calls `ran` each time when memory runs out. */
  watchMemory(ran: () => void): OomWatcher | undefined;
}

/** What a server needs to pick up a container that an earlier server has made. */
export interface RecoverableBackend extends Backend {
  /** Whether there is something to pick up. */
  isServing(): Promise<boolean>;
  /** Makes anew what a restart does not keep. */
  recover(): Promise<void>;
  /** Removes jobs whose start was never answered: the server died before. */
  removeJobsExcept(known: ReadonlySet<number>): Promise<void>;
}

export type DiskLimits = ResponseInit<'LimitDisk'>;
