/** A server with real containers, in a network namespace of its own that has a way out: its other end is in the test's hands. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { packageRoot } from '../../../src/base/paths.js';
import { type Client, connect } from '../../../src/client/index.js';
import { Container } from '../../../src/index.js';
import { noContainers } from '../../support/container.js';
import { run, scratch, until } from '../../support/process.js';

const NEEDED = ['iptables', 'ip', 'tc', 'nsenter', 'unshare', 'rsync'];

function missing(name: string): boolean {
  return !['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((directory) => existsSync(`${directory}/${name}`));
}

function noInterfaces(): string | undefined {
  try {
    execFileSync('unshare', ['-n', 'sh', '-c', 'ip link add try0 type veth peer name try1 && iptables -t nat -L -n'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no network of its own can be made: ${String((error as { stderr?: Buffer }).stderr).trim()}`;
  }
}

/** Why no server with real containers can run here; undefined where one can. */
export const noServer: string | undefined = noContainers ?? NEEDED.filter(missing).map((name) => `no ${name}`)[0] ?? noInterfaces();

const PROGRAMS = [
  'bash', 'sh', 'cat', 'ls', 'sleep', 'echo', 'id', 'head', 'tail', 'dd', 'mkdir', 'rm', 'ln', 'find', 'chown', 'chmod', 'env', 'hostname', 'stat', 'true',
  'false', 'yes', 'wc', 'printf', 'seq', 'touch', 'rsync', 'tr', 'timeout', 'ip', 'df',
];

/** A small root file system with copies of the host's programs and the libraries that they need. */
function makeRoot(path: string): void {
  for (const name of ['bin', 'usr/bin', 'etc', 'home', 'tmp', 'var', 'root', 'proc', 'dev']) mkdirSync(`${path}/${name}`, { recursive: true });
  chmodSync(`${path}/tmp`, 0o1777);
  for (const name of PROGRAMS) {
    const file = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'].map((directory) => `${directory}/${name}`).find(existsSync);
    if (file === undefined) throw new Error(`no ${name} for the root file system`);
    cpSync(file, `${path}/bin/${name}`, { dereference: true });
    for (const library of execFileSync('ldd', [file], { encoding: 'utf8' }).match(/\/\S+/g) ?? []) {
      mkdirSync(path + dirname(library), { recursive: true });
      if (!existsSync(path + library)) cpSync(library, path + library, { dereference: true });
    }
  }
  writeFileSync(`${path}/etc/passwd`, 'root:x:0:0:root:/root:/bin/bash\n');
  writeFileSync(`${path}/etc/group`, 'root:x:0:\n');
}

const SETUP = `set -e
ip link set lo up
unshare -n sleep 100000 &
outside=$!
while [ "$(readlink /proc/$outside/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add out0 type veth peer name out1 netns $outside
ip address add 192.0.2.1/24 dev out0
ip link set out0 up
nsenter -t $outside -n ip address add 192.0.2.254/24 dev out1
nsenter -t $outside -n ip link set out1 up
ip route add default via 192.0.2.254
echo $outside
exec sleep 100000
`;

export interface RealServer {
  readonly path: string;
  readonly depot: string;
  /** The server's process; another one after each start. */
  readonly pid: number;
  readonly log: string;
  connect(): Promise<Client>;
  /** Runs a program in the server's network namespace. */
  inside(...argv: string[]): Promise<string>;
  /** In front of a program, for the network namespace of the server, or the one outside: 192.0.2.1 and 192.0.2.254. */
  readonly enter: Readonly<Record<'server' | 'outside', readonly string[]>>;
  start(): Promise<void>;
  /** Sends the signal, and waits for the server's end: its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Destroys what there is, and checks that nothing is left. */
  close(): Promise<void>;
}

export interface RealOptions {
  /** Of a job, in bytes. */
  readonly outputLimit?: number;
  /** How many there can be at once. */
  readonly containers?: number;
  readonly logLevel?: string;
  /** Of the server's environment, over this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** A further entry of the section `network`. */
  readonly network?: string;
  /** Further lines of the section `server`, each indented by two blanks. */
  readonly server?: string;
  /** Further sections. */
  readonly more?: string;
}

function configText(path: string, options: RealOptions): string {
  const { outputLimit = 102_400, containers = 64, logLevel = 'debug', network = '', server = '', more = '' } = options;
  return `
server:
  container_klass: Warden::Container::Linux
  unix_domain_path: ${path}/warden.sock
  container_rootfs_path: ${path}/rootfs
  container_depot_path: ${path}/depot
  job_output_limit: ${outputLimit}
  pidfile: ${path}/pid
  syslog_socket: ${path}/log.sock
  quota: { disk_quota_enabled: false }
${server}
health_check_server: { port: 0 }
logging: { file: ${path}/log, level: ${logLevel} }
port: { pool_start_port: 61001, pool_size: 4000 }
user: { pool_start_uid: 10000, pool_size: ${containers} }
network:
  { release_delay: 0, mtu: 1400, allow_networks: [192.0.2.0/25], pool_start_address: 10.254.0.0, pool_size: ${containers}, ${network} }
${more}`;
}

export async function startReal(options: RealOptions = {}): Promise<RealServer> {
  const { path, remove } = scratch(), depot = `${path}/depot`;
  makeRoot(`${path}/rootfs`);
  writeFileSync(`${path}/config.yml`, configText(path, options));
  const holder = spawn('unshare', ['-n', 'sh', '-c', SETUP], { stdio: ['ignore', 'pipe', 'inherit'] });
  const outside = Number(String((await once(holder.stdout, 'data') as [Buffer])[0]));
  const enter = ['nsenter', '--target', String(holder.pid), '--net'];
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn(enter[0]!, [...enter.slice(1), process.execPath, `${packageRoot}build/js/src/cli/warden.cjs`, 'serve', '--config', `${path}/config.yml`], {
      stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...options.env },
    });
    const ended = once(server, 'exit').then(() => { throw new Error(`the server ended at its start: ${readLog()}`); });
    await Promise.race([ended, until(() => existsSync(`${path}/pid`) && readFileSync(`${path}/pid`, 'utf8') === String(server?.pid), 'the server serves')]);
    ended.catch(() => undefined);
  };
  const readLog = (): string => (existsSync(`${path}/log`) ? readFileSync(`${path}/log`, 'utf8') : '');
  const inside = async (...argv: string[]): Promise<string> => (await run([...enter, ...argv])).stdout.toString();
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!server) return null;
    if (server.exitCode !== null || server.signalCode !== null) {
      const { exitCode } = server;
      server = undefined;
      return exitCode;
    }
    const exit = once(server, 'exit') as Promise<[number | null]>;
    server.kill(signal);
    server = undefined;
    return (await exit)[0];
  };
  await start();
  return {
    path, depot, inside, start, end,
    enter: { server: enter, outside: ['nsenter', '--target', String(outside), '--net'] },
    get pid() { return server!.pid!; },
    get log() { return readLog(); },
    connect: () => connect(`${path}/warden.sock`),
    close: async () => {
      await end('SIGKILL');
      for (const container of await Container.list(depot)) {
        await run(['rm', '-rf', ...['bin', 'output', 'snapshot.json', 'snapshot.json.new', 'etc/config'].map((name) => `${container.directory}/${name}`)]);
        await container.destroy();
      }
      process.kill(outside, 'SIGKILL');
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      remove();
    },
  };
}

/** What a container leaves, if anything: names of files, interfaces, chains and cgroups. */
export async function remains({ depot, inside }: RealServer): Promise<string[]> {
  // A server that was killed before its first container has no layers.
  const files = [depot, `${depot}/.layers`].filter(existsSync).flatMap((path) => readdirSync(path)).filter((name) => name !== '.layers');
  const links = (await inside('ip', '-o', 'link')).split('\n').filter((line) => /: w-/.test(line));
  const chains = (await inside('iptables-save')).split('\n').filter((line) => line.includes('warden-i-'));
  return [...files, ...links, ...chains, ...await groupsThatStay()];
}

const OTHERS_MS = 30_000, LOOK_AGAIN_MS = 200;

/** Those of another server on this machine come and go, however slowly. */
async function groupsThatStay(): Promise<string[]> {
  let groups = emptyGroups();
  for (const end = performance.now() + OTHERS_MS; groups.length > 0 && performance.now() < end;) {
    await new Promise((resolve) => { setTimeout(resolve, LOOK_AGAIN_MS); });
    const now = new Set(emptyGroups());
    groups = groups.filter((group) => now.has(group));
  }
  return groups;
}

/** Cgroups of containers in which no process is left. */
function emptyGroups(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((row) => / - cgroup2? /.test(row)).map((row) => row.split(' ')[4]!);
  const groups = mounts.flatMap((mount) => readdirSync(mount).filter((name) => name.startsWith('instance-')).map((name) => `${mount}/${name}`));
  return groups.filter((group) => {
    try {
      return readFileSync(`${group}/cgroup.procs`, 'utf8') === '';
    } catch {
      return false;
    }
  });
}
