/** What the library's tests share: a depot of their own, and counting what is open, runs or is left. */
import { existsSync, readdirSync } from 'node:fs';
import { Container, type ContainerOptions } from '../../src/index.js';
import { openDescriptors, settled } from '../host/help.js';
import { processesWith, scratch, until } from '../support/process.js';

export { noContainers } from '../support/container.js';

const GROUPS = ['memory', 'cpu', 'cpuacct', 'unified', '.'].map((name) => `/sys/fs/cgroup/${name}`);

export function groups(): string[] {
  return GROUPS.flatMap((at) => (existsSync(at) ? readdirSync(at).filter((name) => name.startsWith('warden-')).map((name) => `${at}/${name}`) : []));
}

export class Depot {
  private readonly place = scratch();
  readonly path = `${this.place.path}/depot`;

  create(options: ContainerOptions = {}): Promise<Container> { return Container.create({ depot: this.path, ...options }); }

  /** What lies in it, and what runs that was started in it or for it. */
  left(): string[] {
    const files = existsSync(this.path) ? readdirSync(this.path) : [];
    return [...files, ...files.flatMap((name) => processesWith(`wshd: ${name}`).map((pid) => `${name}: ${pid}`)), ...processesWith(this.path).map(String)];
  }

  remove(): void { this.place.remove(); }
}

/** Descriptors and active requests of this process, once they are at rest. */
export async function held(): Promise<string[]> {
  await settled();
  return [...openDescriptors(), ...process.getActiveResourcesInfo().filter((name) => !/^(TTYWrap|PipeWrap|FSReqPromise|Timeout|Immediate)$/.test(name))].sort();
}

/** Waits until this process holds what it held before: libuv closes in later turns. */
export async function holdsOnly(before: readonly string[]): Promise<void> {
  let now: string[] = [];
  await until(async () => (now = await held()).join('\n') === before.join('\n'), 'all is closed').catch((error: unknown) => {
    throw new Error(`${String(error)}\nbefore: ${before.join(', ')}\nnow: ${now.join(', ')}`);
  });
}
