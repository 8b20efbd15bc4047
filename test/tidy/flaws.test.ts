/** docs/internals/flaws.md names tests that exist, for each of the flaws. */
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';

const table = suite('flaws, the table');
const FLAWS = 20;

function sourceOf(name: string): string {
  const path = [`${name}.test.ts`, `${name}.slow.test.ts`].map((file) => `${packageRoot}test/${file}`).find(existsSync);
  assert.ok(path, `test has ${name}`);
  return readFileSync(path, 'utf8').replaceAll('\\\'', '\'');
}

table('each flaw has a row, and each row a test', () => {
  const rows = readFileSync(`${packageRoot}docs/internals/flaws.md`, 'utf8').matchAll(/^\| (\d+) \|[^|]*\|[^|]*\| `([a-z0-9/-]+)` \| (.*) \|$/gm);
  const flaws = new Set<number>();
  for (const [, flaw, file, name] of rows) {
    assert.ok(sourceOf(file!).includes(`'${name!}'`), `${file!} has "${name!}"`);
    flaws.add(Number(flaw));
  }
  assert.equal([...flaws], Array.from({ length: FLAWS }, (_, index) => index + 1));
});

table.run();
