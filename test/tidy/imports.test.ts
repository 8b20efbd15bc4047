/** Which file imports which: by the table of docs/internals/architecture.md, without circles, types included. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import ts from 'typescript';
import { packageRoot } from '../../src/base/paths.js';

const PAGE = 'docs/internals/architecture.md';
const FOLDERS = ['assembly', 'shim', 'src', 'test', 'tools'];
const LOOSE_FILES_MAX = 16;
/** The row of all programs, none of which may import another. */
const PROGRAMS = 'assembly/programs/PROGRAM';

const imports = suite('imports');

const sources = FOLDERS.flatMap((folder) => readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|cts|c|cc|h|sh|py)$/.test(file) && !/(^|\/)(build|corpus)\//.test(file))
  .map((file) => `${folder}/${file}`));

/** The file that a module's name stands for: TypeScript's names end in .js, AssemblyScript's have no ending. */
function resolve(from: string, name: string): string | undefined {
  const path = join(dirname(from), name);
  const candidates = [path.replace(/js$/, 'ts'), path.replace(/\.js$/, '.d.ts'), `${path}.ts`, `${path}/index.ts`];
  return candidates.find((candidate) => candidate.endsWith('ts') && existsSync(packageRoot + candidate));
}

/** For each file the files of ours that it imports or exports from, by `import()` and as types, too. */
const graph = new Map(sources.filter((file) => file.endsWith('ts')).map((file) => {
  const { importedFiles } = ts.preProcessFile(readFileSync(packageRoot + file, 'utf8'), true, true);
  const names = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
  return [file, names.flatMap((name) => resolve(file, name) ?? [])] as const;
}));

/** The page's table: for each room the rooms that it may import, by their folders. */
function allowed(): Map<string, string[]> {
  const [, text] = /<!-- allowed imports -->\n(.*?)<!-- end of allowed imports -->/s.exec(readFileSync(packageRoot + PAGE, 'utf8')) ?? [];
  assert.ok(text !== undefined, `${PAGE} has a table of allowed imports`);
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(rows.map((row) => {
    const [, room = '', list = ''] = row.split('|');
    return [/`(.*?)`/.exec(room)![1]!, [...list.matchAll(/`(.*?)`/g)].map(([, name]) => name!)];
  }));
}

/** The room that a file lies in: a folder, or a single file, below src/ or assembly/. Each program is a room like all programs. */
function roomOf(file: string, rooms: readonly string[]): string | undefined {
  const program = /^assembly\/programs\/[^/]+/.exec(file)?.[0];
  if (program !== undefined && rooms.includes(PROGRAMS)) return program;
  const path = file.replace(/^src\//, '');
  return rooms.filter((room) => path === room || path.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0];
}

imports('the files and what they import are found', () => {
  assert.ok(graph.size > 300);
  assert.ok(graph.get('src/cli/main.ts')!.some((file) => file.startsWith('src/cli/')));
  assert.ok(graph.get('assembly/programs/wsh/index.ts')!.some((file) => file.startsWith('assembly/lib/')));
  assert.ok(graph.get('test/tidy/imports.test.ts')!.includes('src/base/paths.ts'));
});

imports('every file lies in a room of the table', () => {
  const rooms = [...allowed().keys()];
  const files = [...graph.keys()].filter((file) => /^(src|assembly)\//.test(file));
  assert.equal(files.filter((file) => roomOf(file, rooms) === undefined), []);
});

imports('a room imports only what the table allows', () => {
  const table = allowed(), rooms = [...table.keys()];
  const wrong = [...graph].filter(([file]) => /^(src|assembly)\//.test(file)).flatMap(([file, targets]) => targets.flatMap((target) => {
    const from = roomOf(file, rooms) ?? file, to = roomOf(target, rooms) ?? target;
    // A room of rooms stands for all of them.
    const isAllowed = from === to || (table.get(from) ?? table.get(PROGRAMS))?.some((room) => to === room || to.startsWith(`${room}/`));
    return isAllowed ? [] : [`${file} -> ${target}`];
  }));
  assert.equal(wrong.sort(), []);
});

imports('a test or a tool is imported by tests and tools only', () => {
  const wrong = [...graph].filter(([file]) => /^(src|assembly)\//.test(file))
    .flatMap(([file, targets]) => targets.filter((target) => /^(test|tools)\//.test(target)).map((target) => `${file} -> ${target}`));
  assert.equal(wrong, []);
});

/** Groups of files that import each other, in a circle of any length: Tarjan's strongly connected components. */
function circles(): string[][] {
  const index = new Map<string, number>(), low = new Map<string, number>(), stack: string[] = [], found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || graph.get(file)?.includes(file)) found.push(group.sort());
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return found;
}

imports('no files import each other in a circle', () => assert.equal(circles(), []));

imports(`no folder of sources has more than ${LOOSE_FILES_MAX} files of its own`, () => {
  const counts = new Map<string, number>();
  for (const file of sources) if (!file.startsWith('assembly/')) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  assert.equal([...counts].filter(([, count]) => count > LOOSE_FILES_MAX), []);
});

imports.run();
