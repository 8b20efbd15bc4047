/** State diagrams in the pages have the states of the code, by the same names. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { source } from '../boundary/sources.js';

const PAGE = 'docs/internals/diagrams.md';

const diagrams = suite('state diagrams');

/** The members of an enumeration in a source file, in their order. */
function members(path: string, name: string): string[] {
  const body = new RegExp(`\\benum ${name} \\{([^}]*)\\}`).exec(source(path))?.[1];
  if (body === undefined) throw new Error(`${path} has no enum ${name}`);
  return body.split(',').map((member) => member.split('=')[0]!.trim()).filter((member) => member !== '');
}

/** The names on both sides of a diagram's arrows, without start and end. */
function states(diagram: string): string[] {
  const names = [...diagram.matchAll(/^ +(\S+) --> (\S+?)(?::|$)/gm)].flatMap(([, from = '', to = '']) => [from, to]);
  return [...new Set(names.filter((name) => name !== '[*]'))];
}

const drawn = [...source(PAGE).matchAll(/<!-- states: (\S+) (\w+) -->\n```mermaid\n(stateDiagram-v2\n[^]*?)```/g)];

for (const [, path = '', name = '', diagram = ''] of drawn) {
  diagrams(`${path}: ${name}`, () => assert.equal(states(diagram).sort(), members(path, name).sort()));
}

diagrams('every enumeration of states is drawn', () => {
  const files = readdirSync(`${packageRoot}assembly/programs`, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const found = files.flatMap((file) => [...source(`assembly/programs/${file}`).matchAll(/\benum (State|Stage) \{/g)]
    .map(([, name]) => `assembly/programs/${file} ${name}`));
  assert.equal(drawn.map(([, path, name]) => `${path} ${name}`).sort(), found.sort());
});

diagrams('a state changes in one function', () => {
  const changes = drawn.map(([, path = '', name = '']) => {
    const doors = source(path).match(new RegExp(`^ +(this\\.)?${name.toLowerCase()} = `, 'gm')) ?? [];
    return `${path} ${name}: ${doors.length}`;
  });
  assert.equal(changes, drawn.map(([, path, name]) => `${path} ${name}: 1`));
});

diagrams.run();
