/** `warden create`: a container that stays. */
import { resolve } from 'node:path';
import { checkSystem } from '../../../base/system.js';
import { Container, type ContainerOptions } from '../../../index.js';
import type { ContainerSettings } from '../../commands/options.js';
import { complain, interruptible } from '../../support/interrupt.js';
import { printJson, printLine } from '../../support/print.js';

export interface CreateOptions extends ContainerSettings { json?: boolean }

/** The library's options for those of a command line. Abandoned containers of the depot are removed first. */
export function containerOptions(command: string, settings: ContainerSettings, signal: AbortSignal): ContainerOptions {
  const { root, name, hostname, memory, cpuShares, cpus, pidsLimit, bind } = settings;
  const { cpusetCpus, cpusetMems, blkioWeight, device, sysctl } = settings;
  const { rootSize, shmSize, tmpfs, readOnly, hidepid, privileged, etc, userns, capAdd, capDrop, seccomp, ulimit, network } = settings;
  return {
    depot: resolve(settings.depot), id: name, root, hostname, memoryBytes: memory, cpuShares, cpus, pidsLimit, binds: bind, signal,
    rootBytes: rootSize, shmBytes: shmSize, tmpfs, readOnly, hidePids: hidepid, privileged, etc: etc === false ? false : undefined, userns,
    network: network?.includes('/') ? resolve(network) : network,
    cpusetCpus, cpusetMems, blkioWeight, devices: device, sysctl, capAdd, capDrop, seccomp, limits: ulimit,
    onNote: (note) => complain(command, `note: ${note}`),
    sweep: true, onSweepFailure: (failure) => complain(command, failure),
  };
}

export async function create(options: CreateOptions): Promise<number> {
  checkSystem();
  return interruptible('create', async (signal) => {
    const container = await Container.create(containerOptions('create', options, signal));
    // Interrupted behind its last step: nobody will learn its id.
    if (signal.aborted) {
      await container.destroy();
      return 0;
    }
    if (options.json) await printJson(await container.info());
    else await printLine(container.id);
    return 0;
  });
}
