/** docs/reference/oom.md, on any host. */
import * as assert from 'uvu/assert';
import { Behaviours, type Cgroup, outcomeOf, type Running, runToEnd, type World } from './world.js';

export const behaviours = new Behaviours('oom');

/** What comes within 100 ms of another belongs to it: docs/reference/oom.md */
const APART_MS = 400;
const LINE = 'out of memory\n';

async function watching(world: World, group: Cgroup): Promise<Running> {
  const oom = world.start('oom', [group.path]);
  await world.rest(oom);
  assert.not(oom.ended, `oom has ended already: ${oom.stderr.text}`);
  return oom;
}

for (const version of [1, 2] as const) {
  const needs = `cgroup v${version}` as const;

  behaviours.add(`v${version}: ends with 0 when the group runs out of memory`, async (world) => {
    const group = await world.cgroup(version), oom = await watching(world, group);
    await group.exhaust();
    assert.equal(await outcomeOf(world, oom), { code: 0, stdout: '', stderr: '' });
  }, { needs });

  behaviours.add(`v${version}: ends with 1 when the group is removed`, async (world) => {
    const group = await world.cgroup(version), oom = await watching(world, group);
    group.remove();
    assert.equal(await outcomeOf(world, oom), { code: 1, stdout: '', stderr: `oom: the group was removed: ${group.path}\n` });
  }, { needs });

  behaviours.add(`v${version}: does not report what was before it`, async (world) => {
    const group = await world.cgroup(version);
    await group.exhaust();
    const oom = await watching(world, group);
    await group.exhaust();
    assert.is((await outcomeOf(world, oom)).code, 0);
  }, { needs });

  behaviours.add(`v${version}: watches its own group, and each that watches is told`, async (world) => {
    const [one, other] = [await world.cgroup(version), await world.cgroup(version)];
    const [first, second, stays] = [await watching(world, one), await watching(world, one), await watching(world, other)];
    await one.exhaust();
    assert.equal([(await outcomeOf(world, first)).code, (await outcomeOf(world, second)).code], [0, 0]);
    await world.pass(50);
    assert.not(stays.ended);
    other.remove();
    assert.is((await outcomeOf(world, stays)).code, 1);
  }, { needs });

  behaviours.add(`v${version}: with --follow, tells each time once, and of no other group's fate`, async (world) => {
    const [group, other] = [await world.cgroup(version), await world.cgroup(version)], oom = world.start('oom', ['--follow', group.path]);
    await world.rest(oom);
    let lines = 0;
    for (let times = 1; times <= 2; times++) {
      await group.exhaust();
      await world.until(() => oom.stdout.length > lines, 'a line comes');
      await world.pass(APART_MS);
      // A real kernel reports each attempt to get memory, and on a busy machine they are apart.
      if (world.host === 'simulated') assert.is(oom.stdout.text, LINE.repeat(times));
      lines = oom.stdout.length;
    }
    other.remove();
    await world.pass(APART_MS);
    assert.is(oom.stdout.length, lines);
    group.remove();
    assert.equal(await outcomeOf(world, oom), { code: 1, stdout: LINE.repeat(lines / LINE.length), stderr: `oom: the group was removed: ${group.path}\n` });
  }, { needs });
}

behaviours.add('says that there is no such group', async (world) => {
  assert.equal(await runToEnd(world, 'oom', ['/no/such/group']), { code: 1, stdout: '', stderr: 'oom: there is no cgroup /no/such/group\n' });
});

behaviours.add('says what is missing in a directory that is no memory group', async (world) => {
  const { code, stderr } = await runToEnd(world, 'oom', [world.directory()]);
  assert.is(code, 1);
  assert.match(stderr, 'oom: neither memory.oom_control nor memory.events is in');
});

behaviours.add('refuses a command line that makes no sense, and shows help', async (world) => {
  for (const [args, words] of [[[], 'one CGROUP_DIRECTORY is wanted'], [['a', 'b'], 'one CGROUP_DIRECTORY is wanted'], [['--unknown', 'a'], 'invalid option: --unknown']] as const) {
    const { code, stderr } = await runToEnd(world, 'oom', args);
    assert.is(code, 1);
    assert.match(stderr, words);
  }
  const help = await runToEnd(world, 'oom', ['--help']);
  assert.is(help.code, 0);
  assert.match(help.stderr, 'usage: oom ');
});
