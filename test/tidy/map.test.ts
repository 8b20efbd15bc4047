/** The table "changed → tests" of docs/internals/testing.md, by which `npm test -- --changed` chooses. */
import { existsSync, readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { allTests, STAGES, testMap, testsOf } from '../../tools/test/select.js';

const map = suite('tests of what changed');
const rows = testMap(), tests = allTests();

map('every source has a row, and tests', () => {
  const sources = ['assembly', 'shim', 'src', 'test', 'tools'].flatMap((folder) => (
    readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|cts|c|cc|h|sh|py)$/.test(entry.name))
      .map((entry) => `${entry.parentPath}/${entry.name}`.replace(packageRoot, ''))
  ));
  assert.ok(sources.length > 300);
  assert.equal(sources.filter((file) => testsOf(file, rows, tests).length === 0), []);
});

map('every row names tests that exist', () => {
  // Both sides of a row appear together with their room.
  const present = rows.filter(({ changed }) => existsSync(packageRoot + changed.replace(/\/$/, '')));
  const wrong = present.flatMap((row) => row.tests.filter((name) => !tests.some((test) => test.startsWith(name))).map((name) => `${row.changed}: ${name}`));
  assert.equal(wrong, []);
});

map('every test belongs to one stage of .ci/run', () => {
  const stagesOf = (test: string) => Object.values(STAGES)
    .filter((folders: readonly string[]) => folders.some((folder) => test.startsWith(folder)));
  assert.equal(tests.filter((test) => stagesOf(test).length !== 1), []);
});

map('a test belongs to itself, and the longest path counts', () => {
  assert.equal(testsOf('test/tidy/map.test.ts', rows, tests), ['tidy/map.test.ts']);
  const ofOom = testsOf('assembly/programs/oom/index.ts', rows, tests);
  assert.ok(ofOom.includes('programs/oom/oom.test.ts') && !ofOom.some((test) => test.startsWith('programs/wshd/')));
  assert.equal(testsOf('LICENSE', rows, tests), []);
});

map.run();
