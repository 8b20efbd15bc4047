/** oom and what a real kernel counts beside kills, which no test can ask of one at will. docs/reference/oom.md */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withWorld } from '../help.js';

const oom = suite('oom and other events');

oom('version 2: events without a kill are no news', () => withWorld((world) => {
  const group = world.cgroup('/cgroup/c', 2), watcher = world.start(['oom', '--follow', '/cgroup/c']);
  for (const kills of [0, 2, 0, 0, 1]) {
    world.run();
    // The file is modified for its other counts, too: low, high, max.
    group.outOfMemory(kills);
  }
  world.run();
  assert.is(watcher.stdout!.text, 'out of memory\n'.repeat(2));
}));

oom.run();
