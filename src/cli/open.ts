/** Containers and jobs that a command line names. */
import { Container } from '../container/container.js';
import { WardenError } from '../container/error.js';
import type { Job } from '../container/job.js';
import { noContainer } from './reference.js';

export async function openContainer(directory: string): Promise<Container> {
  return await orElse(Container.open(directory), noContainer(directory));
}

export async function openJob(container: Container, id: string): Promise<Job> {
  return await orElse(container.job(id), new WardenError('NOT_FOUND',
    `there is no job ${id} in the container ${container.directory}; "warden info" shows those that there are`));
}

/** The library's own words are for programmers. */
async function orElse<Thing>(found: Promise<Thing>, missing: WardenError): Promise<Thing> {
  try {
    return await found;
  } catch (error) {
    throw error instanceof WardenError && error.isNotFound ? missing : error;
  }
}
