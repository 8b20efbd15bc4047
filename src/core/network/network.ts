/** The check of a container's network, before anything is made. */
import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ifReadable } from '../../base/errors.js';
import { fullText, usage } from '../../base/validate.js';
import type { ContainerOptions } from '../options.js';

/** Loopback alone, in a namespace of its own; the network of the process that makes the container; a namespace by its file. */
export type Network = { readonly of: 'container' | 'host' } | { readonly of: 'file'; readonly path: string };

/** NSFS_MAGIC of <linux/magic.h>: the file stands for a namespace. */
const NAMESPACE_FILE_SYSTEM = 0x6e73_6673;
const TOOLS = ['/usr/bin/nsenter', '/bin/nsenter'] as const;

export const NETWORK_CHECKS = { network: fullText };

/** The command line that starts a program in the namespace. nsenter(1) */
export function entering(path: string, command: readonly string[]): string[] {
  return [TOOLS.find((tool) => existsSync(tool)) ?? TOOLS[0], `--net=${path}`, '--', ...command];
}

export function checkNetwork({ network = 'none', sysctl = {} }: Pick<ContainerOptions, 'network' | 'sysctl'>): Network {
  if (network === 'none') return { of: 'container' };
  const foreign = Object.keys(sysctl).find((name) => /^net[./]/.test(name));
  if (foreign !== undefined) throw usage(`the kernel parameter ${foreign} belongs to a network that is not the container's own (network ${network})`);
  if (network === 'host') return { of: 'host' };
  checkFile(network);
  return { of: 'file', path: network };
}

function checkFile(network: string): void {
  if (!isAbsolute(network)) throw usage(`the network must be none, host or the absolute path of a network namespace, not ${JSON.stringify(network)}`);
  if (ifReadable(() => statfsSync(network))?.type !== NAMESPACE_FILE_SYSTEM) {
    throw usage(`there is no network namespace ${network}: ip netns add NAME makes /run/netns/NAME`);
  }
  const [tool = '', ...args] = entering(network, ['true']), { status, error, stderr } = spawnSync(tool, args, { encoding: 'utf8' });
  if (status === 0) return;
  const why = error?.message ?? stderr.trim().replace(/^nsenter: /, '');
  throw usage(`the network namespace ${network} cannot be entered: ${why}${process.getuid?.() === 0 ? '' : '; only root can enter one'}`);
}
