/** Whoever makes a container is killed, at each step of it: another process finds a container or none, and nothing stays. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseGroups } from '../../src/linux/cgroup.js';
import { Container } from '../../src/index.js';
import { processesWith, run, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { noContainers } from './help.js';

const killed = suite('the maker of a container is killed');
const test = unless(noContainers, killed);
const MAKER = fileURLToPath(new URL('./maker.js', import.meta.url));
/** Makers at the same time, each in a depot of its own. */
const AT_ONCE = 4;
const LEAST_STEPS = 30;

interface Made {
  readonly step: number;
  readonly name: string;
  readonly depot: string;
  readonly stdout: string;
  readonly signal: NodeJS.Signals | null;
}

const place = scratch();
killed.after(() => place.remove());

async function make(step: number): Promise<Made> {
  const depot = `${place.path}/${step}`, name = `killed-${process.pid}-${step}`;
  mkdirSync(depot);
  const { stdout, stderr, signal } = await run([process.execPath, MAKER, depot, name, String(step)], { timeoutMs: 60_000 });
  assert.is(stderr, '', `step ${step}`);
  return { step, name, depot, stdout: stdout.toString(), signal };
}

/** What is left of it: groups, processes, mounts, files. */
function left({ name, depot, stdout }: Made): string[] {
  const groups = parseGroups(stdout).map(({ directory }) => directory).filter((directory) => existsSync(directory));
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(name));
  return [...groups, ...processesWith(name).map((pid) => `process ${pid}`), ...mounts, ...[name, `${name}.owner`].filter((file) => existsSync(`${depot}/${file}`))];
}

/** Another process than the maker, which is this one, takes over. Whether there was a container. */
async function takeOver(made: Made): Promise<boolean> {
  const { step, name, depot } = made, found = await Container.list(depot);
  for (const container of found) {
    const opened = await Container.open(`${depot}/${name}`);
    assert.is(opened.id, container.id);
    assert.is((await opened.exec(['true']).result).exitCode, 0, `killed before step ${step}: a container that does not serve`);
    await opened.destroy();
  }
  assert.equal((await Container.sweep(depot)).failures, [], `killed before step ${step}`);
  await until(() => left(made).length === 0, `nothing is left when killed before step ${step}`).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${left(made).join(', ')}`);
  });
  return found.length > 0;
}

test('before any of its steps', async () => {
  let whole: Made | undefined;
  const containers: number[] = [];
  for (let first = 1; !whole; first += AT_ONCE) {
    const batch = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => make(first + index)));
    for (const made of batch) {
      if (made.signal === null) whole ??= made;
      else assert.is(made.signal, 'SIGKILL');
      if (await takeOver(made)) containers.push(made.step);
    }
  }
  const steps = Number(/^whole (\d+)$/m.exec(whole.stdout)?.[1]);
  assert.is(whole.step, steps + 1);
  assert.ok(steps >= LEAST_STEPS, `only ${steps} steps were seen`);
  // Only who is disowned is a container: its maker had nothing more to do.
  assert.is(Math.min(...containers), steps);
});

test('and the container whose name it wanted lives on', async () => {
  const depot = `${place.path}/taken`, taken = await Container.create({ depot, id: 'taken' });
  for (let step = 1; ; step++) {
    const { signal } = await run([process.execPath, MAKER, depot, 'taken', String(step)], { timeoutMs: 60_000 });
    assert.equal(await Container.sweep(depot), { removed: [], failures: [] }, `killed before step ${step}`);
    assert.is((await (await Container.open(taken.directory)).exec(['true']).result).exitCode, 0);
    if (signal === null) break;
  }
  await taken.destroy();
});

killed.run();
