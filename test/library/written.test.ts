/** A link that writes to descriptors: whoever reads the file learns of each piece. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Container } from '../../src/index.js';
import { scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, noContainers } from './help.js';

const written = suite('links to descriptors');
const test = unless(noContainers, written);
const depot = new Depot();
let container: Container;

if (!noContainers) {
  written.before(async () => { container = await depot.create(); });
  written.after(async () => {
    await container.destroy();
    depot.remove();
  });
}

test('with descriptors, each piece of output is an event once it was written', async () => {
  const { path, remove } = scratch(), out = openSync(`${path}/out`, 'a'), seen = new Set<string>();
  const link = (await container.spawn(['sh', '-c', 'echo one; until [ -e /tmp/go ]; do sleep 0.02; done; echo two >&2; exit 3'], { start: 'linked' })).link({ stdio: [out, out] });
  link.on('output', () => seen.add(readFileSync(`${path}/out`, 'utf8')));
  await until(() => seen.has('one\n'), 'the first line is an event');
  assert.is((await container.exec(['touch', '/tmp/go']).result).exitCode, 0);
  assert.is((await link.result).exitCode, 3);
  assert.ok(seen.has('one\ntwo\n'));
  closeSync(out);
  remove();
});

written.run();
