/** DEPOT/ID/snapshot.json: what a server must know to pick a container up. Replaced by rename: there is one at any moment. */
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable, unlessMissing } from '../../base/errors.js';
import { formatAddress, parseAddress } from '../config/address.js';
import type { NetOutRule, Resources } from '../container/backend.js';
import type { ServedJob } from '../job/job.js';

/** A container, as far as a snapshot describes it. */
interface Described {
  readonly state: string;
  readonly events: readonly string[];
  readonly graceTimeS: number | null;
  readonly resources: Resources;
  readonly jobs: ReadonlyMap<number, ServedJob>;
  readonly backend: { readonly path: string };
}

const FILE = 'snapshot.json', NEW_FILE = 'snapshot.json.new';

interface JobRecord {
  readonly iomux_spawn_pid: number | null;
  readonly discard_output: boolean;
  readonly log_tag: string | null;
  /** [exit status, "", ""] once it has ended: the output is in output/JOB. */
  readonly status?: readonly [number, string, string];
}

export interface Snapshot {
  readonly state: 'active' | 'stopped';
  readonly events: readonly string[];
  readonly grace_time: number | null;
  readonly limits: Record<string, never>;
  readonly resources: {
    readonly container_id: string;
    readonly handle: string;
    /** When the handle is no UTF-8. */
    readonly handle_base64?: string;
    readonly network: string;
    readonly uid: number;
    readonly ports: readonly number[];
    readonly net_in: readonly (readonly [number, number])[];
    readonly net_out: readonly (readonly [string | null, string | null, string, number | null, number | null, boolean])[];
    readonly limit_cpu: number | null;
    readonly limit_memory: number | null;
    readonly bandwidth: { readonly rate: number; readonly burst: number } | null;
  };
  readonly jobs: Readonly<Record<string, JobRecord>>;
}

function jobRecord({ process, options, status }: ServedJob): JobRecord {
  const record = { iomux_spawn_pid: process?.pid ?? null, discard_output: options.discard, log_tag: options.logTag ?? null };
  return status === undefined ? record : { ...record, status: [status, '', ''] };
}

function describe({ state, events, graceTimeS, resources, jobs }: Described): Snapshot {
  const handle = Buffer.from(resources.handle, 'latin1'), text = handle.toString('utf8');
  return {
    state: state === 'active' ? 'active' : 'stopped', events, grace_time: graceTimeS, limits: {},
    resources: {
      container_id: resources.id, handle: text, ...(Buffer.from(text).equals(handle) ? {} : { handle_base64: handle.toString('base64') }),
      network: formatAddress(resources.network), uid: resources.uid, ports: resources.ports, net_in: resources.netIn,
      net_out: resources.netOut.map(({ network, ports, protocol, icmpType, icmpCode, log }) => (
        [network ?? null, ports ?? null, protocol, icmpType ?? null, icmpCode ?? null, log] as const
      )),
      limit_cpu: resources.limitCpu ?? null, limit_memory: resources.limitMemory ?? null, bandwidth: resources.bandwidth ?? null,
    },
    jobs: Object.fromEntries([...jobs.values()].map((job) => [String(job.id), jobRecord(job)])),
  };
}

/** Replaces the snapshot unless it is `before` still; returns its text. */
export function writeSnapshot(container: Described, before: string | undefined): string {
  const { path } = container.backend, text = `${JSON.stringify(describe(container))}\n`;
  if (text === before) return text;
  writeFileSync(join(path, NEW_FILE), text, { mode: 0o600 });
  renameSync(join(path, NEW_FILE), join(path, FILE));
  return text;
}

export function snapshotText(directory: string): string | undefined { return ifReadable(() => readFileSync(join(directory, FILE), 'utf8')); }

export function removeSnapshot(directory: string): void {
  for (const name of [FILE, NEW_FILE]) unlessMissing(() => unlinkSync(join(directory, name)));
}

/** undefined where there is none, or none that makes sense. */
export function readSnapshot(directory: string): Snapshot | undefined {
  const snapshot = ifReadable(() => JSON.parse(readFileSync(join(directory, FILE), 'utf8')) as Snapshot);
  return snapshot && isSnapshot(snapshot) ? snapshot : undefined;
}

function isSnapshot({ state, events, resources, jobs }: Partial<Snapshot>): boolean {
  return (state === 'active' || state === 'stopped') && Array.isArray(events) && typeof jobs === 'object' && typeof resources === 'object'
    && typeof resources.container_id === 'string' && typeof resources.handle === 'string' && parseAddress(resources.network) !== undefined
    && Number.isInteger(resources.uid) && [resources.ports, resources.net_in, resources.net_out].every(Array.isArray);
}

export function resourcesOf({ resources: r }: Snapshot): Resources {
  return {
    id: r.container_id, handle: (r.handle_base64 === undefined ? Buffer.from(r.handle) : Buffer.from(r.handle_base64, 'base64')).toString('latin1'),
    network: parseAddress(r.network)!, uid: r.uid, ports: [...r.ports], netIn: r.net_in.map(([host, container]) => [host, container]),
    netOut: r.net_out.map(([network, ports, protocol, icmpType, icmpCode, log]): NetOutRule => ({
      network: network ?? undefined, ports: ports ?? undefined, protocol: protocol as NetOutRule['protocol'],
      icmpType: icmpType ?? undefined, icmpCode: icmpCode ?? undefined, log,
    })),
    limitCpu: r.limit_cpu ?? undefined, limitMemory: r.limit_memory ?? undefined, bandwidth: r.bandwidth ?? undefined,
  };
}
