/** How long iomux-spawn stays behind its command, and for whom: docs/reference/iomux-spawn.md, on any host. */
import * as assert from 'uvu/assert';
import { assertStream, connectAll, endsAtOnce, endsWith, type Job, RING_BYTES, startJob, statusOf } from './jobs.js';
import { Behaviours, type World } from './world.js';

export const behaviours = new Behaviours('iomux-spawn');
const { add } = { add: behaviours.add.bind(behaviours) };

const SIGTERM = 15;

add('without --linger, the sockets go with the last link', async (world) => {
  const job = await startJob(world, 'read 1'), link = await connectAll(world, job);
  assert.is(world.list(job.directory).length, 3);
  job.spawn.stdin.write('x');
  await statusOf(world, link.status);
  await endsWith(world, job.spawn, 0);
  assert.equal(world.list(job.directory), []);
});

add('with --linger, a link that comes late gets what is kept, the ends and the status', async (world) => {
  const job = await startJob(world, 'write 1 100000; write 2 10; exit 9', '--linger', '600'), first = await connectAll(world, job);
  await statusOf(world, first.status);
  for (let i = 0; i < 2; i++) {
    const late = await connectAll(world, job);
    await assertStream(world, late.stdout, 1, RING_BYTES, 34_464);
    await assertStream(world, late.stderr, 2, 10);
    assert.equal(await statusOf(world, late.status), [0, 0, 9, 0]);
  }
  job.spawn.kill(SIGTERM);
  await endsWith(world, job.spawn, 0);
  assert.equal(world.list(job.directory), []);
});

add('with --linger, the sockets go when the time is over', async (world) => {
  const job = await startJob(world, 'exit 9', '--linger', '5');
  await statusOf(world, (await connectAll(world, job)).status);
  assert.not(job.spawn.ended);
  await endsWith(world, job.spawn, 0);
  assert.equal(world.list(job.directory), []);
});

const LONG = 1_000_000;
const lingerings: Record<string, [seconds: string, end: (job: Job, world: World) => Promise<void>]> = {
  'the time is over': ['1', (_job, world) => world.pass(1500)],
  'it is asked to end': ['600', async (job, world) => {
    job.spawn.kill(SIGTERM);
    await world.pass(100);
  }],
};
for (const [what, [seconds, end]] of Object.entries(lingerings)) {
  add(`lingers no longer when ${what}, but for a link that still reads`, async (world) => {
    const job = await startJob(world, `write 1 ${LONG}; exit 4`, '--ring', '1M', '--linger', seconds), first = await connectAll(world, job);
    await assertStream(world, first.stdout, 1, LONG);
    assert.equal(await statusOf(world, first.status), [0, 0, 4, 0]);
    const late = await connectAll(world, job);
    late.stdout.pause();
    await end(job, world);
    late.stdout.resume();
    await assertStream(world, late.stdout, 1, LONG);
    assert.equal(await statusOf(world, late.status), [0, 0, 4, 0]);
    await endsAtOnce(world, job.spawn, 0);
  });
}

add('asked to end while a link still reads, does not linger behind it', async (world) => {
  const job = await startJob(world, `write 1 ${LONG}; exit 4`, '--ring', '1M', '--linger', '600');
  const slow = await connectAll(world, job), quick = await connectAll(world, job);
  slow.stdout.pause();
  await assertStream(world, quick.stdout, 1, LONG);
  assert.equal(await statusOf(world, quick.status), [0, 0, 4, 0]);
  job.spawn.kill(SIGTERM);
  await world.pass(100);
  slow.stdout.resume();
  await assertStream(world, slow.stdout, 1, LONG);
  assert.equal(await statusOf(world, slow.status), [0, 0, 4, 0]);
  await endsAtOnce(world, job.spawn, 0);
});
