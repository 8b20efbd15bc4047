/** `warden ps`: the processes of containers. */
import type { Topology } from '../../../topology/model.js';
import { processText } from '../../../topology/text.js';
import { print } from '../../support/print.js';
import { printOneOrAll, terminalLook, topologies } from '../../support/topologies.js';

export interface PsOptions {
  depot: string;
  json?: true;
}

export async function ps(name: string | undefined, options: PsOptions): Promise<number> {
  const found = topologies(name, options.depot);
  if (options.json) await printOneOrAll(name, found.map(withoutDescriptors));
  else await print(found.map((topology) => processText(topology, terminalLook())).join('\n'));
  return 0;
}

function withoutDescriptors({ version, container, processes }: Topology): object {
  return { version, container, processes: processes.map(({ descriptors: _, ...process }) => process) };
}
