/**
 * The plan of a container: everything that starting it will do, made of options and of facts about the host. Making a plan reads
 * nothing and changes nothing.
 *
 *   ContainerOptions → check.ts → CheckedOptions ┐
 *   the host → readHostFacts → HostFacts         ┴→ planContainer → Plan → create.ts carries it out
 */
import { type DeviceRule, type Group, type Hierarchies, planGroups, readHierarchies } from '../../linux/cgroup.js';
import { type HostPrograms, readHostPrograms } from '../rootfs/host-programs.js';
import type { Network } from '../network/network.js';
import { BOUNDS } from '../options.js';
import { etcFile, type EtcName } from '../rootfs/etc-files.js';
import { readResolvConf } from '../rootfs/host-configuration.js';
import { bindMounts, deviceMounts, etcMounts, givenRoot, layeredRoot, ownRoot, type RootSettings } from '../rootfs/rootfs.js';
import type { Ids } from '../../linux/ids.js';
import type { RootPlan } from '../rootfs/setup-steps.js';
import type { Limits } from '../../linux/rlimits.js';
import type { CheckedOptions } from './check.js';
import type { Seccomp } from './check-privileges.js';

/** What a plan has to know of the host. */
export interface HostFacts {
  readonly hierarchies: Hierarchies;
  /** undefined when the container gets the caller's root. */
  readonly programs: HostPrograms | undefined;
  /** Content of resolv.conf for a container that gets the caller's root. */
  readonly resolvConf: string;
}

/** Names that the caller has chosen for a container. */
export interface Names {
  readonly id: string;
  /** A name for its cgroups, if the options have none: unlike the id unique on the machine, not in a depot. */
  readonly cgroup: string;
  /** The container's directory, absolute. */
  readonly directory: string;
}

/** namespaces(7) */
export type Namespace = 'cgroup' | 'ipc' | 'mount' | 'network' | 'pid' | 'user' | 'uts';

/** What keeps the processes of the container from the host, besides namespaces. */
export interface Isolation {
  /** Whose commands run with no_new_privs. prctl(2), PR_SET_NO_NEW_PRIVS */
  readonly noNewPrivileges: 'all users but root';
  /** The bounding set of all processes. */
  readonly capabilities: readonly string[] | 'all';
  /** Which system calls they can make. */
  readonly seccomp: Seccomp;
}

export interface Plan {
  readonly hostname: string;
  readonly root: RootPlan;
  /** Files in the container's directory `etc`, which are mounted over those of its root. */
  readonly etc: readonly { readonly name: EtcName; readonly content: string }[];
  readonly cgroups: {
    readonly groups: readonly Group[];
    readonly memoryBytes: number | undefined;
    readonly cpuShares: number | undefined;
    readonly cpus: number | undefined;
    /** `required`: asked for, so that a machine without the controller is an error. */
    readonly pids: { readonly limit: number; readonly required: boolean };
    /** Which devices can be opened besides the usual ones, where the kernel can say so; undefined: all. */
    readonly devices: readonly DeviceRule[] | undefined;
    readonly cpusetCpus: string | undefined;
    readonly cpusetMems: string | undefined;
    readonly blkioWeight: number | undefined;
  };
  /** Of commands that have none of their own. setrlimit(2) */
  readonly limits: Limits;
  /** The container's own; undefined: the host's. */
  readonly ids: Ids | undefined;
  readonly network: Network;
  /** wshd makes these. */
  readonly namespaces: readonly Namespace[];
  /** wshd applies this to each command. */
  readonly isolation: Isolation;
}

/** As podman's. */
const PIDS_DEFAULT = 2_048;
const ROOT_BYTES_DEFAULT = 2 ** 30, SHM_BYTES_DEFAULT = 64 * 2 ** 20, PAGE_BYTES = 4_096;

const NAMESPACES: readonly Namespace[] = ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts'];

/** The programs of the host are read only for a container that gets a root of its own. */
export function readHostFacts({ root }: CheckedOptions): HostFacts {
  const facts = { hierarchies: readHierarchies(), resolvConf: '' };
  return root === undefined ? { ...facts, programs: readHostPrograms() } : { ...facts, programs: undefined, resolvConf: readResolvConf() };
}

export function planContainer({ id, cgroup, directory }: Names, options: CheckedOptions, facts: HostFacts, ids?: Ids): Plan {
  const { binds, etc, memoryBytes, cpuShares, cpus, pidsLimit, privileged, readOnly, hostname = hostnameFrom(id) } = options;
  const { cpusetCpus, cpusetMems, blkioWeight, devices, sysctl } = options;
  const groups = planGroups(options.cgroup ?? cgroup, facts.hierarchies).filter((group) => isNeeded(group, options));
  const root = planRoot(id, hostname, options, facts.programs, ids?.method === 'single');
  return {
    hostname,
    root: { ...root, binds: [...etcMounts(directory, etc), ...bindMounts(binds), ...deviceMounts(devices)], sysctl, readOnly },
    etc: etc.map((name) => ({ name, content: etcFile(name, hostname, facts.resolvConf) })),
    cgroups: {
      groups, memoryBytes, cpuShares, cpus,
      pids: { limit: pidsLimit ?? PIDS_DEFAULT, required: pidsLimit !== undefined },
      devices: privileged ? undefined : devices.map(({ rule }) => rule), cpusetCpus, cpusetMems, blkioWeight,
    },
    limits: options.limits ?? {},
    ids,
    network: options.network,
    namespaces: namespacesOf(options.network, ids),
    isolation: { noNewPrivileges: 'all users but root', capabilities: options.capabilities, seccomp: options.seccomp },
  };
}

function namespacesOf({ of }: Network, ids: Ids | undefined): Namespace[] {
  const all: readonly Namespace[] = ids ? [...NAMESPACES, 'user'] : NAMESPACES;
  return all.filter((each) => each !== 'network' || of === 'container');
}

/** A group limits what it is asked to; one for cpuset is also what makes Java look at the other limits of version 1 (planGroups). */
function isNeeded({ controller, version }: Group, { memoryBytes, cpus, cpusetCpus, cpusetMems, blkioWeight }: CheckedOptions): boolean {
  if (controller === 'blkio') return blkioWeight !== undefined;
  if (controller !== 'cpuset' || cpusetCpus !== undefined || cpusetMems !== undefined) return true;
  return version === 1 && (memoryBytes !== undefined || cpus !== undefined);
}

function planRoot(
  id: string, hostname: string, options: CheckedOptions, programs: HostPrograms | undefined, onlyRoot: boolean,
): Omit<RootPlan, 'binds' | 'sysctl' | 'readOnly'> {
  const { root, layer } = options, settings = { ...rootSettings(options), onlyRoot };
  if (root !== undefined) return layer ? layeredRoot(id, root, layer, settings) : givenRoot(id, root, settings);
  if (programs === undefined) throw new TypeError('a root of the container\'s own needs the host\'s programs');
  return ownRoot(id, hostname, programs, settings);
}

/** What is in memory counts against the container's limit: a file system that is full must answer before the kernel kills. */
function rootSettings(
  { memoryBytes = Infinity, rootBytes, shmBytes, tmpfs, hidePids, privileged }: CheckedOptions,
): Omit<RootSettings, 'onlyRoot'> {
  return {
    rootBytes: rootBytes ?? pages(Math.min(ROOT_BYTES_DEFAULT, memoryBytes * 0.75)),
    shmBytes: shmBytes ?? pages(Math.min(SHM_BYTES_DEFAULT, memoryBytes * 0.5)),
    tmpfs, hidePids, privileged,
  };
}

function pages(bytes: number): number { return Math.max(Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES, BOUNDS.tmpfsBytes.min); }

/** An id may contain characters that a host name must not. */
export function hostnameFrom(id: string): string { return id.replace(/_/g, '-').replace(/[^A-Za-z0-9]+$/, ''); }
