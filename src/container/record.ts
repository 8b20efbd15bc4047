/** What a container's directory says about it, beside what is alive: etc/container.json, etc/cgroups. */
import { lstatSync, readFileSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Group, parseGroups } from './cgroup.js';
import { ifReadable } from './error.js';
import { ownerLink, readJson, readOwner } from './layout.js';
import { isAlive } from './process.js';
import type { Bind } from './root.js';

const VERSION = 1;

export interface ContainerRecord {
  readonly version: typeof VERSION;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  readonly hostname: string;
  readonly root: string | null;
  readonly binds: readonly Bind[];
  readonly ephemeral: boolean;
}

/** In a depot that others can write to, what is not entirely ours may be a trap. */
export function isOurs(info: Stats | undefined): boolean { return info !== undefined && info.uid === process.getuid?.(); }

export function isOurDirectory(directory: string): boolean {
  const info = lstatSync(directory, { throwIfNoEntry: false });
  return info !== undefined && isOurs(info) && info.isDirectory() && (info.mode & 0o022) === 0;
}

/** The last step of a container's making: all at once, so that nobody reads half of it. */
export function writeRecord(directory: string, record: Omit<ContainerRecord, 'version'>): void {
  const file = join(directory, 'etc/container.json');
  writeFileSync(`${file}.new`, `${JSON.stringify({ version: VERSION, ...record }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function parsed(directory: string): ContainerRecord | undefined {
  const record = readJson(join(directory, 'etc/container.json'));
  return isRecord(record) ? record : undefined;
}

function isRecord(value: unknown): value is ContainerRecord {
  const { version, id, createdAtMs, hostname, root, binds, ephemeral } = Object(value) as Record<keyof ContainerRecord, unknown>;
  return version === VERSION && Number.isFinite(createdAtMs) && typeof ephemeral === 'boolean'
    && [id, hostname, root ?? ''].every((each) => typeof each === 'string') && Array.isArray(binds) && binds.every(isBind);
}

function isBind(value: unknown): boolean {
  const { source, target } = Object(value) as Record<keyof Bind, unknown>;
  return typeof source === 'string' && typeof target === 'string';
}

/** undefined for what is no container, not one yet, or none any more. */
export function readRecord(directory: string): ContainerRecord | undefined {
  if (!isOurDirectory(directory)) return undefined;
  const record = parsed(directory), owner = readOwner(directory);
  if (owner === undefined) return lstatSync(ownerLink(directory), { throwIfNoEntry: false }) ? undefined : record;
  return record?.ephemeral && isAlive(owner) ? record : undefined;
}

export function readGroups(directory: string): Group[] {
  return ifReadable(() => parseGroups(readFileSync(join(directory, 'etc/cgroups'), 'utf8'))) ?? [];
}
