import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { modules } from '../../tools/build/asc.js';
import { declaredCalls, importsOf, source } from './sources.js';

const capabilities = suite('the table of capabilities');

/** Rows of the table in docs/internals/architecture.md: module → what it may import. */
function documented(): Map<string, string[]> {
  const section = /<!-- capabilities -->([\s\S]*?)<!-- end of capabilities -->/.exec(source('docs/internals/architecture.md'))?.[1] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(rows.map((row) => {
    const [, module = '', shim = '', wasi = ''] = row.split('|');
    return [names(module)[0] ?? '', [...names(shim).map((name) => `shim.${name}`), ...names(wasi).map((name) => `wasi_snapshot_preview1.${name}`)].sort()];
  }));
}

function names(cell: string): string[] { return [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name); }

capabilities('has a row for each module and no other', () => {
  assert.ok(modules.length >= 6);
  assert.equal([...documented().keys()].sort(), [...modules].sort());
});

for (const module of modules) {
  capabilities(`${module} imports what its row says`, () => {
    const allowed = documented().get(module) ?? [];
    const imported = importsOf(module);
    assert.equal(imported.filter((name) => !allowed.includes(name)), [], 'imported, but not in the table');
    assert.equal(allowed.filter((name) => !imported.includes(name)), [], 'in the table, but not imported');
  });
}

capabilities('a module imports from the shim and from WASI only', () => {
  for (const module of modules) for (const name of importsOf(module)) assert.match(name, /^(shim|wasi_snapshot_preview1)\./);
});

capabilities('every call of the boundary is some module\'s', () => {
  const used = new Set(modules.flatMap(importsOf));
  assert.equal([...declaredCalls().keys()].filter((name) => !used.has(`shim.${name}`)), []);
});

capabilities.run();
