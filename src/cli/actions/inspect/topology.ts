/** `warden topology`: the processes of containers, and what connects them. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { reason, WardenError } from '../../../base/errors.js';
import { readSummary } from '../../../index.js';
import type { Topology } from '../../../topology/model.js';
import { topologyText } from '../../../topology/text.js';
import { print } from '../../support/print.js';
import { printOneOrAll, terminalLook, topologies } from '../../support/topologies.js';

export interface TopologyOptions {
  depot: string;
  format: 'tree' | 'json' | 'svg';
  json?: true;
  svg?: string;
}

export async function topology(name: string | undefined, { depot, format, json, svg }: TopologyOptions): Promise<number> {
  if (name === undefined && svg !== undefined && readSummary(resolve(depot, svg)) !== undefined) {
    throw new WardenError('USAGE', `--svg needs a file: ${svg} is a container in the depot ${depot}; write --svg FILE ${svg}`);
  }
  const found = topologies(name, depot);
  if (svg !== undefined) await writePicture(svg, await picture(found, depot));
  else if (format === 'svg') await print(await picture(found, depot));
  else if (json || format === 'json') await printOneOrAll(name, found);
  else await print(found.map((one) => topologyText(one, terminalLook())).join('\n'));
  return 0;
}

async function picture([only, ...others]: readonly Topology[], depot: string): Promise<string> {
  if (!only || others.length > 0) {
    const count = only ? others.length + 1 : 0;
    throw new WardenError('USAGE', `a picture shows one container, and there are ${count} in the depot ${depot}; name one`);
  }
  const { topologySvg } = await import('../../../topology/svg.js');
  return topologySvg(only);
}

async function writePicture(file: string, svg: string): Promise<void> {
  await writeFile(file, svg).catch((error: unknown) => {
    throw new WardenError('USAGE', `cannot write the picture to ${file}: ${reason(error)}`, { cause: error });
  });
}
