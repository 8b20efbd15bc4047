/**
 * A container as the server knows it: its state, jobs, references and snapshot, over the backend that touches the machine.
 *
 *   born → active → stopped → destroyed
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable, reason } from '../../base/errors.js';
import type { ResponseInit } from '../../proto/message.js';
import { type JobOptions, ServedJob } from '../job/job.js';
import { type LineSink, SyslogLines } from '../job/lines.js';
import { Refusal } from '../refusal.js';
import { removeSnapshot, snapshotText, writeSnapshot } from '../snapshot/snapshot.js';
import { type Backend, type JobRequest, type OomWatcher, type Resources, SPOOLS } from './backend.js';
import type { Surroundings } from './surroundings.js';

export type State = 'born' | 'active' | 'stopped' | 'destroyed';
const ORDER: readonly State[] = ['born', 'active', 'stopped', 'destroyed'];
const OUT_OF_MEMORY = 'out of memory';
/** ext4 writes a file out when it replaces another: some milliseconds each. */
const SAVE_DELAY_MS = 50;
/** Of a job whose id nobody knows yet: most have ended before, and come into no snapshot. */
const START_SAVE_DELAY_MS = 500;
export const OUTPUT_EXCEEDED = 'command exceeded maximum output';

export class ServedContainer {
  private current: State = 'born';
  readonly events: string[] = [];
  readonly jobs = new Map<number, ServedJob>();
  /** Taken when the container is destroyed, for links that still wait. */
  lastInfo: ResponseInit<'Info'> | undefined;
  private watcher: OomWatcher | undefined;
  private readonly references = new Set<object>();
  private timer: NodeJS.Timeout | undefined;
  private stopping: Promise<void> | undefined;
  private destroying: Promise<void> | undefined;
  /** Jobs that are being removed. */
  private readonly removals = new Set<Promise<unknown>>();
  private saving: NodeJS.Timeout | undefined;
  private saveAtMs = Infinity;
  /** The snapshot as it is in the file, and the jobs that it has. */
  private saved: string | undefined;
  private savedJobs: ReadonlySet<number> = new Set();

  constructor(
    readonly resources: Resources, readonly backend: Backend,
    /** Seconds; null: never. */
    readonly graceTimeS: number | null, private readonly around: Surroundings<ServedContainer>,
  ) {}

  get state(): State { return this.current; }
  get handle(): string { return this.resources.handle; }

  private moveTo(next: State): void {
    if (ORDER.indexOf(next) < ORDER.indexOf(this.current)) throw new Error(`a container never goes back from ${this.current} to ${next}`);
    this.current = next;
  }

  private warnThat(sentence: string): (error: unknown) => void {
    return (error) => this.around.log.warn(sentence, { handle: this.handle, error: reason(error) });
  }

  require(...states: readonly State[]): void {
    if (states.includes(this.current)) return;
    throw new Refusal(`Container state must be one of '${states.join(', ')}', current state is '${this.current}'`);
  }

  addEvent(event: string): void { if (!this.events.includes(event)) this.events.push(event); }

  // References: every connection that named the container, or was opened while it existed.

  reference(holder: object): void {
    if (this.current === 'destroyed') return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.references.add(holder);
  }

  dereference(holder: object): void {
    if (this.references.delete(holder) && this.references.size === 0) this.startGraceTime();
  }

  startGraceTime(): void {
    if (this.graceTimeS === null || this.current === 'destroyed' || this.around.draining) return;
    clearTimeout(this.timer);
    const waitMs = Math.min(this.graceTimeS * 1000, 2 ** 31 - 1);
    this.timer = setTimeout(() => {
      this.around.log.info('grace time is over', { handle: this.handle });
      this.around.destroy(this).catch(this.warnThat('cannot destroy after the grace time'));
    }, waitMs);
    this.timer.unref();
  }

  // Lifecycle

  /** It serves: from now on it is listed, and has a snapshot. */
  activate(): void {
    this.moveTo('active');
    mkdirSync(this.spools, { recursive: true, mode: 0o700 });
    this.save();
  }

  /** Of an earlier server's, whose snapshot said so. */
  recover(state: 'active' | 'stopped', events: readonly string[]): void {
    this.moveTo(state);
    this.events.push(...events);
    this.saved = snapshotText(this.backend.path);
    mkdirSync(this.spools, { recursive: true, mode: 0o700 });
  }

  stop(kill: boolean): Promise<void> {
    if (this.current === 'stopped' && this.stopping === undefined) return Promise.resolve();
    if (this.current === 'active') this.moveTo('stopped');
    this.save();
    const before = kill ? undefined : this.stopping;
    const stopping = before ?? this.stopAll(kill).finally(() => {
      if (this.stopping === stopping) this.stopping = undefined;
      this.save();
    });
    this.stopping = stopping;
    return stopping;
  }

  private async stopAll(kill: boolean): Promise<void> {
    this.watcher?.close();
    this.watcher = undefined;
    await this.backend.stop(kill);
    const never = new AbortController().signal;
    await Promise.all([...this.jobs.values()].map((job) => job.whenEnded(never)));
  }

  /** A second call waits for the first one; after a failure it tries again. */
  destroy(): Promise<void> {
    this.destroying ??= this.destroyAll().finally(() => { this.destroying = undefined; });
    return this.destroying;
  }

  private async destroyAll(): Promise<void> {
    clearTimeout(this.timer);
    this.lastInfo = await this.info().catch(() => ({ state: this.current }));
    if (this.current === 'active') await this.stop(false).catch(this.warnThat('stop before destroy failed'));
    this.watcher?.close();
    for (const job of this.jobs.values()) job.abandon();
    // A server that is killed from here on finds no snapshot, and destroys the container in its place.
    removeSnapshot(this.backend.path);
    await Promise.all([...this.jobs.values()].map((job) => job.detach().catch(() => undefined)));
    await Promise.all(this.removals);
    rmSync(this.spools, { recursive: true, force: true });
    await this.backend.destroy();
    this.moveTo('destroyed');
    this.jobs.clear();
  }

  // Jobs

  get spools(): string { return join(this.backend.path, SPOOLS); }

  /** The caller saves before the job's id is answered: a job that is in no snapshot is removed by the next server. */
  async spawn(id: number, request: JobRequest, options: JobOptions): Promise<ServedJob> {
    const job = await this.backend.spawn(id, request);
    // It may have been stopped or destroyed meanwhile.
    if (this.current !== 'active') {
      await job.kill().catch(() => undefined);
      await job.remove().catch(() => undefined);
      this.require('active');
    }
    const served = this.addJob(id, options, job);
    this.saveWithin(START_SAVE_DELAY_MS);
    served.follow();
    return served;
  }

  addJob(id: number, options: JobOptions, process: ServedJob['process']): ServedJob {
    const spooling = { path: join(this.spools, String(id)), limitBytes: this.around.jobOutputBytesMax() };
    const job = new ServedJob(id, options, process, spooling, {
      ended: (one) => this.keep(one),
      lines: () => this.linesOf(options.logTag),
      received: (bytes) => this.around.metrics.outputBytes.add(bytes),
    });
    this.jobs.set(id, job);
    return job;
  }

  /** While a client waits, the status is answered at once, and iomux-spawn has it until then; else the snapshot has it. */
  private keep(job: ServedJob): void {
    if (job.waiting > 0) return this.saveSoonWithout(job);
    this.save();
    this.remove(job, job.removeProcess());
  }

  private linesOf(tag: string | undefined): LineSink | undefined {
    return tag === undefined ? undefined : new SyslogLines(this.around.syslog.open(`warden.${tag}`));
  }

  /** Of jobs that are not known any more. */
  removeSpoolsOfOthers(): void {
    for (const name of ifReadable(() => readdirSync(this.spools)) ?? []) {
      if (!this.jobs.has(Number.parseInt(name, 10))) rmSync(join(this.spools, name), { force: true });
    }
  }

  job(id: number): ServedJob {
    const job = this.jobs.get(id);
    if (!job) throw new Refusal('no such job');
    return job;
  }

  /** A client was answered: the next one finds no such job. */
  forget(job: ServedJob): void {
    if (!this.jobs.delete(job.id)) return;
    this.saveSoonWithout(job);
    this.remove(job, job.forget());
  }

  /** What is being removed has to be gone before the container is: both would take the same directories away. */
  private remove(job: ServedJob, work: Promise<void>): void {
    const removal = work.catch(this.warnThat(`cannot remove the job ${job.id}`)).finally(() => this.removals.delete(removal));
    this.removals.add(removal);
  }

  /** The server ends; the container and its jobs go on. */
  async letGo(): Promise<void> {
    clearTimeout(this.timer);
    this.watcher?.close();
    this.save();
    await Promise.all([...this.jobs.values()].map((job) => job.detach()));
  }

  // Looking

  async info(): Promise<ResponseInit<'Info'>> {
    const machine = await this.backend.info();
    return {
      state: this.current, events: [...this.events], ...machine,
      jobIds: [...this.jobs.values()].filter((job) => job.running).map((job) => BigInt(job.id)),
    };
  }

  watchMemory(): void {
    this.watcher ??= this.backend.watchMemory(() => {
      this.around.metrics.ooms.add(1);
      this.addEvent(OUT_OF_MEMORY);
      this.around.log.warn('out of memory', { handle: this.handle });
      if (this.current === 'active') this.stop(false).catch(this.warnThat('stop after out of memory failed'));
      else this.save();
    });
  }

  /** Replaces the snapshot soon. A server that is killed before knows less, but nothing that was answered. */
  private saveWithin(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (atMs >= this.saveAtMs) return;
    clearTimeout(this.saving);
    this.saveAtMs = atMs;
    this.saving = setTimeout(() => this.save(), delayMs).unref();
  }

  /** After a change of a job that the snapshot may not even have. */
  private saveSoonWithout(job: ServedJob): void { if (this.savedJobs.has(job.id)) this.saveWithin(SAVE_DELAY_MS); }

  /** Replaces the snapshot by rename, unless nothing has changed. */
  save(): void {
    clearTimeout(this.saving);
    this.saving = undefined;
    this.saveAtMs = Infinity;
    if (this.current === 'born' || this.current === 'destroyed' || this.destroying !== undefined) return;
    this.saved = writeSnapshot(this, this.saved);
    this.savedJobs = new Set(this.jobs.keys());
  }
}
