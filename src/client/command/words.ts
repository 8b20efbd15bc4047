/** A line's words, quoted as for a shell: '…', "…" and \. */
import { WardenError } from '../../base/errors.js';

/** White space; or a part of a word: '…', "…", an escaped character, plain characters. */
const TOKEN = /(\s+)|'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^]?)|([^\s'"\\]+)/y;

export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(line);
    if (!match) throw new WardenError('USAGE', `the quote ${line[at]} is not closed`);
    const [, space, single, double, escaped, plain] = match;
    if (space === undefined) {
      word = (word ?? '') + (single ?? double?.replace(/\\([^])/g, '$1') ?? escaped ?? plain ?? '');
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}
