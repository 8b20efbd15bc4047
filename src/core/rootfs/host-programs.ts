/** Facts about the host that a container's own root is made of: where programs are, and what they need beside /usr. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { mountPoints } from '../../linux/mountinfo.js';
import { type HostConfiguration, readHostConfiguration, readResolvConf } from './host-configuration.js';

export interface HostPrograms {
  /** /usr, the directories beside it on hosts whose /usr is not merged, and the parts of /etc that are mounted. */
  readonly directories: readonly string[];
  /** The links beside /usr that lead into it; `path` is relative to the root. */
  readonly links: readonly { readonly path: string; readonly to: string }[];
  /** Where something is mounted and can be reached. */
  readonly mountPoints: readonly string[];
  readonly shell: string;
  readonly configuration: Omit<HostConfiguration, 'bound'>;
  readonly resolvConf: string;
}

export function readHostPrograms(): HostPrograms {
  const names = readdirSync('/').filter((name) => /^(usr|bin|sbin|lib[a-z0-9]*)$/.test(name));
  const directories: string[] = [], links: HostPrograms['links'][number][] = [];
  for (const name of names) {
    const info = lstatSync(`/${name}`);
    if (info.isDirectory()) directories.push(`/${name}`);
    if (info.isSymbolicLink()) links.push({ path: name, to: readlinkSync(`/${name}`) });
  }
  const { bound, ...configuration } = readHostConfiguration();
  directories.push(...bound);
  return {
    directories, links,
    mountPoints: mountPoints(readFileSync('/proc/self/mountinfo', 'utf8')).filter((point) => isBelow(directories, point) && statIfAny(point)),
    shell: statIfAny('/bin/bash') ? '/bin/bash' : '/bin/sh',
    configuration,
    resolvConf: readResolvConf(),
  };
}

function isBelow(directories: readonly string[], point: string): boolean {
  return directories.some((directory) => point.startsWith(`${directory}/`));
}

function statIfAny(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
