/** What this machine and this process can do for containers: facts that are read, and findings that are made of them. */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { addonPath, programPath, wasmPath } from '../../base/paths.js';
import { howToGetNative } from '../../base/native.js';
import { textOfFile } from '../../base/files.js';
import { ifReadable, reason } from '../../base/errors.js';
import { native } from '../../host/addon.js';
import { type Hierarchies, readHierarchies } from '../../linux/cgroup.js';
import { isKernelTooOld, OLDEST_KERNEL } from '../../base/system.js';
import { parseMountinfo } from '../../linux/mountinfo.js';
import { type IdFacts, readIdFacts, whyNoNamespace, whyNoOthers, whyNoRange } from './choose-ids.js';

/** One line of `warden doctor`. */
export interface Finding {
  /** What was looked at, and what was found: "root: yes". */
  readonly subject: string;
  /** `missing`: containers cannot be made. `limited`: they can, without something. */
  readonly state: 'good' | 'limited' | 'missing';
  readonly found: string;
  /** What to do; undefined when there is nothing to do. */
  readonly remedy?: string;
}

/** Everything that the findings are made of. */
export interface MachineFacts {
  readonly platform: string;
  readonly architecture: string;
  readonly nodeVersion: string;
  readonly kernel: string;
  readonly uid: number;
  /** What user namespaces need. */
  readonly ids: IdFacts;
  /** The type of the file system of /usr. */
  readonly usrType: string;
  /** The effective capabilities, as bits; undefined when they cannot be read. */
  readonly capabilities: bigint | undefined;
  readonly hierarchies: Hierarchies | undefined;
  readonly hasPtys: boolean;
  readonly hasSeccomp: boolean;
  readonly descriptorLimit: number | undefined;
  /** Why programs and modules of the package cannot be used, by their paths. */
  readonly missingFiles: readonly string[];
  /** Why the addon cannot be loaded; undefined when it can. */
  readonly addonFailure: string | undefined;
}

/** Numbers of <linux/capability.h>. */
const NEEDED_CAPABILITIES = {
  CAP_SYS_ADMIN: 21, CAP_SYS_CHROOT: 18, CAP_MKNOD: 27, CAP_SETUID: 7, CAP_SETGID: 6, CAP_CHOWN: 0, CAP_KILL: 5,
} as const;
const CAP_NET_ADMIN = 12, CAP_SYS_RESOURCE = 24;
const NODE_NEEDED = 20;
const DESCRIPTORS_USUAL = 1_024;
const PROGRAMS = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom'] as const;

export function diagnose(): Finding[] { return findingsOf(readMachineFacts()); }

function readMachineFacts(): MachineFacts {
  const status = textOfFile('/proc/self/status');
  const limitsText = textOfFile('/proc/self/limits');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const descriptorLimit = /^Max open files\s+(\d+)/m.exec(limitsText)?.[1];
  return {
    platform: process.platform, architecture: process.arch, nodeVersion: process.versions.node, kernel: release(),
    uid: process.getuid?.() ?? -1,
    ids: readIdFacts(), usrType: ifReadable(() => typeOf('/usr')) ?? '',
    capabilities: effective === undefined ? undefined : BigInt(`0x${effective}`),
    hierarchies: ifReadable(readHierarchies),
    hasPtys: existsSync('/dev/ptmx') && existsSync('/dev/pts'),
    hasSeccomp: /^Seccomp:/m.test(status),
    descriptorLimit: descriptorLimit === undefined ? undefined : Number(descriptorLimit),
    missingFiles: [...PROGRAMS.map(programPath), ...PROGRAMS.map(wasmPath)].flatMap(whyUnusable),
    addonFailure: failureOf(() => { native(); }),
  };
}

/** The type of the file system that a path is on. */
function typeOf(path: string): string {
  const holds = (point: string): boolean => point === '/' || path === point || path.startsWith(`${point}/`);
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter((mount) => holds(mount.path));
  return mounts.reduce((best, mount) => (mount.path.length >= best.path.length ? mount : best)).type;
}

function whyUnusable(path: string): string[] {
  try {
    accessSync(path, path.endsWith('.wasm') ? constants.R_OK : constants.X_OK);
    return [];
  } catch (error) {
    return [`${path}: ${reason(error)}`];
  }
}

function failureOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return existsSync(addonPath) ? reason(error) : `${addonPath} does not exist`;
  }
}

/** One finding for each subject, in an order in which a remedy for one may help the next. */
export function findingsOf(facts: MachineFacts): Finding[] {
  const { platform } = facts;
  const found = `${platform}, ${facts.architecture}`;
  const system = good('system', platform === 'linux', found, 'containers need Linux; warden sim and warden wire run anywhere');
  if (platform !== 'linux') return [system, node(facts)];
  return [
    system, processor(facts), node(facts), kernel(facts), files(facts), addon(facts), root(facts),
    userNamespace(facts),
    ...(facts.uid === 0 ? [idmappedMounts(facts), capabilities(facts), network(facts)] : [idRange(facts)]),
    limits(facts),
    cgroup(facts, 'memory', '--memory and the watch for memory'), cgroup(facts, 'cpu', '--cpu-shares'),
    ptys(facts), seccomp(facts), descriptors(facts),
  ];
}

type Otherwise = Exclude<Finding['state'], 'good'>;

function good(subject: string, isGood: boolean, found: string, remedy: string, otherwise: Otherwise = 'missing'): Finding {
  return isGood ? { subject, state: 'good', found } : { subject, state: otherwise, found, remedy };
}

function processor({ architecture }: MachineFacts): Finding {
  return good('processor', ['x64', 'arm64'].includes(architecture), architecture, 'the native programs are built for x86-64 and arm64');
}

function node({ nodeVersion }: MachineFacts): Finding {
  return good('Node', Number.parseInt(nodeVersion) >= NODE_NEEDED, nodeVersion, `install Node ${NODE_NEEDED} or later`);
}

function kernel({ kernel: version }: MachineFacts): Finding {
  return good('kernel', !isKernelTooOld(version), version, `run Linux ${OLDEST_KERNEL} or later`);
}

function files({ missingFiles }: MachineFacts): Finding {
  return good('programs', missingFiles.length === 0, missingFiles[0] ?? 'all there', howToGetNative());
}

function addon({ addonFailure }: MachineFacts): Finding {
  return good('addon', addonFailure === undefined, addonFailure ?? 'loads', howToGetNative());
}

function root({ uid }: MachineFacts): Finding {
  return good('user', uid === 0, uid === 0 ? 'root' : `uid ${uid}`, 'this user\'s containers have no limits, and no network but loopback', 'limited');
}

/** Root's containers can do without; a user's cannot. */
function userNamespace({ ids }: MachineFacts): Finding {
  const why = ids.uid === 0 ? whyNoRange(ids) : whyNoNamespace(ids);
  if (why === undefined) return good('user namespaces', true, 'containers have ids of their own', '');
  return ids.uid === 0 ? good('user namespaces', false, why, 'root of a container is root of the host (--userns)', 'limited')
    : good('user namespaces', false, why, 'only root can make containers here: try it with sudo');
}

/** The kernel's table of what has FS_ALLOW_IDMAP. mount_setattr(2), "ID-mapped mounts" */
const IDMAPPED_TYPES = [
  'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'exfat', 'ntfs3', 'tmpfs', 'ramfs', 'erofs', 'squashfs', 'zfs', 'ceph', 'bcachefs', 'virtiofs',
];

function idmappedMounts({ usrType }: MachineFacts): Finding {
  const takes = IDMAPPED_TYPES.includes(usrType);
  return good('idmapped mounts', takes, takes ? `/usr is on ${usrType}, which takes them` : `/usr is on ${usrType || 'an unknown file system'}`,
    'where it takes none, containers with the host\'s /usr have the host\'s ids; --userns required refuses them', 'limited');
}

function idRange({ ids }: MachineFacts): Finding {
  const why = whyNoOthers(ids);
  return good('ids for users', why === undefined, why ?? 'newuidmap, /etc/subuid and /etc/subgid', 'a container has root alone, no vcap: install uidmap, and give ids (usermod --add-subuids, --add-subgids)', 'limited');
}

function missingOf(have: bigint | undefined): string[] {
  return Object.entries(NEEDED_CAPABILITIES).filter(([, bit]) => ((have ?? 0n) >> BigInt(bit) & 1n) === 0n).map(([name]) => name);
}

function capabilities({ capabilities: have }: MachineFacts): Finding {
  const missing = missingOf(have);
  return good('capabilities', missing.length === 0, missing.length === 0 ? 'enough' : `without ${missing.join(', ')}`,
    'root lacks these, as in a container: docker run --privileged, or --cap-add');
}

function has(have: bigint | undefined, bit: number): boolean { return ((have ?? 0n) >> BigInt(bit) & 1n) === 1n; }

function network({ capabilities: have }: MachineFacts): Finding {
  return good('network', has(have, CAP_NET_ADMIN), has(have, CAP_NET_ADMIN) ? 'loopback can be set up' : 'without CAP_NET_ADMIN',
    'the loopback interface of a container cannot be set up: --cap-add NET_ADMIN');
}

function limits({ capabilities: have }: MachineFacts): Finding {
  return good('resource limits', has(have, CAP_SYS_RESOURCE), has(have, CAP_SYS_RESOURCE) ? 'can be raised' : 'without CAP_SYS_RESOURCE',
    'no command can have higher limits than this process: --cap-add SYS_RESOURCE', 'limited');
}

function cgroup({ hierarchies }: MachineFacts, controller: 'memory' | 'cpu', purpose: string): Finding {
  const isV1 = hierarchies?.v1[controller] !== undefined, isV2 = hierarchies?.v2Controllers.includes(controller) === true;
  const version = isV1 ? 'version 1' : 'version 2';
  return good(`cgroup ${controller}`, isV1 || isV2, isV1 || isV2 ? version : 'not mounted', `mount it for ${purpose} (cgroups(7))`, 'limited');
}

function ptys({ hasPtys }: MachineFacts): Finding {
  return good('ptys', hasPtys, hasPtys ? '/dev/pts' : 'no /dev/ptmx or no /dev/pts', 'mount devpts for commands at a terminal (mount -t devpts devpts /dev/pts)', 'limited');
}

function seccomp({ hasSeccomp }: MachineFacts): Finding {
  return good('seccomp', hasSeccomp, hasSeccomp ? 'in the kernel' : 'not in the kernel', 'system calls cannot be filtered: CONFIG_SECCOMP_FILTER', 'limited');
}

function descriptors({ descriptorLimit }: MachineFacts): Finding {
  const enough = descriptorLimit === undefined || descriptorLimit >= DESCRIPTORS_USUAL;
  return good('descriptors', enough, descriptorLimit === undefined ? 'unlimited' : String(descriptorLimit),
    'raise ulimit -n: a command holds 12 descriptors while it runs in this process', 'limited');
}
