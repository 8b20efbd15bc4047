/** docs/internals/oci-lines.md names tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';

const table = suite('what podman relies on, the table');

table('each row names a test', () => {
  const rows = [...readFileSync(`${packageRoot}docs/internals/oci-lines.md`, 'utf8').matchAll(/^\|[^|]*\| `([a-z/]+)` \| (.*) \|$/gm)];
  for (const [, file, name] of rows) {
    const path = `${packageRoot}test/${file!}.test.ts`;
    assert.ok(existsSync(path), `there is ${path}`);
    const source = readFileSync(path, 'utf8').replaceAll('\\\'', '\'');
    assert.ok(source.includes(`'${name!}'`), `${file!} has "${name!}"`);
  }
  assert.ok(rows.length > 80, String(rows.length));
});

table.run();
