import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Random, SimulationError, Trace, World } from '../../../src/sim/world/index.js';
import { loadPrograms } from '../../../src/sim/world/node.js';
import { generate } from '../../../src/sim/scenario/generate.js';
import { loadMarked } from '../../../src/sim/campaign/instrumented.js';
import { runScenario } from '../../../src/sim/campaign/run-scenario.js';

const determinism = suite('one seed decides everything');
const programs = await loadPrograms();

/** A container, a job with two links, a command beside it, an OOM: the trace of all of it. */
function run(seed: number): string {
  const trace = new Trace();
  using world = new World({ programs, seed, observers: [trace], stepsMax: 50_000 });
  const container = world.container('/c'), wshd = container.start();
  world.run(() => wshd.ended);
  const group = world.cgroup('/cgroup/c', seed % 2 === 0 ? 1 : 2);
  world.start(['oom', '/cgroup/c']);
  container.spawn('1', ['/bin/script', '-c', 'write 1 100000; sleep 10; write 2 3000 7; exit 9']);
  world.run(() => world.files.exists('/c/jobs/1/status.sock'));
  container.link('1', ['-w', '/tmp/cursor']);
  container.link('1');
  container.wsh(['/bin/script', '-c', 'copy'], { stdin: 'pipe' }).stdin!.end();
  group.outOfMemory();
  world.run();
  return trace.text;
}

determinism('the same seed is the same run, event by event', () => {
  for (const seed of [0, 1, 2 ** 40 + 5]) {
    const first = run(seed);
    assert.ok(first.split('\n').length > 200);
    assert.is(run(seed), first);
  }
});

determinism('another seed is another run', () => assert.is(new Set([1, 2, 3, 4, 5, 6].map(run)).size, 6));

determinism('a run without an end says so, with its seed', () => {
  using world = new World({ programs, seed: 77, stepsMax: 1_000 });
  world.start(['/bin/script', '-c', 'repeat 1000000 { close 9 }']);
  assert.throws(() => world.run(), (error: unknown) => error instanceof SimulationError && /no end after 1000 steps.*seed 77/.test(error.message));
});

determinism('random numbers are evenly spread, and the same for the same seed', () => {
  const random = new Random(5), again = new Random(5), counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const number = random.below(10);
    assert.is(number, again.below(10));
    counts[number]!++;
  }
  for (const count of counts) assert.ok(count > 9_500 && count < 10_500, `${counts}`);
  assert.not(random.chance(0));
  assert.ok(random.chance(1));
  assert.equal(new Random(3).shuffle([1, 2, 3, 4]).sort(), [1, 2, 3, 4]);
});

determinism('a mistake of the kernel\'s own, or of a checker\'s, is told as what did not hold, and where', async () => {
  const mistaken = { call: () => { throw new TypeError('nobody thought of this'); } };
  const { violation } = runScenario(await loadMarked(), generate(3), [mistaken]);
  assert.is(violation?.check, 'simulation');
  assert.match(violation!.words, /^TypeError: nobody thought of this\n +at /);
});

determinism.run();
