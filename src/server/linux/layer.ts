/**
 * What a container writes: DEPOT/.layers/ID, over the root file system that all share. The files that differ from container to
 * container are there before it starts.
 */
import { chownSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import type { Layer } from '../../index.js';

export const LAYERS = '.layers';
const HOST_RESOLVER_ONLY = /^\s*nameserver\s+127\.0\.0\.1\s*$/;
export const USER = 'vcap';

export interface LayerFacts {
  readonly id: string;
  readonly uid: number;
  readonly hostAddress: string;
  readonly containerAddress: string;
  readonly dnsServers: readonly string[];
}

const layerPath = (depot: string, id: string): string => join(depot, LAYERS, id);

/** A file of the root file system's, never one outside of it that a link leads to. */
function rootFile(rootfs: string, path: string): string | undefined {
  return ifReadable(() => (lstatSync(join(rootfs, path)).isFile() ? readFileSync(join(rootfs, path), 'utf8') : undefined));
}

/** The number that vcap has in the root file system itself; undefined where there is none, or already this one. */
export function oldNumberOf(rootfs: string, uid: number): number | undefined {
  const line = (rootFile(rootfs, 'etc/passwd') ?? '').split('\n').find((each) => each.startsWith(`${USER}:`));
  const number = Number(line?.split(':')[2] ?? NaN);
  return Number.isInteger(number) && number !== uid ? number : undefined;
}

/** The file with its lines, but with this one for the user or group. */
function replaced(text: string | undefined, fallback: string, line: string): string {
  const others = (text ?? fallback).split('\n').filter((each) => each !== '' && !each.startsWith(`${USER}:`));
  return [...others, line, ''].join('\n');
}

/** `host`: the host's file. What only the host reaches is of no use in a container. */
export function resolvConf({ dnsServers, hostAddress }: Pick<LayerFacts, 'dnsServers' | 'hostAddress'>, host: string): string {
  if (dnsServers.length > 0) return dnsServers.map((server) => `nameserver ${server}\n`).join('');
  return HOST_RESOLVER_ONLY.test(host) ? `nameserver ${hostAddress}\n` : host;
}

export function makeLayer(depot: string, rootfs: string, facts: LayerFacts): Layer {
  const { id, uid, containerAddress } = facts, path = layerPath(depot, id);
  const upper = join(path, 'upper'), work = join(path, 'work');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const directory of [upper, work]) mkdirSync(directory, { mode: 0o755 });
  const files: Record<string, string> = {
    'hosts': `127.0.0.1 localhost\n${containerAddress} ${id}\n`,
    'hostname': `${id}\n`,
    'resolv.conf': resolvConf(facts, textOfFile('/etc/resolv.conf', 'utf8')),
    'passwd': replaced(rootFile(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash', `${USER}:x:${uid}:${uid}::/home/${USER}:/bin/bash`),
    'group': replaced(rootFile(rootfs, 'etc/group'), 'root:x:0:', `${USER}:x:${uid}:`),
  };
  mkdirSync(join(upper, 'etc'), { mode: 0o755 });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(upper, 'etc', name), text, { mode: 0o644 });
  const home = join(upper, 'home', USER);
  mkdirSync(join(upper, 'home'), { mode: 0o755 });
  mkdirSync(home, { mode: 0o755 });
  chownSync(home, uid, uid);
  return { upper, work };
}

/** Also where the container itself is gone. Links in it are removed, not followed. */
export function removeLayer(depot: string, id: string): void { rmSync(layerPath(depot, id), { recursive: true, force: true }); }
