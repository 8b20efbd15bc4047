/** The section `isolation`: what keeps containers from the host. The library judges each value, and all of them together. */
import { BOUNDS, checkContainer, type ContainerOptions, RANGE_IDS, USER_NAMESPACES } from '../../index.js';
import { WardenError } from '../../base/errors.js';
import type { Config, Isolation } from './config.js';
import type { Section } from './document.js';

/** Names in the file. */
const KEYS: Readonly<Record<keyof Isolation, string>> = {
  userns: 'user_namespace', privileged: 'privileged', readOnly: 'read_only', hidePids: 'hide_pids', capAdd: 'capabilities_add',
  capDrop: 'capabilities_drop', seccomp: 'seccomp', pidsLimit: 'pids_limit', shmBytes: 'shm_bytes', tmpfs: 'tmpfs', devices: 'devices',
  sysctl: 'sysctl',
};

export function isolation(section: Section, uids: Config['uids']): Isolation {
  const asked = read(section), given = (Object.keys(KEYS) as (keyof Isolation)[]).filter((name) => asked[name] !== undefined);
  for (const name of given) judge(section, KEYS[name], { [name]: asked[name] });
  if (given.length > 1) judge(section, KEYS[given[0]!], asked);
  if (asked.userns === 'required' && uids.first + uids.count > RANGE_IDS) {
    section.refuse(KEYS.userns, `needs a pool of user ids below ${RANGE_IDS} to be 'required': a container has ${RANGE_IDS} ids (user.pool_start_uid, user.pool_size)`);
  }
  return asked;
}

function read(section: Section): Isolation {
  const { pidsLimit, shmBytes } = { pidsLimit: BOUNDS.pidsLimit, shmBytes: BOUNDS.tmpfsBytes };
  const limit = section.integer(KEYS.pidsLimit, null, 0, pidsLimit.max), sysctls = section.section(KEYS.sysctl);
  return {
    userns: section.text(KEYS.userns, null) === null ? undefined : section.oneOf(KEYS.userns, 'auto', USER_NAMESPACES),
    privileged: set(section.boolean(KEYS.privileged, false)),
    readOnly: set(section.boolean(KEYS.readOnly, false)),
    hidePids: set(section.boolean(KEYS.hidePids, false)),
    capAdd: some(section.texts(KEYS.capAdd)),
    capDrop: some(section.texts(KEYS.capDrop)),
    seccomp: section.text(KEYS.seccomp, null) ?? undefined,
    pidsLimit: limit === 0 ? Infinity : limit ?? undefined,
    shmBytes: section.integer(KEYS.shmBytes, null, shmBytes.min, shmBytes.max) ?? undefined,
    tmpfs: some(section.texts(KEYS.tmpfs).map((target) => ({ target }))),
    devices: some(section.texts(KEYS.devices).map((source) => ({ source }))),
    sysctl: sysctls.keys().length === 0 ? undefined : Object.fromEntries(sysctls.keys().map((key) => [key, sysctls.word(key)])),
  };
}

/** What is not asked for is left out: defaults are the library's. */
function set(flag: boolean): true | undefined { return flag ? true : undefined; }
function some<Item>(list: readonly Item[]): readonly Item[] | undefined { return list.length === 0 ? undefined : list; }

/** @throws WardenError with the line of the key for what the library refuses */
function judge(section: Section, key: string, options: ContainerOptions): void {
  try {
    checkContainer(options);
  } catch (error) {
    if (error instanceof WardenError && error.code === 'USAGE') section.refuse(key, `is refused: ${error.message}`);
    throw error;
  }
}
