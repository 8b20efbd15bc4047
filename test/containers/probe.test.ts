/** What the probe (probe.c) sees and can do in a container of each kind, held to the table of docs/security.md. */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { source } from '../boundary/sources.js';
import { Depot } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const probe = suite('the probe');
const { path: directory, remove } = scratch();
let depot: Depot;

/** The columns of ours, and the options that make a container of the kind. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'root': ['--userns', 'required'],
  'user': ['--userns', 'required', '--user', 'vcap'],
  'root, host\'s ids': ['--userns', 'host'],
  'user, host\'s ids': ['--userns', 'host', '--user', 'vcap'],
  'privileged root': ['--privileged'],
};

/** Rows by name, each with its cells by column. */
function readTable(): Map<string, Map<string, string>> {
  const [, text = ''] = /<!-- probe -->\n([^]*?)\n<!-- end of probe -->/.exec(source('docs/security.md')) ?? [];
  const rows = text.split('\n').map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim().replaceAll('`', '')));
  const [head = [], , ...body] = rows;
  return new Map(body.map(([name = '', ...cells]) => [name, new Map(cells.map((cell, index) => [head[index + 1]!, cell]))]));
}

probe.before(() => {
  depot = new Depot();
  if (noContainers !== undefined) return;
  chmodSync(directory, 0o755);
  const files = ['-o', `${directory}/probe`, `${packageRoot}test/containers/probe.c`];
  execFileSync('cc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', ...files]);
});
probe.after.each(async () => assert.equal(await depot.leftovers(), []));
probe.after(() => {
  depot.remove();
  remove();
});

for (const [kind, options] of Object.entries(KINDS)) {
  unless(noContainers, probe)(`finds what the page says of ${kind}`, async () => {
    const { code, stdout, stderr } = await depot.run([...options, '--bind', `${directory}:/probe:ro`, '--', '/probe/probe']);
    assert.equal([code, stderr], [0, '']);
    const found = new Map(stdout.trim().split('\n').map((line) => {
      const space = line.indexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }));
    const table = readTable();
    assert.equal([...found.keys()], [...table.keys()], 'the rows');
    const expected = [...table].map(([name, cells]) => [name, cells.get(kind)]);
    // What depends on the machine is not compared.
    assert.equal([...found].map(([name, value]) => [name, table.get(name)!.get(kind) === '·' ? '·' : value]), expected);
  });
}

probe.run();
