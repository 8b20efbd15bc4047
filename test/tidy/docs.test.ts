/** The pages name what exists: files, headings, and code that runs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';

const EXAMPLES = 'docs/examples';
const COLUMNS_MAX = 120;
/** Paths from the package's root, as pages and comments write them. */
const SOURCE_PATH = /(?<![\w./-])(?:assembly|docs|findings|shim|src|test|tools|\.ci)\/[\w./{},-]*[\w}]/g;

const docs = suite('docs');

function read(path: string): string { return readFileSync(packageRoot + path, 'utf8'); }

const pages = [
  ...readdirSync(packageRoot).filter((file) => file.endsWith('.md')),
  ...['docs', 'findings', 'test', 'tools'].filter((folder) => existsSync(packageRoot + folder)).flatMap((folder) => (
    readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`)
  )),
];

/** A page without its blocks of code, in which brackets and hashes mean something else, and without the table that map.test.ts holds. */
function prose(page: string): string {
  return read(page).replace(/^```.*?^```$/gms, '').replace(/<!-- tests of what changed -->.*?<!-- end/s, '<!-- end');
}

/** The blocks of code in a page that are in this language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, named, text]) => (named === language ? [text!] : []));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): Set<string> {
  const slugs = new Set<string>();
  for (const [, heading = ''] of prose(page).matchAll(/^#+ +(.*?) *$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = text.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
    let unique = slug;
    for (let count = 1; slugs.has(unique); count++) unique = `${slug}-${count}`;
    slugs.add(unique);
  }
  return slugs;
}

/** What is wrong with the links of a page. */
function deadLinks(page: string): string[] {
  return [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(packageRoot + file)) return [`${page}: ${target}`];
    return anchor !== undefined && file.endsWith('.md') && !anchors(file).has(anchor) ? [`${page}: ${target} (no such heading)`] : [];
  });
}

/** `a/{b,c}.ts` as a/b.ts and a/c.ts. */
function expand(path: string): string[] {
  const braces = /^(.*?)\{([^{}]*)\}(.*)$/.exec(path);
  return braces ? braces[2]!.split(',').flatMap((choice) => expand(braces[1]! + choice + braces[3]!)) : [path];
}

/** Paths in a text that lead nowhere; a segment in capitals stands for any name. */
function deadPaths(file: string, text: string): string[] {
  return [...text.matchAll(SOURCE_PATH)].flatMap(([path]) => expand(path))
    .filter((path) => !/(^|\/|\b)[A-Z]{3,}(\.|\/|\b|$)/.test(path.replace(/[A-Z]+\.md$/, '')) && !existsSync(packageRoot + path))
    .map((path) => `${file}: ${path}`);
}

docs('there are pages to look at', () => assert.ok(pages.includes('README.md') && pages.length > 10));

docs('every link leads to a file, and to a heading of that page', () => assert.equal(pages.flatMap(deadLinks), []));

docs('every path in a page exists', () => {
  const current = pages.filter((page) => page !== 'CHANGELOG.md');
  assert.equal(current.flatMap((page) => deadPaths(page, prose(page))), []);
});

docs('every section of promises on the page about security names a test', () => {
  const [, promised = ''] = /^## What is promised\n([^]*?)^## What is not promised$/m.exec(read('docs/security.md')) ?? [];
  const sections = promised.split(/^(?=##)/m).slice(1).filter((section) => section.split('\n').length > 3);
  assert.ok(sections.length > 6, 'there are sections');
  assert.equal(sections.filter((section) => !/`test\/[\w/.-]+`/.test(section)).map((section) => section.split('\n')[0]), []);
});

docs('every path in a comment exists', () => {
  const sources = ['assembly', 'shim', 'src', 'test', 'tools'].flatMap((folder) => (
    readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|cts|c|cc|h|sh|py)$/.test(file))
      .map((file) => `${folder}/${file}`)
  ));
  const commentsOf = (file: string): string => [...read(file).matchAll(/\/\*.*?\*\/|^\s*(?:\/\/|#).*$/gms)].map(([comment]) => comment).join('\n');
  assert.equal(sources.flatMap((file) => deadPaths(file, commentsOf(file))), []);
});

/** Lines of a page outside of code, with their numbers. */
function proseLines(page: string): (readonly [place: string, line: string])[] {
  const text = read(page).replace(/^```.*?^```$/gms, (block) => block.replace(/[^\n]/g, ''));
  return text.split('\n').map((line, index) => [`${page}:${index + 1}`, line] as const);
}

docs(`no line of prose has more than ${COLUMNS_MAX} columns, tables and addresses not counted`, () => {
  const long = pages.flatMap(proseLines).filter(([, line]) => line.length > COLUMNS_MAX && !/^\s*(\||\[|!\[|<)/.test(line));
  assert.equal(long.map(([place]) => place), []);
});

docs('every table has a header with words', () => {
  const isEmpty = (line: string): boolean => /^\|(\s*\|)+\s*$/.test(line);
  assert.equal(pages.flatMap(proseLines).filter(([, line]) => isEmpty(line)).map(([place]) => place), []);
});

docs("README's programs are the examples, which are run", () => {
  const examples = readdirSync(packageRoot + EXAMPLES).filter((file) => file.endsWith('.mjs')).map((file) => read(`${EXAMPLES}/${file}`));
  const programs = blocks('README.md', 'js').filter((text) => text.includes('import '));
  assert.ok(programs.length > 0);
  for (const program of programs) assert.ok(examples.some((example) => example.includes(program.trim())), program);
});

docs.run();
