/** The parts of a container's root file system, made of options and facts: mounts, and the files between them. */
import type { Mount } from '../../linux/mountinfo.js';
import type { Bind, Layer, Tmpfs } from '../options.js';
import type { Group } from '../../linux/cgroup.js';
import { accountFiles, TTY_GROUP, VCAP_ID, type EtcName, hostsFile } from './etc-files.js';
import type { HostPrograms } from './host-programs.js';
import type { Entry, RootPlan } from './setup-steps.js';

/** As in the original's containers. */
const READ_ONLY = ['readOnly', 'noSuid', 'noDevices'] as const;

/** All containers share kernel.pty.max, 4,096 by default; one with these many has a fault, or means harm. */
const PTYS_MAX = 256;
/** /dev holds a dozen nodes and links. */
const DEV_BYTES = 64 * 1_024, DEV_INODES = 1_024;
/** An inode of a tmpfs takes about a KiB of the kernel's memory, whatever is in the file. */
const BYTES_AN_INODE = 4_096;

/** Sizes of what a container keeps in memory, and how it sees processes of other users. */
export interface RootSettings {
  readonly rootBytes: number;
  readonly shmBytes: number;
  readonly hidePids: boolean;
  readonly tmpfs: readonly Tmpfs[];
  readonly privileged: boolean;
  /** Whether there is root alone, and no id for anybody else. */
  readonly onlyRoot: boolean;
}

/** proc_pid_mountinfo(5) and the kernel's filesystems/tmpfs.rst: `size` and `nr_inodes` are bounds of this mount alone. */
function tmpfsData(mode: string, bytes: number, inodes = Math.ceil(bytes / BYTES_AN_INODE)): string {
  return `mode=${mode},size=${bytes},nr_inodes=${inodes}`;
}

/** New instances of the kernel's own file systems. Lists of mounts show the container's id as their source. */
function privateMounts(id: string, { shmBytes, hidePids, tmpfs, onlyRoot }: RootSettings): Mount[] {
  const pts = `newinstance,ptmxmode=0666,mode=0620,max=${PTYS_MAX}${onlyRoot ? '' : `,gid=${TTY_GROUP}`}`;
  return [
    { source: id, target: '/proc', type: 'proc', flags: ['noSuid', 'noDevices', 'noExecute'], ...(hidePids ? { data: 'hidepid=invisible' } : {}) },
    { source: id, target: '/dev', type: 'tmpfs', flags: ['noSuid', 'noExecute'], data: tmpfsData('755', DEV_BYTES, DEV_INODES) },
    { source: id, target: '/dev/pts', type: 'devpts', flags: ['noSuid', 'noExecute'], data: pts },
    { source: id, target: '/dev/shm', type: 'tmpfs', flags: ['noSuid', 'noDevices', 'noExecute'], data: tmpfsData('1777', shmBytes) },
    ...tmpfs.map(({ target, bytes = shmBytes, mode = 0o1777 }): Mount => (
      { source: id, target, type: 'tmpfs', flags: ['noSuid', 'noDevices'], data: tmpfsData(mode.toString(8), bytes) }
    )),
  ];
}

/**
 * What of /proc and /sys a container must not see, or must not change, as runc's defaults have it (libcontainer/specconv/example.go of
 * opencontainers/runc, and podman's additions).
 */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug', '/proc/scsi',
  '/proc/timer_list', '/proc/timer_stats', '/sys/devices/virtual/powercap', '/sys/firmware', '/sys/fs/selinux',
];
export const READ_ONLY_PATHS: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

function confinement(settings: RootSettings): Pick<RootPlan, 'maskedPaths' | 'readOnlyPaths'> {
  return settings.privileged ? { maskedPaths: [], readOnlyPaths: [] } : { maskedPaths: MASKED_PATHS, readOnlyPaths: READ_ONLY_PATHS };
}

type RootParts = Omit<RootPlan, 'binds' | 'sysctl' | 'readOnly'>;

/** The device numbers are those of Linux's devices.txt. */
const DEVICES: readonly Entry[] = [
  { type: 'device', path: 'dev/null', number: [1, 3] },
  { type: 'device', path: 'dev/zero', number: [1, 5] },
  { type: 'device', path: 'dev/full', number: [1, 7] },
  { type: 'device', path: 'dev/random', number: [1, 8] },
  { type: 'device', path: 'dev/urandom', number: [1, 9] },
  { type: 'device', path: 'dev/tty', number: [5, 0] },
  { type: 'link', path: 'dev/ptmx', to: 'pts/ptmx' },
  { type: 'link', path: 'dev/fd', to: '/proc/self/fd' },
  { type: 'link', path: 'dev/stdin', to: '/proc/self/fd/0' },
  { type: 'link', path: 'dev/stdout', to: '/proc/self/fd/1' },
  { type: 'link', path: 'dev/stderr', to: '/proc/self/fd/2' },
];

/** The caller's directory with everything that is mounted in it. */
export function givenRoot(id: string, directory: string, settings: RootSettings): RootParts {
  return {
    base: { source: directory, type: 'bind', flags: ['recursive'] },
    attributes: settings.privileged ? [] : ['noSuid', 'noDevices'],
    mounts: privateMounts(id, settings),
    entries: DEVICES,
    ...confinement(settings),
  };
}

/** The caller's directory under a layer: the container sees the two as one. */
export function layeredRoot(id: string, directory: string, { upper, work }: Layer, settings: RootSettings): RootParts {
  return {
    ...givenRoot(id, directory, settings),
    overlay: { lower: directory, upper, work },
    base: { source: id, type: 'overlay', flags: [], data: `lowerdir=${directory},upperdir=${upper},workdir=${work}` },
  };
}

/** A small root in memory, around the host's programs. */
export function ownRoot(id: string, hostname: string, programs: HostPrograms, settings: RootSettings): RootParts {
  const links = programs.links.map(({ path, to }): Entry => ({ type: 'link', path, to }));
  return {
    base: { source: id, type: 'tmpfs', flags: ['noSuid', 'noDevices'], data: tmpfsData('755', settings.rootBytes) },
    attributes: [],
    mounts: [
      ...programs.directories.flatMap((directory) => readOnlyMounts(directory, programs.mountPoints)), ...privateMounts(id, settings),
    ],
    entries: [...links, ...directories(), ...programs.configuration.entries, ...configuration(hostname, programs), ...DEVICES],
    ...confinement(settings),
  };
}

/** A bind whose source has been looked at. */
export interface CheckedBind extends Bind {
  /** A file, a socket or a FIFO. */
  readonly isFile: boolean;
}

/** A read-only bind leaves out what is mounted below its source: that would stay writable. */
export function bindMounts(binds: readonly CheckedBind[]): Mount[] {
  return binds.map(({ source, target, readOnly, isFile }): Mount => (
    { source, target, type: 'bind', flags: readOnly ? READ_ONLY : ['recursive', 'noSuid', 'noDevices'], ...(isFile ? { isFile } : {}) }
  ));
}

/** The host's own nodes, with the host's owners and modes: no user namespace has devices of its own. */
export function deviceMounts(devices: readonly { readonly source: string; readonly target: string }[]): Mount[] {
  return devices.map(({ source, target }): Mount => ({ source, target, type: 'bind', flags: ['noSuid', 'noExecute'], isFile: true, keepsOwners: true }));
}

/** Files of the container's own, which the host keeps in `directory`, over those of its /etc. */
export function etcMounts(directory: string, names: readonly EtcName[]): Mount[] {
  return names.map((name): Mount => (
    { source: `${directory}/etc/${name}`, target: `/etc/${name}`, type: 'bind', flags: [...READ_ONLY, 'noExecute'], isFile: true }
  ));
}

/** A read-only view of the container's groups, where programs look for their limits; nothing else is in /sys. */
export function cgroupMounts(groups: readonly Group[]): Mount[] {
  const unified = groups.find(({ version }) => version === 2);
  const views = groups.filter(({ version, controller }) => version === 1 && controller !== 'devices');
  const view = (source: string, target: string): Mount => ({ source, target, type: 'bind', flags: [...READ_ONLY, 'noExecute'], keepsOwners: true });
  const v1 = views.map(({ controller, directory }) => view(directory, `/sys/fs/cgroup/${controller}`));
  if (!unified) return v1;
  return [view(unified.directory, v1.length > 0 ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup'), ...v1];
}

/** A recursive bind would leave mounts below the directory writable, so each is bound by itself. */
function readOnlyMounts(directory: string, mountPoints: readonly string[]): Mount[] {
  const below = mountPoints.filter((point) => point.startsWith(`${directory}/`));
  return [directory, ...below].map((point): Mount => ({ source: point, target: point, type: 'bind', flags: READ_ONLY }));
}

function directories(): Entry[] {
  return [
    { type: 'directory', path: 'etc' },
    { type: 'directory', path: 'home' },
    { type: 'directory', path: 'home/vcap', owner: VCAP_ID },
    { type: 'directory', path: 'root', mode: 0o700 },
    { type: 'directory', path: 'run' },
    { type: 'directory', path: 'run/lock', mode: 0o1777 },
    { type: 'directory', path: 'tmp', mode: 0o1777 },
    { type: 'directory', path: 'var' },
    { type: 'directory', path: 'var/tmp', mode: 0o1777 },
    { type: 'link', path: 'var/run', to: '/run' },
    { type: 'link', path: 'var/lock', to: '/run/lock' },
  ];
}

function configuration(hostname: string, { shell, configuration: { accounts }, resolvConf }: HostPrograms): Entry[] {
  return [
    ...accountFiles(shell, accounts),
    text('etc/hostname', `${hostname}\n`),
    text('etc/hosts', hostsFile(hostname)),
    text('etc/resolv.conf', resolvConf),
    text('etc/environment', ''),
    text('etc/nsswitch.conf', ['passwd', 'group', 'shadow', 'services', 'protocols', 'rpc'].map((name) => `${name}: files\n`).join('') + 'hosts: files dns\n'),
  ];
}

function text(path: string, content: string): Entry { return { type: 'file', path, content }; }
