/**
 * The class "insecure": jobs on the host itself, in a directory of their own, as the server's user. Nothing is confined; it is for
 * clients' tests, on machines where no containers can be made.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Container, Job, WardenError } from '../../index.js';
import type { ResponseInit } from '../../proto/message.js';
import type { Config } from '../config/config.js';
import { type BackendJob, type JobRequest, type OomWatcher, type RecoverableBackend, type Resources, SPOOLS } from '../container/backend.js';
import { command } from '../linux/command.js';
import { backendJob, LINGER_SECONDS, removeUnknownJobs, RING_BYTES, scriptFile } from '../linux/job.js';
import type { Pools } from '../pools/pools.js';
import { Refusal } from '../refusal.js';

export interface InsecureTools { readonly config: Config; readonly pools: Pools }

const TERM_INTERVAL_MS = 1_000, STOP_GRACE_MS = 10_000, LOOK_AGAIN_MS = 20;
const REMOVALS_MAX = 5;
/** What is killed is gone at once, unless a system call keeps it. */
const KILL_DEADLINE_MS = 10_000;

function notImplemented(): never { throw new Refusal('not implemented'); }

export class InsecureBackend implements RecoverableBackend {
  readonly path: string;

  constructor(private readonly resources: Resources, private readonly tools: InsecureTools, path?: string) {
    this.path = path ?? join(tools.config.server.depot, resources.id);
  }

  /** What jobs see as their own. */
  private get root(): string { return join(this.path, 'root'); }

  create(): Promise<void> {
    for (const name of ['', 'run', 'etc', 'jobs', 'root']) mkdirSync(join(this.path, name), { mode: 0o700 });
    return Promise.resolve();
  }

  /** TERM to each job's process group, again each second; KILL after ten, or at once. */
  async stop(kill: boolean): Promise<void> {
    const began = performance.now();
    for (let sentAt = -Infinity, groups = await this.groups(); groups.length > 0; groups = await this.groups()) {
      const now = performance.now(), late = kill || now - began >= STOP_GRACE_MS;
      if (now - began > STOP_GRACE_MS + KILL_DEADLINE_MS) throw new WardenError('TIMED_OUT', `processes are still there after SIGKILL: ${groups.join(', ')}`);
      if (late || now - sentAt >= TERM_INTERVAL_MS) {
        sentAt = now;
        for (const group of groups) signalGroup(group, late ? 'SIGKILL' : 'SIGTERM');
      }
      await sleep(LOOK_AGAIN_MS);
    }
  }

  /** Of jobs that run: setsid made each the leader of a group. */
  private async groups(): Promise<number[]> {
    const infos = await Promise.all(Job.all(this.path).map((job) => job.info()));
    return infos.filter(({ state }) => state === 'running' || state === 'waiting').map(({ wshPid }) => wshPid).filter((pid) => pid !== null);
  }

  async destroy(): Promise<void> {
    await this.stop(true);
    for (const job of Job.all(this.path)) await job.remove();
    // What a job has started and left behind may still write.
    rmSync(this.path, { recursive: true, force: true, maxRetries: REMOVALS_MAX });
  }

  info(): Promise<ResponseInit<'Info'>> { return Promise.resolve({ containerPath: Buffer.from(this.path) }); }

  async spawn(id: number, { script }: JobRequest): Promise<BackendJob> {
    const stdin = scriptFile(join(this.path, SPOOLS), script);
    try {
      const argv = ['/usr/bin/setsid', '/usr/bin/env', '-i', '-C', 'root', '/bin/bash'];
      return this.withGroup(await Container.startOnHost(this.path, argv, {
        id: String(id), env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, stdin: stdin.fd, ringBytes: RING_BYTES, lingerSeconds: LINGER_SECONDS,
      }));
    } catch (error) {
      if (error instanceof WardenError) throw new Refusal('iomux-spawn failed', { cause: error });
      throw error;
    } finally {
      stdin.close();
    }
  }

  /** A killed job takes what it has started along. */
  private withGroup(job: Job): BackendJob {
    const kill = async (): Promise<void> => {
      const { wshPid } = await job.info();
      if (wshPid !== null) signalGroup(wshPid, 'SIGKILL');
      await job.stop({ graceMs: 0 });
    };
    return { ...backendJob(job), kill };
  }

  async findJob(id: number): Promise<BackendJob | undefined> {
    const job = Job.open(this.path, String(id));
    if (!job) return undefined;
    if (job.pid !== null) return this.withGroup(job);
    await job.remove();
    return undefined;
  }

  /** A port of the pool on both sides; nothing is forwarded. */
  netIn(): Promise<{ hostPort: number; containerPort: number }> {
    const port = this.tools.pools.acquirePort();
    this.resources.ports.push(port);
    this.resources.netIn.push([port, port]);
    return Promise.resolve({ hostPort: port, containerPort: port });
  }

  async netOut(): Promise<void> { notImplemented(); }

  private inside(path: string): string { return this.root + normalize(`/${path}`); }

  async copyIn(source: string, target: string): Promise<void> { await copy(source, this.inside(target)); }

  async copyOut(source: string, target: string, owner: string | undefined): Promise<void> {
    await copy(this.inside(source), target);
    if (owner !== undefined) await command('chown', ['-R', '--', owner, target]);
  }

  async limitMemory(): Promise<bigint> { return notImplemented(); }
  async limitCpu(): Promise<bigint> { return notImplemented(); }
  async limitBandwidth(): Promise<void> { notImplemented(); }
  async limitDisk(): Promise<never> { return notImplemented(); }
  watchMemory(): OomWatcher | undefined { return undefined; }

  isServing(): Promise<boolean> { return Promise.resolve(existsSync(this.root)); }
  recover(): Promise<void> { return Promise.resolve(); }
  removeJobsExcept(known: ReadonlySet<number>): Promise<void> { return removeUnknownJobs(Job.all(this.path), known); }
}

async function copy(source: string, target: string): Promise<void> {
  const onHost = (path: string): string => (path.startsWith('/') ? path : `./${path}`);
  await command('rsync', ['-r', '-p', '--links', '--', onHost(source), onHost(target)]);
}

/** Before its first link a job is no leader of a group yet, only a process. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  for (const target of [-leader, leader]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // None of that number: the next one, or it has just ended, as the next look shows.
    }
  }
}
