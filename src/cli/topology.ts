/** `warden ps` and `warden topology`: what runs in containers, and what connects it. */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { reason, WardenError } from '../container/error.js';
import { isName, namesIn } from '../container/layout.js';
import { readRecord } from '../container/record.js';
import type { Topology } from '../topology/model.js';
import { locate, takeSnapshot } from '../topology/read.js';
import { type Look, processText, topologyText } from '../topology/text.js';
import { topologyOf } from '../topology/topology.js';
import { checkRoot, containerDirectory, noContainer } from './reference.js';

export interface PsOptions {
  depot: string;
  json?: true;
}

export interface TopologyOptions {
  depot: string;
  format: 'tree' | 'json' | 'svg';
  svg?: string;
}

export function ps(name: string | undefined, options: PsOptions): number {
  const topologies = look(name, options.depot);
  if (options.json) return print(json(name, topologies.map(withoutDescriptors)));
  return print(topologies.map((topology) => processText(topology, terminal())).join('\n'));
}

export async function topology(name: string | undefined, { depot, format, svg }: TopologyOptions): Promise<number> {
  const topologies = look(name, depot);
  if (svg === undefined && format === 'json') return print(json(name, topologies));
  if (svg === undefined && format === 'tree') return print(topologies.map((one) => topologyText(one, terminal())).join('\n'));
  const [only, ...others] = topologies;
  if (!only || others.length > 0) {
    throw new WardenError('USAGE', `a picture is of one container, and there are ${topologies.length} in the depot ${depot}; name one`);
  }
  const { topologySvg } = await import('../topology/svg.js');
  if (svg === undefined) return print(topologySvg(only));
  try {
    writeFileSync(svg, topologySvg(only));
  } catch (error) {
    throw new WardenError('USAGE', `cannot write the picture to ${svg}: ${reason(error)}`, { cause: error });
  }
  return 0;
}

/** One snapshot for all, so that what two of them share is shown alike. */
function look(name: string | undefined, depot: string): Topology[] {
  const directories = name === undefined ? containersIn(resolve(depot)) : [containerDirectory(name, depot)];
  checkRoot('look at the processes of containers');
  const missing = directories.find((directory) => !existsSync(join(directory, 'run')));
  if (missing !== undefined) throw noContainer(missing);
  const snapshot = takeSnapshot();
  return directories.map((directory) => topologyOf(snapshot, locate(directory)));
}

/** As Container.list; that would bring all of the library along. */
function containersIn(depot: string): string[] {
  return namesIn(depot).filter(isName).map((id) => join(depot, id)).filter((directory) => readRecord(directory) !== undefined);
}

function withoutDescriptors({ version, container, processes }: Topology): object {
  return { version, container, processes: processes.map(({ descriptors: _, ...process }) => process) };
}

function json(name: string | undefined, all: readonly object[]): string {
  return `${JSON.stringify(name === undefined ? all : all[0], undefined, 2)}\n`;
}

function terminal(): Look {
  const { isTTY, columns } = process.stdout;
  return { columns: isTTY ? columns : Infinity, colors: pc.createColors(isTTY && pc.isColorSupported) };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
