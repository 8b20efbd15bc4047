/** What callers can ask for, and the bounds of each value: stated here once, for the library and for its fronts. */
import { COMMAND_BYTES_MAX, USER_BYTES_MAX } from '../boundary/limits.js';
import { TIMEOUT_MS_MAX } from '../base/validate.js';
import type { WardenError } from '../base/errors.js';
import type { Limits } from '../linux/rlimits.js';
import { SHARES_MAX, SHARES_MIN, WEIGHT_MAX, WEIGHT_MIN } from '../linux/cgroup.js';

/** Root's containers, or those of this user. */
export const DEFAULT_DEPOT = defaultDepot();

function defaultDepot(): string {
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return '/run/warden';
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return runtime !== undefined && runtime !== '' ? `${runtime}/warden` : `/tmp/warden-${uid}`;
}

/**
 * Whose ids a container has. `auto`: its own, in a user namespace, where the kernel and the file systems can, else the host's; `host`:
 * the host's, so that its root is the host's; `required`: its own, or none is made.
 */
export const USER_NAMESPACES = ['auto', 'host', 'required'] as const;
export type UserNamespace = typeof USER_NAMESPACES[number];

/** Smallest and largest values, both included. */
export const BOUNDS = {
  /** Bytes of a command's arguments, each with its NUL. docs/reference/protocol.md §6 */
  commandBytes: { max: COMMAND_BYTES_MAX },
  /** Bytes of a user and its groups. */
  userBytes: { min: 1, max: USER_BYTES_MAX },
  cpuShares: { min: SHARES_MIN, max: SHARES_MAX },
  cpus: { min: 0.01, max: 8_192 },
  pidsLimit: { min: 1, max: 4_194_304 },
  blkioWeight: { min: WEIGHT_MIN, max: WEIGHT_MAX },
  /** Of a file system in memory. */
  tmpfsBytes: { min: 65_536, max: 2 ** 44 },
  /** iomux-spawn's own. docs/reference/iomux-spawn.md */
  ringBytes: { min: 4_096, max: 2 ** 26 },
  lingerSeconds: { min: 0, max: 86_400 },
  logBytes: { min: 1, max: 2 ** 30 },
  logFiles: { min: 0, max: 9 },
  timeoutMs: { min: 0, max: TIMEOUT_MS_MAX },
  terminalSize: { min: 1, max: 65_535 },
} as const;

/** A directory, file or socket of the host that is visible in a container. */
export interface Bind {
  /** Absolute, or relative to the current directory. */
  readonly source: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly readOnly?: boolean;
}

/** A file system in memory. */
export interface Tmpfs {
  /** Absolute, in the container. */
  readonly target: string;
  /** Its size (64 MiB). */
  readonly bytes?: number;
  /** The mode of its directory (0o1777). */
  readonly mode?: number;
}

/** A device of the host that is visible in a container. */
export interface Device {
  /** Absolute. */
  readonly source: string;
  /** Absolute, in the container (as `source`). */
  readonly target?: string;
  /** What the container's processes may do with it, of "r", "w" and "m" (rwm): read, write, make a node. Cgroup version 1 only. */
  readonly access?: string;
}

/** Where the files go that a container writes, over a root that stays unchanged. */
export interface Layer {
  /** A directory for new and changed files. */
  readonly upper: string;
  /** An empty directory on the same file system as `upper`. */
  readonly work: string;
}

export interface ContainerOptions {
  /**
   * The directory that holds the containers' directories (/run/warden; of a user other than root $XDG_RUNTIME_DIR/warden). It is made
   * when it is missing.
   */
  depot?: string | undefined;
  /**
   * The container's id and the name of its directory: a letter or digit, then at most 62 letters, digits, ".", "_" and "-", not ending
   * in ".owner". Without it an id of 11 characters is made.
   */
  id?: string | undefined;
  /** The host name in the container (the id). sethostname(2) */
  hostname?: string | undefined;
  /** The directory that is the container's root file system. Without it the container gets one of its own, around the host's /usr. */
  root?: string | undefined;
  binds?: readonly Bind[] | undefined;
  /**
   * With `root`: whether the container has an /etc/hostname, /etc/hosts and /etc/resolv.conf of its own, read-only, over those of the root
   * (true). Missing ones are made in the root, empty; a link there is left alone.
   */
  etc?: boolean | undefined;
  /**
   * With `root`: the root stays unchanged, and what the container writes goes to this layer. The caller removes the layer's directories.
   * Documentation/filesystems/overlayfs
   */
  layer?: Layer | undefined;
  /** The name of the container's cgroups (a new one). No other container of the machine may have it. */
  cgroup?: string | undefined;
  /** Limit of memory in bytes, swap included; without it there is none. */
  memoryBytes?: number | undefined;
  /** Weight of processor time in the unit of cgroup version 1, 2 to 262,144 (1024). */
  cpuShares?: number | undefined;
  /** Processor time in processors, such as 1.5; without it there is no limit. */
  cpus?: number | undefined;
  /** Processes and threads at once (2,048); `Infinity` removes the limit. */
  pidsLimit?: number | undefined;
  /** Processors on which it runs: "0-2,5". cpuset(7), List Format */
  cpusetCpus?: string | undefined;
  /** Nodes of memory that it uses, in the same format. */
  cpusetMems?: string | undefined;
  /** Weight of reading and writing block devices, 10 to 1,000, in the unit of cgroup version 1. */
  blkioWeight?: number | undefined;
  devices?: readonly Device[] | undefined;
  /** Kernel parameters of its namespaces, by their names, such as `net.ipv4.ip_forward`. sysctl(8) */
  sysctl?: Readonly<Record<string, string>> | undefined;
  /**
   * Size of the root of its own, which is in memory (1 GiB, or three quarters of `memoryBytes` where that is less). Not with `root`.
   */
  rootBytes?: number | undefined;
  /** Size of /dev/shm (64 MiB, or half of `memoryBytes` where that is less). */
  shmBytes?: number | undefined;
  tmpfs?: readonly Tmpfs[] | undefined;
  /** Whether its root is read-only (false); binds, /dev and `tmpfs` keep what they are. */
  readOnly?: boolean | undefined;
  /** Whether a user other than root sees the processes of other users (false: sees them). proc(5), hidepid=invisible */
  hidePids?: boolean | undefined;
  /** Capabilities that its processes can have besides the usual 14, such as `NET_ADMIN`; `ALL` is every one. capabilities(7) */
  capAdd?: readonly string[] | undefined;
  /** Capabilities that they cannot have; `ALL` is every one but those of `capAdd`. */
  capDrop?: readonly string[] | undefined;
  /**
   * Which system calls they can make: a file with a profile of OCI, containers-common or Docker, or `unconfined`. Without it a profile
   * of our own. docs/security.md
   */
  seccomp?: string | undefined;
  /**
   * Whether root of the container may do what root of the host may (false): all capabilities and system calls, no path of /proc is
   * masked or read-only, every device can be opened, set-user-id programs and device nodes of `root` work. docs/security.md
   */
  privileged?: boolean | undefined;
  /** Resource limits of its commands, where a command has none of its own. setrlimit(2) */
  limits?: Limits | undefined;
  /**
   * Its network: loopback alone, in a network namespace of its own ('none'); the host's ('host'); or that of a network namespace, by the
   * absolute path of its file, such as /run/netns/NAME. network_namespaces(7)
   */
  network?: string | undefined;
  /** Whose ids the container has ('auto', for a privileged one 'host'). docs/security.md */
  userns?: UserNamespace | undefined;
  /** Receives what the container does without, in a sentence each: ids of its own, limits. */
  onNote?: ((note: string) => void) | undefined;
  /** Whether the container ends with this process, however this process ends; otherwise it lives until `destroy`. */
  ephemeral?: boolean | undefined;
  /** Whether abandoned containers of the depot are removed before this one is made, as by `Container.sweep` (false). */
  sweep?: boolean | undefined;
  /** Receives each failure of that sweep, which ends nothing. */
  onSweepFailure?: ((failure: WardenError) => void) | undefined;
  /** Aborts the start: nothing remains of the container. */
  signal?: AbortSignal | undefined;
}
