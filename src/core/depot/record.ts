/** What a container's directory records: etc/container.json and etc/cgroups. */
import { lstatSync, readFileSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { fieldsOf } from '../../base/validate.js';
import { type Group, parseGroups } from '../../linux/cgroup.js';
import { ID_METHODS, type IdRange, parseMap } from '../../linux/ids.js';
import { isAlive } from '../../linux/process.js';
import type { Limits } from '../../linux/rlimits.js';
import type { Bind } from '../options.js';
import { isId } from './id.js';
import { namesIn, readJson, readLivingInit } from './layout.js';
import { ownerLink, readOwner } from './owner.js';

const VERSION = 1;

export interface ContainerRecord {
  readonly version: typeof VERSION;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly hostname: string;
  /** null: a root of its own. */
  readonly root: string | null;
  readonly binds: readonly Bind[];
  /** `none`, `host`, or the path of a namespace. Absent in records of versions that had none. */
  readonly network?: string;
  readonly ephemeral: boolean;
  /** Of commands that have none of their own. Absent in records of earlier versions. */
  readonly limits?: Limits;
  /** Absent in records of versions that had the host's alone. */
  readonly ids?: RecordedIds;
}

/** Whose ids the container has. */
export interface RecordedIds {
  readonly of: 'container' | 'user' | 'host';
  readonly uids?: readonly IdRange[];
  readonly gids?: readonly IdRange[];
  /** Why they are the host's, where others were wished for. */
  readonly why?: string;
}

/** Whether a file belongs to our user: others may be able to write to the depot, and may have set a trap. */
export function isOurs(info: Stats | undefined): boolean { return info !== undefined && info.uid === process.getuid?.(); }

/** Whether a directory belongs to our user, who alone can write to it. */
export function isOurDirectory(directory: string): boolean {
  const info = ifReadable(() => lstatSync(directory, { throwIfNoEntry: false }));
  return info !== undefined && isOurs(info) && info.isDirectory() && (info.mode & 0o022) === 0;
}

/** Writes the record: the last step of making a container. rename(2) is atomic, so no reader sees half of it. */
export function writeRecord(directory: string, record: Omit<ContainerRecord, 'version'>): void {
  const file = join(directory, 'etc/container.json');
  writeFileSync(`${file}.new`, `${JSON.stringify({ version: VERSION, ...record }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function isRecord(value: unknown): value is ContainerRecord {
  const { version, id, createdAtMs, hostname, root, binds, ephemeral } = fieldsOf<ContainerRecord>(value);
  return version === VERSION && Number.isFinite(createdAtMs) && typeof ephemeral === 'boolean'
    && [id, hostname, root ?? ''].every((each) => typeof each === 'string') && Array.isArray(binds) && binds.every(isBind);
}

function isBind(value: unknown): boolean {
  const { source, target } = fieldsOf<Bind>(value);
  return typeof source === 'string' && typeof target === 'string';
}

/** undefined for a directory that is no container, is one not yet, or is being removed. */
export function readRecord(directory: string): ContainerRecord | undefined {
  if (!isOurDirectory(directory)) return undefined;
  const json = readJson(join(directory, 'etc/container.json')), record = isRecord(json) ? json : undefined;
  const owner = readOwner(directory);
  if (owner === undefined) return lstatSync(ownerLink(directory), { throwIfNoEntry: false }) ? undefined : record;
  return record?.ephemeral && isAlive(owner) ? record : undefined;
}

/** The directories of a depot's containers, ordered by id. */
export function containersIn(depot: string): string[] {
  return namesIn(depot).filter(isId).map((id) => join(depot, id)).filter((directory) => readRecord(directory) !== undefined);
}

/** What can be read of a container without opening it. */
export interface ContainerSummary {
  /** `ended`: init has ended, and with it all other processes. */
  readonly state: 'serving' | 'ended';
  /** null: a root of its own. */
  readonly root: string | null;
  readonly limits?: Limits | undefined;
}

/** undefined when there is no container in this directory. */
export function readSummary(directory: string): ContainerSummary | undefined {
  const record = readRecord(directory);
  return record && { state: readLivingInit(directory) ? 'serving' : 'ended', root: record.root, limits: record.limits };
}

/** The container's cgroups, as they were planned or made. */
export function readGroups(directory: string): Group[] {
  return ifReadable(() => parseGroups(readFileSync(join(directory, 'etc/cgroups'), 'utf8'))) ?? [];
}

/** The range of ids that the container has claimed; undefined without one. */
export function readRange(directory: string): IdRange | undefined {
  const [method, uidMap = ''] = textOfFile(join(directory, 'etc/ids')).split('\0');
  return method === String(ID_METHODS.write) ? parseMap(uidMap)[0] : undefined;
}
