/** Checks of what a container's processes may have and call: capabilities and system calls. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { reason, type WardenError } from '../../base/errors.js';
import { type Checks, fullText, listOf, usage } from '../../base/validate.js';
import { allCapabilities, capabilityOf, DEFAULT_CAPABILITIES, makeDefaultFilter, makeFilter } from '../../linux/filter.js';
import type { ContainerOptions } from '../options.js';

type PrivilegeOptions = Pick<ContainerOptions, 'capAdd' | 'capDrop' | 'seccomp'>;

/** The filter of system calls: the build's, one made for this container, or none. */
export type Seccomp = 'default' | 'unconfined' | Buffer;

export interface Privileges {
  /** The bounding set of the container's processes, in the order of capabilities(7). */
  readonly capabilities: readonly string[] | 'all';
  readonly seccomp: Seccomp;
}

export const PRIVILEGE_CHECKS: Checks<PrivilegeOptions> = { capAdd: listOf(fullText), capDrop: listOf(fullText), seccomp: fullText };

const EVERY = 'all', UNCONFINED = 'unconfined';
const PROFILE_BYTES_MAX = 2 ** 20;

/** Everything where it is `privileged`; options that name more or less count all the same. */
export function checkPrivileges({ capAdd = [], capDrop = [], seccomp }: PrivilegeOptions, privileged: boolean): Privileges {
  const capabilities = capabilitiesOf(capAdd, capDrop, privileged);
  const names = capabilities === 'all' ? allCapabilities : (): readonly string[] => capabilities;
  if (seccomp === UNCONFINED || (seccomp === undefined && privileged)) return { capabilities, seccomp: 'unconfined' };
  if (seccomp !== undefined) return { capabilities, seccomp: filterOf(seccomp, names()) };
  return { capabilities, seccomp: capabilities === DEFAULT_CAPABILITIES ? 'default' : makeDefaultFilter(names()) };
}

/** As podman has it: what is dropped goes, unless it is added by name; "all" stands for every one. */
function capabilitiesOf(capAdd: readonly string[], capDrop: readonly string[], privileged: boolean): readonly string[] | 'all' {
  if (capAdd.length === 0 && capDrop.length === 0) return privileged ? 'all' : DEFAULT_CAPABILITIES;
  const added = capAdd.map(named), dropped = capDrop.map(named);
  const both = added.find((name) => dropped.includes(name));
  if (both !== undefined) throw usage(`the capability ${both} is to be added and to be dropped: leave out one of the two`);
  const most = privileged || added.includes(EVERY) ? allCapabilities() : DEFAULT_CAPABILITIES, keepsNone = dropped.includes(EVERY);
  return allCapabilities().filter((name) => added.includes(name) || (!keepsNone && most.includes(name) && !dropped.includes(name)));
}

function named(name: string): string {
  if (name.toLowerCase() === EVERY) return EVERY;
  const known = capabilityOf(name);
  if (known === undefined) throw usage(`there is no capability ${JSON.stringify(name)}; capabilities(7) lists them, such as NET_ADMIN, and ALL is every one`);
  return known;
}

function filterOf(file: string, capabilities: readonly string[]): Buffer {
  const filter = makeFilter(readProfile(file), capabilities);
  if (typeof filter === 'string') throw usage(`${file} is no seccomp profile: ${filter}`);
  return filter;
}

function readProfile(file: string): Buffer {
  const refuse = (why: string): WardenError => usage(`cannot read the seccomp profile ${file}: ${why}`);
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw refuse(reason(error));
  }
  try {
    const info = fstatSync(fd);
    if (!info.isFile()) throw refuse('it is not a regular file');
    if (info.size > PROFILE_BYTES_MAX) throw refuse(`it has more than ${PROFILE_BYTES_MAX} bytes`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
