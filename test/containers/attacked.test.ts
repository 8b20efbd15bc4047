/** What a user in a container tries against the container's first process (attack.c, pipes.c), and what everybody else notices of it. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
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
    const { exitCode, stdout } = await container.exec(['echo', 'served'], { timeoutMs: 20_000 }).output();
    assert.equal([exitCode, stdout.toString()], [0, 'served\n']);
  }

  await Promise.all(storms.map((storm) => storm.kill('SIGKILL')));
}));

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
    const { exitCode, stdout } = await container.exec(['echo', 'served'], { timeoutMs: 20_000 }).output();
    assert.equal([exitCode, stdout.toString()], [0, 'served\n']);
  }
  const { pid, memory } = await container.info();
  assert.is(pid, init);
  assert.ok(memory!.oomKills > 0);
}));

attacked.run();
