/** The server's configuration: every key, its default and its meaning. docs/reference/server.md, "Configuration" */
import type { ContainerOptions, LimitName } from '../../index.js';

export type ContainerClass = 'linux' | 'insecure';
export const LOG_LEVELS = ['off', 'fatal', 'error', 'warn', 'info', 'debug', 'debug1', 'debug2'] as const;
export type LogLevel = typeof LOG_LEVELS[number];

/** What keeps containers from the host, as the library takes it. */
export type Isolation = Readonly<Pick<ContainerOptions, (
  'userns' | 'privileged' | 'readOnly' | 'hidePids' | 'capAdd' | 'capDrop' | 'seccomp' | 'pidsLimit' | 'shmBytes' | 'tmpfs' | 'devices' | 'sysctl'
)>>;

export interface Config {
  readonly server: {
    readonly socketPath: string;
    readonly socketMode: number;
    /** Group that owns the socket, by name or number; null: the server's own. */
    readonly socketGroup: string | null;
    readonly containerClass: ContainerClass;
    /** Seconds; null: never. */
    readonly graceTimeS: number | null;
    readonly rootfs: string;
    readonly depot: string;
    readonly rlimits: Partial<Record<LimitName, number>>;
    readonly jobOutputBytesMax: number;
    readonly diskQuota: boolean;
    readonly allowNested: boolean;
    readonly pidFile: string | null;
    readonly syslogSocket: string | null;
    readonly connectionsMax: number;
  };
  readonly isolation: Isolation;
  /** 0: none. */
  readonly healthPort: number;
  readonly metrics: { readonly port: number | null; readonly socketPath: string | null };
  readonly logging: { readonly level: LogLevel; readonly file: string | null; readonly syslog: string | null };
  readonly network: {
    /** Address of the pool's first /30, as a number, and how many there are. */
    readonly first: number;
    readonly count: number;
    readonly prefix: number;
    readonly releaseDelayS: number;
    readonly allowNetworks: readonly string[];
    readonly allowHostAccess: boolean;
    readonly mtu: number;
    readonly dnsServers: readonly string[];
  };
  readonly ports: { readonly first: number; readonly count: number };
  readonly uids: { readonly first: number; readonly count: number };
}
