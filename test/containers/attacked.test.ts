/** What a user in a container tries against the container's first process (attack.c, pipes.c), and what everybody else notices of it. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { Container, type ContainerOptions } from '../../src/index.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const attacked = suite('an attacked container');
const it = unless(noContainers, attacked);
const { path: directory, remove } = scratch();
const USER = { user: 'vcap' };

attacked.before(() => {
  if (noContainers !== undefined) return;
  chmodSync(directory, 0o755);
  const build = (name: string, ...flags: string[]): void => {
    execFileSync('cc', ['-static', '-O2', '-Wall', '-Wextra', '-Werror', ...flags, '-o', `${directory}/${name}`, `${packageRoot}test/containers/${name}.c`]);
  };
  build('attack');
  build('pipes', '-nostdlib', '-fno-stack-protector');
});
attacked.after(remove);

async function within(options: ContainerOptions, use: (container: Container) => Promise<void>): Promise<void> {
  const binds = [{ source: directory, target: '/attack', readOnly: true }];
  const container = await Container.create({ depot: `${directory}/depot`, binds, ...options });
  try {
    await use(container);
  } finally {
    await container.destroy();
  }
}

it('commands that their user stops before they execute keep nobody from anything', () => within({}, async (container) => {
  const storms = [1, 2].map(() => container.exec(['/attack/attack', 'stop', '60'], USER));
  // Each is stopped, runs, or is stopped as it runs.
  const victims = Array.from({ length: 400 }, () => container.exec(['true'], USER));
  for (const victim of victims) victim.output().catch(() => undefined);
  for (let round = 0; round < 20; round++) {
    const { exitCode, stdout } = await container.exec(['echo', 'served'], { timeoutMs: 60_000 }).output();
    assert.equal([exitCode, stdout.toString()], [0, 'served\n']);
  }

  await Promise.all(storms.map((storm) => storm.kill('SIGKILL')));
}));

it('signals that dump core end commands before they execute, and not the first process', () => within({}, async (container) => {
  const { pid } = await container.info();
  const storms = [1, 2].map(() => container.exec(['/attack/attack', 'quit', '60'], USER));
  const victims = Array.from({ length: 200 }, () => container.exec(['true'], USER));
  for (const victim of victims) victim.output().catch(() => undefined);
  for (let round = 0; round < 10; round++) {
    const { exitCode, stdout } = await container.exec(['echo', 'served'], { timeoutMs: 20_000 }).output();
    assert.equal([exitCode, stdout.toString()], [0, 'served\n']);
  }
  await Promise.all(storms.map((storm) => storm.kill('SIGKILL')));
  assert.is((await container.info()).pid, pid);
}));

it('a user who takes all terminals takes them in one container, and whoever wants one there reads why', () => within({}, (container) => within({ depot: `${directory}/other` }, async (other) => {
  const taker = container.exec(['/attack/attack', 'ptys', '60'], USER);
  await once(taker.stdout!, 'data');
  const terminal = { tty: true, timeoutMs: 20_000 }, reason = (ended: Promise<unknown>): Promise<string> => ended.then(() => 'it ran', String);
  assert.match(await reason(container.exec(['true'], terminal).output()), /no space left on device; all terminals of the container are in use$/);
  assert.is((await container.exec(['true']).output()).exitCode, 0);
  assert.is((await other.exec(['true'], terminal).output()).exitCode, 0);
  await taker.kill('SIGKILL');
  await taker.result;
  assert.is((await container.exec(['true'], terminal).output()).exitCode, 0);
})));

const MEMORY_BYTES = 32 << 20;

it('small processes that fill the memory end, and not the first process', () => within({ memoryBytes: MEMORY_BYTES }, async (container) => {
  const { pid: init } = await container.info();
  for (let round = 0; round < 3; round++) {
    const fillers = Array.from({ length: 4 }, () => container.exec(['/attack/pipes'], USER));
    const ends = fillers.map((filler) => filler.output());
    // The kernel ends one after the other, until the rest has room.
    const first = await Promise.race(ends);
    assert.is(first.signal, 'SIGKILL');
    await Promise.all(fillers.map((filler) => filler.kill('SIGKILL')));
    await Promise.all(ends);
    const { exitCode, stdout } = await container.exec(['echo', 'served'], { timeoutMs: 60_000 }).output();
    assert.equal([exitCode, stdout.toString()], [0, 'served\n']);
  }
  const { pid, memory } = await container.info();
  assert.is(pid, init);
  assert.ok(memory!.oomKills > 0);
}));

attacked.run();
