/** The class "linux": containers of the library, with a network, a layer and the original's files around them. */
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Container, type Job, type OomWatch, RANGE_IDS, type UserNamespace } from '../../index.js';
import { reason, unlessMissing, WardenError } from '../../base/errors.js';
import { programPath } from '../../base/paths.js';
import type { ResponseInit } from '../../proto/message.js';
import type { Config } from '../config/config.js';
import {
  type BackendJob, type Creation, type DiskLimits, type JobRequest, type NetOutRule, type OomWatcher, type RecoverableBackend,
  type Resources, SPOOLS,
} from '../container/backend.js';
import type { Firewall, Forwarded } from '../network/firewall.js';
import { addInterfaces, containerAddress, hostAddress, limitInterfaces, removeInterfaces } from '../network/interfaces.js';
import { hostInterface, ifbInterface, innerInterface } from '../network/rules.js';
import type { Pools } from '../pools/pools.js';
import { Refusal } from '../refusal.js';
import { copyIn, copyOut } from './copy.js';
import { limitDisk, usageOf } from './disk.js';
import { backendJob, LINGER_SECONDS, removeUnknownJobs, RING_BYTES, scriptFile } from './job.js';
import { makeLayer, oldNumberOf, removeLayer, USER } from './layer.js';
import { cpuStat, memoryStat, UNLIMITED } from './stats.js';

export interface LinuxTools {
  readonly config: Config;
  readonly pools: Pools;
  readonly firewall: Firewall;
}

const NO_LIMIT = 4_294_967_295n;
const STOP_GRACE_MS = 10_000;
const SHARES_MIN = 2n, SHARES_MAX = 262_144n;
const PROGRAMS = ['iomux-spawn', 'iomux-link', 'wsh'] as const;

/** A container has 65,536 ids of its own. Pools of larger ones are those of the host. */
function usernsFor(uid: number, { userns, privileged }: Config['isolation']): UserNamespace | undefined {
  return uid < RANGE_IDS || privileged === true ? userns : 'host';
}

export class LinuxBackend implements RecoverableBackend {
  readonly path: string;
  private opened: Container | undefined;
  private forwarded = false;

  constructor(private readonly resources: Resources, private readonly tools: LinuxTools, path?: string) {
    this.path = path ?? join(tools.config.server.depot, resources.id);
  }

  private async container(): Promise<Container> { return this.opened ??= await Container.open(this.path); }

  async create({ rootfs: asked, binds }: Creation): Promise<void> {
    const { config, firewall } = this.tools, { id, uid, network } = this.resources;
    const root = asked ?? config.server.rootfs;
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw new Refusal(`rootfs ${root} not found`);
    const missing = binds.find(({ source }) => !existsSync(source));
    if (missing) throw new Refusal(`Source path for bind mount does not exist: ${missing.source}`);
    // iptables(8) knows interfaces by their names only, so the chains are made while the container starts.
    const forwarding = firewall.add(id);
    forwarding.catch(() => undefined);
    try {
      const { depot } = config.server, addresses = { hostAddress: hostAddress(network), containerAddress: containerAddress(network) };
      const layer = makeLayer(depot, root, { id, uid, ...addresses, dnsServers: config.network.dnsServers });
      // `writeFiles` and `giveFiles` make its files in /etc, as the original does.
      const container = await Container.create({
        depot, id, hostname: id, root, layer, binds, etc: root === undefined ? undefined : false, cgroup: `instance-${id}`,
        ...config.isolation, userns: usernsFor(uid, config.isolation),
      });
      this.opened = container;
      this.writeFiles(root);
      const { pid } = container;
      if (pid === undefined) throw new WardenError('START_FAILED', 'the container ended at once');
      await addInterfaces(id, pid, network, config.network.mtu);
      await forwarding;
      await this.giveFiles(container, oldNumberOf(root, uid));
    } catch (error) {
      // Its outcome is in `error`, or no longer matters; but the chains are removed only once they are all there.
      await forwarding.catch(() => undefined);
      await this.destroy().catch((left: unknown) => {
        throw new Error(`${reason(error)}; what is more, ${reason(left)}`, { cause: error });
      });
      throw error;
    }
  }

  /** Names that operators use. */
  private writeFiles(root: string): void {
    const { id, uid, network } = this.resources;
    mkdirSync(join(this.path, 'bin'), { mode: 0o700 });
    for (const name of PROGRAMS) symlinkSync(programPath(name), join(this.path, 'bin', name));
    const lines = {
      id, network_netmask: '255.255.255.252', network_host_ip: hostAddress(network), network_host_iface: hostInterface(id),
      network_container_ip: containerAddress(network), network_container_iface: innerInterface(id), network_ifb_iface: ifbInterface(id),
      user_uid: uid, rootfs_path: root, allow_nested_warden: this.tools.config.server.allowNested,
    };
    writeFileSync(join(this.path, 'etc/config'), Object.entries(lines).map(([name, value]) => `${name}=${value}\n`).join(''), { mode: 0o600 });
  }

  /** What belonged to a vcap of another number in the root file system. */
  private async giveFiles(container: Container, oldUid: number | undefined): Promise<void> {
    if (oldUid === undefined) return;
    const { uid } = this.resources;
    const owned = ['(', '-uid', String(oldUid), '-o', '-gid', String(oldUid), ')'];
    const { exitCode, stderr } = await container.exec(['find', '/', '-xdev', ...owned, '-exec', 'chown', '-h', `${uid}:${uid}`, '{}', '+']).output();
    if (exitCode !== 0) throw new WardenError('START_FAILED', `cannot give the files of ${USER} to its new number: ${stderr.toString().trim()}`);
  }

  async stop(kill: boolean): Promise<void> { await (await this.container()).stop({ graceMs: kill ? 0 : STOP_GRACE_MS }); }

  /** Whatever there is of it, at whichever step its making, or an earlier removal, came to its end. */
  async destroy(): Promise<void> {
    const { id } = this.resources, { depot } = this.tools.config.server;
    const container = this.opened ?? await Container.open(this.path).catch(() => undefined);
    this.removeOwnFiles();
    if (container) await container.destroy();
    else await Container.sweep(depot);
    await removeInterfaces(id);
    await this.tools.firewall.remove(id);
    removeLayer(depot, id);
  }

  /** The library removes what is its own, and a directory only when that leaves it empty. */
  private removeOwnFiles(): void {
    for (const name of ['bin', SPOOLS, 'snapshot.json', 'snapshot.json.new', 'etc/config']) {
      unlessMissing(() => rmSync(join(this.path, name), { recursive: true, force: true }));
    }
  }

  async info(): Promise<ResponseInit<'Info'>> {
    const container = await this.container(), { network, bandwidth, uid } = this.resources, { config } = this.tools;
    const [memory, cpu] = await Promise.all([container.memory(), container.cpu()]);
    const memoryInfo = memory ? memoryStat(memory) : undefined, cpuInfo = cpu ? cpuStat(cpu) : undefined;
    const disk = config.server.diskQuota ? await usageOf(config.server.depot, uid) : undefined;
    const [rate, burst] = bandwidth ? [BigInt(bandwidth.rate), BigInt(bandwidth.burst)] : [NO_LIMIT, NO_LIMIT];
    return {
      hostIp: hostAddress(network), containerIp: containerAddress(network), containerPath: Buffer.from(this.path),
      ...(memoryInfo ? { memoryStat: memoryInfo } : {}), ...(cpuInfo ? { cpuStat: cpuInfo } : {}), ...(disk ? { diskStat: disk } : {}),
      bandwidthStat: { inRate: rate, inBurst: burst, outRate: rate, outBurst: burst },
    };
  }

  async spawn(id: number, { script, privileged, limits }: JobRequest): Promise<BackendJob> {
    const container = await this.container(), stdin = scriptFile(join(this.path, SPOOLS), script);
    try {
      const job = await container.spawn(['/bin/bash'], {
        user: privileged ? 'root' : USER, lang: process.env['LANG'] ?? 'en_US.UTF-8', limits, id: String(id), start: 'linked',
        ringBytes: RING_BYTES, lingerSeconds: LINGER_SECONDS, stdin: stdin.fd,
      });
      return backendJob(job);
    } catch (error) {
      if (error instanceof WardenError) throw new Refusal('iomux-spawn failed', { cause: error });
      throw error;
    } finally {
      stdin.close();
    }
  }

  async findJob(id: number): Promise<BackendJob | undefined> {
    const job: Job | undefined = await (await this.container()).job(String(id)).catch(() => undefined);
    if (!job) return undefined;
    if (job.pid !== null) return backendJob(job);
    await job.remove();
    return undefined;
  }

  async netIn(askedHost: number | undefined, askedInner: number | undefined): Promise<{ hostPort: number; containerPort: number }> {
    const { pools, firewall } = this.tools, { resources } = this;
    const hostPort = askedHost ?? pools.acquirePort(), containerPort = askedInner ?? hostPort;
    try {
      await firewall.netIn(resources.id, containerAddress(resources.network), hostPort, containerPort);
    } catch (error) {
      if (askedHost === undefined) pools.releasePort(hostPort);
      throw error;
    }
    if (askedHost === undefined) resources.ports.push(hostPort);
    resources.netIn.push([hostPort, containerPort]);
    return { hostPort, containerPort };
  }

  netOut(rule: NetOutRule): Promise<void> { return this.tools.firewall.netOut(this.resources.id, rule); }

  copyIn(source: string, target: string): Promise<void> { return copyIn(this.path, source, target); }
  copyOut(source: string, target: string, owner: string | undefined): Promise<void> { return copyOut(this.path, source, target, owner); }

  async limitMemory(bytes: bigint | undefined): Promise<bigint> {
    const container = await this.container();
    try {
      if (bytes !== undefined) await container.limitMemory(bytes >= UNLIMITED ? Infinity : Number(bytes));
    } catch (error) {
      throw new Refusal(`Failed setting memory limit: ${reason(error)}`, { cause: error });
    }
    const limit = (await container.memory())?.limitBytes;
    return limit === null || limit === undefined ? UNLIMITED : BigInt(limit);
  }

  async limitCpu(shares: bigint | undefined): Promise<bigint> {
    const container = await this.container();
    try {
      // The kernel takes less and more for these, without a word.
      if (shares !== undefined) await container.limitCpu(Number(clamped(shares, SHARES_MIN, SHARES_MAX)));
    } catch (error) {
      throw new Refusal(`Failed setting cpu shares: ${reason(error)}`, { cause: error });
    }
    return BigInt((await container.cpu())?.shares ?? 0);
  }

  limitBandwidth(rate: bigint, burst: bigint): Promise<void> {
    return limitInterfaces(this.resources.id, rate, burst, this.tools.config.network.mtu);
  }

  async limitDisk(limits: DiskLimits): Promise<DiskLimits> {
    const { config } = this.tools;
    return config.server.diskQuota ? limitDisk(config.server.depot, this.resources.uid, limits) : {};
  }

  watchMemory(ran: () => void): OomWatcher | undefined {
    let watch: OomWatch | undefined;
    try {
      watch = this.opened?.watchOom();
    } catch {
      return undefined;
    }
    watch?.on('oom', ran).on('error', () => undefined);
    return watch;
  }

  /** What a restart does not keep is made anew: chains, rules, limits. */
  async recover(): Promise<void> {
    const { bandwidth } = this.resources;
    await this.container();
    if (!this.forwarded) await this.tools.firewall.addAll([this.forwarding]);
    if (bandwidth) await this.limitBandwidth(BigInt(bandwidth.rate), BigInt(bandwidth.burst));
  }

  private get forwarding(): Forwarded {
    const { id, network, netIn, netOut } = this.resources;
    return { id, inner: containerAddress(network), netIn, netOut };
  }

  /** The rules of all of these at once. Where that fails, each makes its own when it is recovered. */
  static async forward(backends: readonly LinuxBackend[], firewall: Firewall): Promise<void> {
    if (backends.length === 0) return;
    await firewall.addAll(backends.map((backend) => backend.forwarding));
    for (const backend of backends) backend.forwarded = true;
  }

  async removeJobsExcept(known: ReadonlySet<number>): Promise<void> {
    await removeUnknownJobs(await (await this.container()).jobs(), known);
  }

  async isServing(): Promise<boolean> { return (await this.container().catch(() => undefined))?.pid !== undefined; }
}

function clamped(value: bigint, least: bigint, most: bigint): bigint {
  if (value < least) return least;
  return value > most ? most : value;
}
