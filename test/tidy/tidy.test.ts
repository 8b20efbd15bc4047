import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { source } from '../boundary/sources.js';

const LINES_MAX = 400;
const COLUMNS_MAX = 140;
const FOLDERS = ['assembly', 'shim/sys', 'shim/launcher', 'shim/hooks', 'shim/addon', 'src', 'test', 'tools'];

const tidy = suite('tidy');
const files = FOLDERS.flatMap((folder) => readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|c|h|cc|py|sh)$/.test(file))
  .map((file) => `${folder}/${file}`));

/** Places of the sources' lines of which this holds, as "file:line". */
function lines(offends: (line: string) => boolean): string[] {
  return files.flatMap((file) => source(file).split('\n').flatMap((line, index) => (offends(line) ? [`${file}:${index + 1}`] : [])));
}

/** The line without the texts and patterns that it quotes: those are not to be broken. */
function code(line: string): string {
  return line.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\/(?:[^/\\]|\\.)+\//g, '""');
}

tidy('looks at all sources', () => assert.ok(files.length > 60 && files.includes('test/tidy/tidy.test.ts')));

tidy(`no file has more than ${LINES_MAX} lines`, () => {
  assert.equal(files.filter((file) => source(file).trimEnd().split('\n').length > LINES_MAX), []);
});

tidy(`no line has more than ${COLUMNS_MAX} columns, texts not counted`, () => assert.equal(lines((line) => code(line).length > COLUMNS_MAX), []));

tidy('no tabs', () => assert.equal(lines((line) => line.includes('\t')), []));

tidy('no trailing spaces', () => assert.equal(lines((line) => /\s$/.test(line)), []));

tidy('every file ends with one newline', () => assert.equal(files.filter((file) => !/[^\n]\n$/.test(source(file))), []));

tidy('nothing is left to be done', () => assert.equal(lines((line) => /\b(TO[D]O|FIX[M]E|XX[X])\b/.test(line)), []));

tidy('no test keeps the others from running', () => assert.equal(lines((line) => /\.(only)\(/.test(line)), []));

tidy('a test is skipped with a reason only', () => {
  // The helper that says why is the only place that skips.
  const skipping = lines((line) => /\.(skip)\(|\{ (skip) \}/.test(line)).filter((place) => place.startsWith('test/'));
  assert.equal([...new Set(skipping.map((place) => place.replace(/:\d+$/, '')))], ['test/support/skip.ts']);
});

tidy.run();
