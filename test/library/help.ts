/** What the library's tests share: a depot of their own, and counting what is open, runs or is left. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseGroups } from '../../src/linux/cgroup.js';
import { Container, type ContainerOptions } from '../../src/index.js';
import { openDescriptors, settled } from '../host/help.js';
import { processesWith, scratch, until } from '../support/process.js';

export { noContainers } from '../support/container.js';

export class Depot {
  private readonly place = scratch();
  readonly path = `${this.place.path}/depot`;

  private readonly groups: string[] = [];

  async create(options: ContainerOptions = {}): Promise<Container> {
    const container = await Container.create({ depot: this.path, ...options });
    this.groups.push(...parseGroups(readFileSync(`${container.directory}/etc/cgroups`, 'utf8')).map(({ directory }) => directory));
    return container;
  }

  /** The same, once what is about to end has ended. */
  async leftovers(): Promise<string[]> {
    await until(() => this.processes().length === 0, 'no process is left').catch(() => undefined);
    return this.left();
  }

  /** What lies in it, and what runs that was started in it or for it. */
  left(): string[] {
    const files = existsSync(this.path) ? readdirSync(this.path) : [];
    const groups = this.groups.filter((group) => existsSync(group));
    const first = files.flatMap((name) => processesWith(`wshd: ${name}`).map((pid) => `${name}: ${pid}`));
    return [...files, ...groups, ...first, ...this.processes().map(String)];
  }

  private processes(): number[] { return processesWith(this.path); }

  remove(): void { this.place.remove(); }
}

/** Descriptors and active requests of this process, once they are at rest. */
export async function held(): Promise<string[]> {
  await settled();
  const passing = /^(TTYWrap|PipeWrap|FSReqPromise|Timeout|Immediate)$/;
  return [...openDescriptors(), ...process.getActiveResourcesInfo().filter((name) => !passing.test(name))].sort();
}

/** Waits until this process holds what it held before: libuv closes in later turns. */
export async function holdsOnly(before: readonly string[]): Promise<void> {
  let now: string[] = [];
  await until(async () => (now = await held()).join('\n') === before.join('\n'), () => `all is closed\nbefore: ${before.join(', ')}\nnow: ${now.join(', ')}`);
}
