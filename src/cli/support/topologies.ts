/** What `warden ps` and `warden topology` share. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { containersIn } from '../../index.js';
import { WardenError } from '../../base/errors.js';
import type { Topology } from '../../topology/model.js';
import { locateMonitored } from '../../topology/monitors.js';
import { locate, takeSnapshot } from '../../topology/read.js';
import type { ContainerPlace } from '../../topology/snapshot.js';
import type { Look } from '../../topology/text.js';
import { topologyOf } from '../../topology/topology.js';
import { colors, printJson } from './print.js';
import { containerDirectory, noContainer, requireLinux } from './reference.js';

/** As many characters of an id as podman shows. */
const ID_COLUMNS = 12;

/**
 * The topology of the named container; without a name, of all in the depot and all whose monitor is conmon. All are made of one snapshot,
 * so they agree.
 */
export function topologies(name: string | undefined, depot: string): Topology[] {
  requireLinux();
  const snapshot = takeSnapshot(), monitored = locateMonitored(snapshot);
  if (name === undefined) return [...containersIn(resolve(depot)).map(locate), ...monitored].map((place) => topologyOf(snapshot, place));
  const directory = containerDirectory(name, depot);
  return [topologyOf(snapshot, existsSync(join(directory, 'run')) ? locate(directory) : monitoredBy(name, monitored, directory))];
}

/** The container of podman's that has this name, or whose id begins so. */
function monitoredBy(name: string, monitored: ReturnType<typeof locateMonitored>, directory: string): ContainerPlace {
  const found = monitored.filter((place) => place.name === name || place.id.startsWith(name));
  const [only = found.find((place) => place.name === name || place.id === name)] = found.length === 1 ? found : [];
  if (only) return only;
  if (found.length === 0) throw noContainer(directory);
  throw new WardenError('USAGE', `${found.length} containers have an id that begins with ${name}: ${found.map(({ id }) => id.slice(0, ID_COLUMNS)).join(', ')}`);
}

/** Prints an object for a container that was named, and an array of all otherwise. */
export function printOneOrAll(name: string | undefined, all: readonly object[]): Promise<void> {
  return printJson(name === undefined ? all : all[0]);
}

export function terminalLook(): Look {
  const { isTTY, columns } = process.stdout;
  return { columns: isTTY ? columns : Infinity, colors };
}
