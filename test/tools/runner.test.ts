/** What the runner prints when several things fail: tools/test/uvu.ts. */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { run, scratch } from '../support/process.js';

const runner = suite('the test runner');
const { path, remove } = scratch();
runner.after(remove);

async function printed(body: string): Promise<string> {
  const file = `${path}/fixture.mjs`;
  writeFileSync(file, `import { suite } from 'uvu';\nconst test = suite('fixture');\n${body}\ntest.run();\n`);
  return (await run([process.execPath, `${packageRoot}build/js/tools/test/run-file.js`, file])).stdout.toString();
}

const FAIL = (words: string): string => `() => { throw new Error('${words}'); }`;

runner('shows a test\'s failure although after.each fails, too, and runs the tests that follow', async () => {
  const output = await printed(`test('one', ${FAIL('the test')}); test('two', () => undefined); test.after.each(${FAIL('the hook')});`);
  assert.match(output, /the test\s+and then: the hook/);
  assert.match(output, /"two"\s+the hook/);
  assert.match(output, /\(0 \/ 2\)/);
});

runner('runs every hook after.each, whatever failed before', async () => {
  const hooks = `test.after.each(${FAIL('the first')}); test.after.each(() => console.log('the second ran'));`;
  assert.match(await printed(`test('one', () => undefined); ${hooks}`), /the second ran/);
});

for (const hook of ['before', 'after']) {
  runner(`shows why ${hook} failed`, async () => {
    assert.match(await printed(`test('one', () => undefined); test.${hook}(${FAIL('no machine')});`), new RegExp(`FAIL  ${hook}: Error: no machine`));
  });
}

runner('does not run a test whose before.each failed, but its hooks after.each', async () => {
  const output = await printed(`test('one', () => console.log('it ran')); test.before.each(${FAIL('not ready')}); test.after.each(() => console.log('cleaned'));`);
  assert.match(output, /not ready/);
  assert.match(output, /cleaned/);
  assert.not.match(output, /it ran/);
});

runner.run();
