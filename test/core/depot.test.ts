/** Ids, and what shim/hooks/watch.sh has to know of a container's directory. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { checkId, idAt, isId, withNewId } from '../../src/core/depot/id.js';
import { DIRECTORIES, FILES, JOB_FILES } from '../../src/core/depot/layout.js';
import { thrownBy } from './help.js';

const test = suite('core: the depot');

for (const id of ['a', '0', 'web', 'web.1', 'A_b-c', 'x'.repeat(63), 'owner', 'x.owner.y']) test(`${id} is an id`, () => assert.ok(isId(id)));
for (const id of ['', '.', '..', '-a', '_a', 'a/b', 'a b', 'é', 'a\n', 'a\0', 'x'.repeat(64), 'x.owner', '.owner']) {
  test(`${JSON.stringify(id)} is no id`, () => assert.not.ok(isId(id)));
}

test('an invalid id is a usage error that names the thing', () => {
  const { code, message } = thrownBy(() => { checkId('job', '../x'); });
  assert.is(code, 'USAGE');
  assert.match(message, /^"\.\.\/x" is invalid as the id of a job: /);
});

test('ids made from the time have eleven characters, and grow with the time', () => {
  assert.equal([idAt(0), idAt(1_700_000_000_000_000), idAt(1_700_000_000_000_001)], ['00000000000', '1ga4gc1sg00', '1ga4gc1sg01']);
  assert.ok(isId(idAt(1_700_000_000_000_000)));
});

test('ids that are taken are skipped', () => {
  const taken = new Set([idAt(5), idAt(6)]);
  assert.is(withNewId((id) => (taken.has(id) ? undefined : id), 5), idAt(7));
});

test('the watcher removes the same files as the library', () => {
  const script = readFileSync(`${packageRoot}shim/hooks/watch.sh`, 'utf8');
  const [jobFiles, files] = [...script.matchAll(/rm -f ((?:[\w./]+ ?)+)\)?$/gm)].map(([, list]) => list!.trim().split(' '));
  assert.equal(jobFiles, [...JOB_FILES]);
  assert.equal(files, [...FILES]);
  assert.equal(/^rmdir (.*)$/m.exec(script)![1]!.split(' ').sort(), [...DIRECTORIES].sort());
});

test.run();
