/** The messages in docs/troubleshooting.md are those that the programs print. */
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { source } from '../boundary/sources.js';

const PAGE = 'docs/troubleshooting.md';
/** Shorter pieces of a message stand in too many places to say anything. */
const PIECE_MIN = 8;

const messages = suite('messages in the troubleshooting page');

/** The first text in code of each entry. Messages of npm, node-gyp and Node stand under the last heading, or begin otherwise. */
function quoted(): string[] {
  const [, section = ''] = /\n## By message\n([^]*?)\n### Installation and build\n/.exec(source(PAGE)) ?? [];
  return [...section.matchAll(/^- `([^`]+)`/gm)].map(([, message = '']) => message).filter((message) => !message.startsWith('ERR_'));
}

const sources = ['assembly', 'src', 'shim/launcher'].flatMap((folder) => (
  readdirSync(packageRoot + folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|c)$/.test(file))
    .map((file) => source(`${folder}/${file}`).replaceAll("\\'", "'").replaceAll('\\"', '"'))
)).join('\n');

/** In one text, or put together from two, of which the first is a whole one. */
function isPrinted(piece: string): boolean {
  if (sources.includes(piece)) return true;
  return [...piece].some((character, at) => character === ' ' && sources.includes(`"${piece.slice(0, at + 1)}"`) && sources.includes(`"${piece.slice(at + 1)}`));
}

messages('there are some', () => assert.ok(quoted().length > 20));

messages('each piece of each message stands in the sources; else write the message that is printed now into the page', () => {
  const pieces = quoted().flatMap((message) => message.split('…').map((piece) => piece.trim()).filter((piece) => piece.length >= PIECE_MIN));
  assert.equal(pieces.filter((piece) => !isPrinted(piece)), []);
});

messages.run();
