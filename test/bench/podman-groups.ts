/** The cgroups that podman makes for itself and leaves behind. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { find } from './tools.js';

const PODMANS_GROUP = 'libpod_parent';
const HIERARCHIES = '/sys/fs/cgroup';

/** podman leaves its cgroups when its last container has gone; those that were here before stay. */
export function removePodmansGroups(): () => void {
  if (find('podman') === undefined) return () => undefined;
  const before = new Set(podmansGroups());
  return () => podmansGroups().filter((group) => !before.has(group)).forEach(removeGroup);
}

function podmansGroups(): string[] {
  return readdirSync(HIERARCHIES).map((name) => join(HIERARCHIES, name, PODMANS_GROUP)).filter((group) => existsSync(group));
}

function removeGroup(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) removeGroup(join(group, entry.name));
  rmdirSync(group);
}
