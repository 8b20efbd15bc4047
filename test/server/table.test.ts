/** docs/internals/server-examples.md names tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';

const table = suite('server examples, the table');

function sourceOf(name: string): string {
  const path = [`${name}.test.ts`, `${name}.slow.test.ts`].map((file) => `${packageRoot}test/server/${file}`).find(existsSync);
  assert.ok(path, `test/server has ${name}`);
  return readFileSync(path, 'utf8').replaceAll('\\\'', '\'');
}

table('each row names a test', () => {
  const rows = readFileSync(`${packageRoot}docs/internals/server-examples.md`, 'utf8').matchAll(/^\|[^|]*\|[^|]*\| `([a-z]+)` \| (.*) \|$/gm);
  let count = 0;
  for (const [, file, name] of rows) {
    assert.ok(sourceOf(file!).includes(name!), `${file!} has "${name!}"`);
    count++;
  }
  assert.ok(count > 40, String(count));
});

table.run();
