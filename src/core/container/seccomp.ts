/** Filters for a wshd that is started without the library: what `Container.create` gives its own. */
import { readFileSync } from 'node:fs';
import { checkOptions } from '../../base/validate.js';
import { DEFAULT_FILTER } from '../../linux/filter.js';
import type { ContainerOptions } from '../options.js';
import { checkPrivileges, PRIVILEGE_CHECKS } from './check-privileges.js';

/**
 * The filter of a profile, for `wshd --filter`, or of the default profile. Rules that are for some capabilities only are judged by
 * those that a container with the same options has. Rejects a profile with USAGE.
 */
export function seccompFilter(options: Pick<ContainerOptions, 'capAdd' | 'capDrop' | 'seccomp'>): Uint8Array {
  checkOptions(options, PRIVILEGE_CHECKS);
  const { seccomp } = checkPrivileges(options, false);
  if (seccomp === 'unconfined') return new Uint8Array();
  return seccomp === 'default' ? readFileSync(DEFAULT_FILTER) : seccomp;
}
