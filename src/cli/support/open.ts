/** Opens the containers and jobs that a command line names. */
import { join, resolve } from 'node:path';
import { WardenError } from '../../base/errors.js';
import { Container, isId, type Job } from '../../index.js';
import { containerDirectory, noContainer } from './reference.js';

export async function openContainer(directory: string): Promise<Container> {
  return await orElse(Container.open(directory), noContainer(directory));
}

export async function openJob(container: Container, id: string): Promise<Job> {
  return await orElse(container.job(id), new WardenError('NOT_FOUND',
    `there is no job ${id} in the container ${container.directory}; "warden info" shows those that exist`));
}

/** What CONTAINER, its directory, or CONTAINER/JOB names. */
export interface Target { readonly container: Container; readonly job: Job | undefined }

/** Opens what a name stands for: CONTAINER/JOB if such a container exists in the depot, else a container. */
export async function openTarget(name: string, depot: string): Promise<Target> {
  const [id, job, ...more] = name.split('/');
  const isPair = more.length === 0 && id !== undefined && job !== undefined && isId(id) && isId(job);
  const container = isPair ? await Container.open(join(resolve(depot), id)).catch(() => undefined) : undefined;
  if (container && job !== undefined) return { container, job: await openJob(container, job) };
  return { container: await openContainer(containerDirectory(name, depot)), job: undefined };
}

/** Replaces the library's "not found", which is a sentence for programmers. */
async function orElse<Thing>(found: Promise<Thing>, missing: WardenError): Promise<Thing> {
  try {
    return await found;
  } catch (error) {
    throw error instanceof WardenError && error.isNotFound ? missing : error;
  }
}
