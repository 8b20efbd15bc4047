/** `warden create`, and what `warden run` makes. */
import { resolve } from 'node:path';
import { Container } from '../container/container.js';
import type { ContainerSettings } from './commands/options.js';
import { complain, interruptible } from './interrupt.js';
import { printJson, printLine } from './print.js';
import { checkRoot } from './reference.js';

export interface CreateOptions extends ContainerSettings { json?: boolean }

/** A container as the command line wants it, in a depot without what is left of others. */
export async function make(command: string, settings: ContainerSettings, ephemeral: boolean, signal: AbortSignal): Promise<Container> {
  const { root, name, hostname, memory, cpu, bind } = settings;
  const depot = resolve(settings.depot);
  // wshd passes it on to all that will run in the container, whose files are no business of our user's habits.
  process.umask(0o022);
  const { failures } = await Container.sweep(depot);
  for (const failure of failures) complain(command, failure);
  return Container.create({ depot, root, name, hostname, memoryBytes: memory, cpuShares: cpu, binds: bind, ephemeral, signal });
}

export async function create(options: CreateOptions): Promise<number> {
  checkRoot('make containers (namespaces and mounts)');
  return interruptible('create', async (signal) => {
    const container = await make('create', options, false, signal);
    if (options.json) await printJson(await container.info());
    else await printLine(container.id);
    return 0;
  });
}
