/** `warden list`: the containers of a depot. */
import { resolve } from 'node:path';
import { WardenError } from '../../../base/errors.js';
import { Container, type ContainerInfo } from '../../../index.js';
import { type Column, print, printJson, table } from '../../support/print.js';
import { bytes, duration } from '../../support/quantities.js';
import { requireLinux } from '../../support/reference.js';

export interface ListOptions { depot: string; json?: boolean }

const COLUMNS: readonly Column<ContainerInfo>[] = [
  { title: 'CONTAINER', cell: ({ id }) => id },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'PID', align: 'right', cell: ({ pid }) => String(pid ?? '-') },
  { title: 'AGE', align: 'right', cell: ({ createdAt }) => duration(Date.now() - createdAt.getTime()) },
  { title: 'PROCESSES', align: 'right', cell: ({ processes }) => String(processes.length) },
  { title: 'JOBS', align: 'right', cell: ({ jobs }) => String(jobs.length) },
  { title: 'MEMORY', align: 'right', cell: ({ memory }) => (memory === null ? '-' : bytes(memory.usageBytes)) },
  { title: 'LIMIT', align: 'right', cell: ({ memory }) => (memory?.limitBytes ? bytes(memory.limitBytes) : '-') },
];

export async function list(options: ListOptions): Promise<number> {
  requireLinux();
  const containers = await Container.list(resolve(options.depot));
  const infos = (await Promise.all(containers.map(infoIfAny))).filter((info) => info !== undefined);
  if (options.json) await printJson(infos);
  else await print(table(COLUMNS, infos));
  return 0;
}

/** undefined when another process has just destroyed the container. */
async function infoIfAny(container: Container): Promise<ContainerInfo | undefined> {
  try {
    return await container.info();
  } catch (error) {
    if (error instanceof WardenError && error.isNotFound) return undefined;
    throw error;
  }
}
