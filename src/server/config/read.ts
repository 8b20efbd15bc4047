/** From the file's keys, the original's, to a Config. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LimitName } from '../../index.js';
import { ifReadable } from '../../base/errors.js';
import { formatAddress, networkOf, parseAddress, parseNetwork } from './address.js';
import { type Config, type ContainerClass, LOG_LEVELS } from './config.js';
import { ConfigFile, type Section } from './document.js';
import { isolation } from './isolation.js';

const CLASSES: Readonly<Record<string, ContainerClass>> = { 'Warden::Container::Linux': 'linux', 'Warden::Container::Insecure': 'insecure', linux: 'linux', insecure: 'insecure' };
const LIMITS: readonly LimitName[] = [
  'AS', 'CORE', 'CPU', 'DATA', 'FSIZE', 'LOCKS', 'MEMLOCK', 'MSGQUEUE', 'NICE', 'NOFILE', 'NPROC', 'RSS', 'RTPRIO', 'SIGPENDING', 'STACK',
];
const PREFIX_MAX = 30;
const PORT_MAX = 65_535, POOL_PORT_MAX = 65_000, PORTS_MIN = 1_000;
const UID_MAX = 2 ** 31 - 1;
const YEAR_S = 366 * 86_400;
const MTU_MIN = 68, MTU_MAX = 65_535;
const CONNECTIONS_MAX = 8_192;

/** @throws WardenError USAGE with the file's line for a value that has the wrong type; unknown keys are ignored */
export function readConfig(path: string): Config { return parseConfig(ConfigFile.read(path)); }

export function parseConfig(file: ConfigFile): Config {
  const root = file.root, logging = root.section('logging'), metrics = root.section('metrics');
  const uids = { first: root.section('user').integer('pool_start_uid', 10_000, 1, UID_MAX), count: root.section('user').integer('pool_size', 64, 1, UID_MAX) };
  return {
    server: server(root.section('server')),
    isolation: isolation(root.section('isolation'), uids),
    healthPort: root.section('health_check_server').integer('port', 2345, 0, PORT_MAX),
    metrics: { port: metrics.integer('port', null, 1, PORT_MAX), socketPath: metrics.text('unix_domain_path', null) },
    logging: { level: logging.oneOf('level', 'debug2', LOG_LEVELS), file: logging.text('file', null), syslog: logging.text('syslog', null) },
    network: network(root.section('network')),
    ports: ports(root.section('port')),
    uids,
  };
}

function server(section: Section): Config['server'] {
  const quota = section.section('quota');
  return {
    socketPath: section.text('unix_domain_path', '/tmp/warden.sock'),
    socketMode: section.integer('unix_domain_permissions', 0o755, 0, 0o7777),
    socketGroup: section.text('unix_domain_group', null),
    containerClass: containerClass(section),
    graceTimeS: graceTime(section),
    rootfs: resolve(section.text('container_rootfs_path', '/var/lib/warden/rootfs')),
    depot: resolve(section.text('container_depot_path', '/var/lib/warden/instances')),
    rlimits: rlimits(section.section('container_rlimits')),
    jobOutputBytesMax: section.integer('job_output_limit', 10 << 20, 0, Number.MAX_SAFE_INTEGER),
    diskQuota: quota.boolean('disk_quota_enabled', true),
    allowNested: section.boolean('allow_nested_warden', false),
    pidFile: section.text('pidfile', null),
    syslogSocket: section.text('syslog_socket', null),
    connectionsMax: section.integer('connections_max', CONNECTIONS_MAX, 1, 1 << 20),
  };
}

function containerClass(section: Section): ContainerClass {
  const name = section.text('container_klass', 'Warden::Container::Insecure');
  return CLASSES[name] ?? section.wrong('container_klass', `one of ${Object.keys(CLASSES).join(', ')}`, name);
}

/** A key that is there and null: containers are never destroyed for lack of connections. */
function graceTime(section: Section): number | null {
  const none = section.has('container_grace_time');
  return section.integer('container_grace_time', none ? null : 300, 0, YEAR_S);
}

function rlimits(section: Section): Config['server']['rlimits'] {
  const entries = section.keys().map((key) => {
    const name = LIMITS.find((each) => each.toLowerCase() === key);
    if (!name) section.wrong(key, `one of the limits ${LIMITS.join(', ').toLowerCase()}`, key);
    return [name, section.integer(key, 0, 0, Number.MAX_SAFE_INTEGER)] as const;
  });
  return Object.fromEntries(entries);
}

function network(section: Section): Config['network'] {
  const allowNetworks = section.texts('allow_networks'), dnsServers = section.texts('dns_servers');
  for (const each of allowNetworks) if (!parseNetwork(each)) section.wrong('allow_networks', 'a list of addresses A.B.C.D or A.B.C.D/N', each);
  for (const each of dnsServers) if (parseAddress(each) === undefined) section.wrong('dns_servers', 'a list of addresses A.B.C.D', each);
  return {
    ...pool(section), allowNetworks, dnsServers,
    releaseDelayS: section.integer('release_delay', 5, 0, 86_400),
    allowHostAccess: section.boolean('allow_host_access', false),
    mtu: section.integer('mtu', 1_500, MTU_MIN, MTU_MAX),
  };
}

/** Either a network, or a start and a number of containers, whose network is the next larger one. */
function pool(section: Section): Pick<Config['network'], 'first' | 'count' | 'prefix'> {
  const start = section.text('pool_start_address', null);
  if (start === null) {
    const text = section.text('pool_network', '10.254.0.0/24'), parsed = parseNetwork(text);
    if (!parsed || parsed.prefix > PREFIX_MAX) section.wrong('pool_network', 'a network A.B.C.D/N, N at most 30', text);
    return { first: parsed.address, prefix: parsed.prefix, count: 2 ** (PREFIX_MAX - parsed.prefix) };
  }
  const address = parseAddress(start), size = section.integer('pool_size', 64, 1, 2 ** PREFIX_MAX);
  if (address === undefined) section.wrong('pool_start_address', 'an address A.B.C.D', start);
  const prefix = 32 - (Math.ceil(Math.log2(size)) + 2);
  const first = networkOf(address, prefix);
  return { first, prefix, count: 2 ** (PREFIX_MAX - prefix) };
}

function ports(section: Section): Config['ports'] {
  const range = ifReadable(() => readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1'))?.trim().split(/\s+/).map(Number);
  const first = section.integer('pool_start_port', Math.min((range?.[1] ?? 60_999) + 1, PORT_MAX), 1, PORT_MAX);
  const count = section.integer('pool_size', Math.max(0, POOL_PORT_MAX - first + 1), 0, PORT_MAX);
  if (count < PORTS_MIN) section.wrong('pool_size', `larger: Insufficient non-ephemeral ports available (expected >= ${PORTS_MIN}, got: ${count})`, count);
  if (first + count - 1 > PORT_MAX) section.wrong('pool_size', `at most ${PORT_MAX - first + 1} with this pool_start_port`, count);
  return { first, count };
}

/** For the log: the file's keys that matter, with what they came to. */
export function describeConfig(config: Config): Record<string, unknown> {
  const { first, prefix, ...rest } = config.network;
  return { ...config, network: { ...rest, poolNetwork: `${formatAddress(first)}/${prefix}` } };
}
