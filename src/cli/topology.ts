/** `warden ps` and `warden topology`: what runs in containers, and what connects it. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { reason, WardenError } from '../container/error.js';
import { isName, namesIn } from '../container/layout.js';
import { readRecord } from '../container/record.js';
import type { Topology } from '../topology/model.js';
import { locate, takeSnapshot } from '../topology/read.js';
import { type Look, processText, topologyText } from '../topology/text.js';
import { topologyOf } from '../topology/topology.js';
import { colors, print, printJson } from './print.js';
import { checkRoot, containerDirectory, noContainer } from './reference.js';

export interface PsOptions {
  depot: string;
  json?: true;
}

export interface TopologyOptions {
  depot: string;
  format: 'tree' | 'json' | 'svg';
  json?: true;
  svg?: string;
}

export async function ps(name: string | undefined, options: PsOptions): Promise<number> {
  const topologies = look(name, options.depot);
  if (options.json) await printAsJson(name, topologies.map(withoutDescriptors));
  else await print(topologies.map((topology) => processText(topology, terminal())).join('\n'));
  return 0;
}

export async function topology(name: string | undefined, { depot, format, json, svg }: TopologyOptions): Promise<number> {
  const topologies = look(name, depot);
  if (svg !== undefined) await writePicture(svg, await picture(topologies, depot));
  else if (format === 'svg') await print(await picture(topologies, depot));
  else if (json || format === 'json') await printAsJson(name, topologies);
  else await print(topologies.map((one) => topologyText(one, terminal())).join('\n'));
  return 0;
}

async function picture([only, ...others]: readonly Topology[], depot: string): Promise<string> {
  if (!only || others.length > 0) {
    const count = only ? others.length + 1 : 0;
    throw new WardenError('USAGE', `a picture is of one container, and there are ${count} in the depot ${depot}; name one`);
  }
  const { topologySvg } = await import('../topology/svg.js');
  return topologySvg(only);
}

async function writePicture(file: string, svg: string): Promise<void> {
  await writeFile(file, svg).catch((error: unknown) => {
    throw new WardenError('USAGE', `cannot write the picture to ${file}: ${reason(error)}`, { cause: error });
  });
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

/** One that was named comes by itself. */
function printAsJson(name: string | undefined, all: readonly object[]): Promise<void> {
  return printJson(name === undefined ? all : all[0]);
}

function terminal(): Look {
  const { isTTY, columns } = process.stdout;
  return { columns: isTTY ? columns : Infinity, colors };
}
