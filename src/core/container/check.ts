/** Checks of a container's options, before anything is made. */
import { statSync } from 'node:fs';
import { isAbsolute, normalize, resolve } from 'node:path';
import { ifReadable } from '../../base/errors.js';
import { abortSignal, callback, checkOptions, type Checks, flag, fullText, integer, listOf, mustBe, objectOf, oneOf, text, usage } from '../../base/validate.js';
import { checkNetwork, type Network, NETWORK_CHECKS } from '../network/network.js';
import { type Bind, BOUNDS, type ContainerOptions, type Layer, USER_NAMESPACES, type UserNamespace } from '../options.js';
import { checkSystem } from '../../base/system.js';
import { checkId } from '../depot/id.js';
import { limitsCheck } from '../../linux/rlimits.js';
import type { EtcName } from '../rootfs/etc-files.js';
import { checkLayer, coverableEtc, prepareRootfs } from '../rootfs/given-root.js';
import type { CheckedBind } from '../rootfs/rootfs.js';
import { checkUser, readIdFacts } from './choose-ids.js';
import { checkConfinement, CONFINEMENT_CHECKS, type Confinement } from './check-confinement.js';
import { checkPrivileges, PRIVILEGE_CHECKS, type Privileges } from './check-privileges.js';
import { checkResources, RESOURCE_CHECKS, type Resources } from './check-resources.js';

/** The kernel's limit. sethostname(2) */
const HOSTNAME_BYTES_MAX = 64;

export function checkMemory(bytes: number): void {
  if (bytes === Infinity || (Number.isSafeInteger(bytes) && bytes > 0)) return;
  throw mustBe('the limit of memory', 'a whole number of bytes above 0, or Infinity', bytes);
}

const shares = integer(BOUNDS.cpuShares.min, BOUNDS.cpuShares.max);

export function checkShares(value: number): void { shares('the CPU shares', value); }

function checkHostname(name: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name) && name.length <= HOSTNAME_BYTES_MAX) return;
  throw usage(`${JSON.stringify(name)} is invalid as a host name: a host name has 1 to ${HOSTNAME_BYTES_MAX} letters, digits, "." and "-", `
    + 'and begins and ends with a letter or digit');
}

function checkCgroup(name: string): void {
  if (/^[A-Za-z0-9][\w.-]{0,62}$/.test(name)) return;
  throw usage(`${JSON.stringify(name)} is invalid as the name of a cgroup: a letter or digit, then at most 62 letters, digits, ".", "_" and "-"`);
}

/** The bind with an absolute source and a normal target, and what its source is. */
function checkBind(bind: Bind): CheckedBind {
  const target = normalize(bind.target), source = resolve(bind.source);
  if (!isAbsolute(bind.target) || target === '/' || target.includes('\0')) throw usage(`the target of a bind must be an absolute path other than /, not ${JSON.stringify(bind.target)}`);
  const info = ifReadable(() => statSync(source, { throwIfNoEntry: false }));
  if (!info) throw usage(`there is no ${source} to be bound to ${target}`);
  if (info.isCharacterDevice() || info.isBlockDevice()) throw usage(`${source} is a device: "devices" (--device) makes it visible; a directory, a file, a socket or a FIFO can be bound`);
  return { source, target: target.replace(/\/$/, ''), readOnly: bind.readOnly ?? false, isFile: !info.isDirectory() };
}

/** The types of the options; a value that needs more is checked when the container is made. */
export const CONTAINER_CHECKS: Checks<ContainerOptions> = {
  depot: fullText,
  id: text,
  hostname: text,
  root: fullText,
  binds: listOf(objectOf<Bind>({ source: fullText, target: fullText, readOnly: flag }, ['source', 'target'])),
  layer: objectOf<Layer>({ upper: fullText, work: fullText }, ['upper', 'work']),
  cgroup: text,
  etc: flag,
  memoryBytes: (_, value) => { checkMemory(value as number); },
  cpuShares: shares,
  limits: limitsCheck,
  ...CONFINEMENT_CHECKS,
  userns: oneOf(...USER_NAMESPACES),
  onNote: callback,
  ...PRIVILEGE_CHECKS,
  ...RESOURCE_CHECKS,
  ...NETWORK_CHECKS,
  ephemeral: flag,
  sweep: flag,
  onSweepFailure: callback,
  signal: abortSignal,
};

/** Root of a privileged container is the host's, but of an ordinary user's container that user. */
function checkUserNamespace({ userns = 'auto', privileged = false }: ContainerOptions): UserNamespace {
  const facts = readIdFacts();
  checkUser(userns, facts);
  if (!privileged || facts.uid !== 0) return userns;
  if (userns === 'required') throw usage('root of a privileged container is root of the host: leave out privileged, or userns \'required\'');
  return 'host';
}

/** Options that passed, with absolute paths. */
export interface CheckedOptions extends Pick<ContainerOptions, 'hostname' | 'memoryBytes' | 'cpuShares' | 'cgroup' | 'limits'>, Confinement, Privileges, Resources {
  readonly root: string | undefined;
  readonly binds: readonly CheckedBind[];
  readonly layer: Layer | undefined;
  readonly network: Network;
  /** Files of the root's /etc that get another content in the container. */
  readonly etc: readonly EtcName[];
  readonly userns: UserNamespace;
}

/** Throws what `Container.create` would throw for these options, before it makes anything. */
export function checkContainer(options: ContainerOptions): void { checkContainerOptions(options); }

export function checkContainerOptions(options: ContainerOptions): CheckedOptions {
  checkOptions(options, CONTAINER_CHECKS);
  const { hostname, memoryBytes, cpuShares, cgroup, limits, layer } = options;
  if (options.id !== undefined) checkId('container', options.id);
  if (hostname !== undefined) checkHostname(hostname);
  if (cgroup !== undefined) checkCgroup(cgroup);
  checkSystem();
  const userns = checkUserNamespace(options);
  const binds = (options.binds ?? []).map(checkBind);
  const privileges = checkPrivileges(options, options.privileged ?? false);
  const confinement = { ...checkConfinement(options), ...privileges, ...checkResources(options), network: checkNetwork(options) };
  const settings = { hostname, memoryBytes, cpuShares, cgroup, limits, binds, userns, ...confinement };
  if (options.root === undefined) {
    if (layer !== undefined) throw usage('a layer lies over a root directory: give the root, too');
    if (options.etc !== undefined) throw usage('a root of its own always has files of its own in /etc: give a root directory, or leave out "etc" (--no-etc)');
    return { ...settings, root: undefined, layer: undefined, etc: [] };
  }
  const root = prepareRootfs(options.root);
  const etc = options.etc === false ? [] : coverableEtc(root, layer !== undefined);
  return { ...settings, root, layer: layer && checkLayer(root, layer), etc };
}
