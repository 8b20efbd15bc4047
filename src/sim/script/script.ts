/** Scripts: the commands of a simulation, as text. docs/internals/simulation.md describes the language. */

/** Numbers are those of the text. */
export type ScriptStep =
  | { op: 'write' | 'zeros'; fd: number; count: number; piece: number }
  | { op: 'say'; fd: number; text: string }
  | { op: 'read'; count: number }
  | { op: 'sleep'; ms: number }
  | { op: 'exit'; code: number }
  | { op: 'die' | 'ignore'; signal: number }
  | { op: 'close'; fd: number }
  | { op: 'print'; fd: number; what: string }
  | { op: 'fork'; steps: readonly ScriptStep[] }
  | { op: 'container'; steps: readonly ScriptStep[] }
  | { op: 'repeat'; times: number; steps: readonly ScriptStep[] }
  | { op: 'drain' | 'copy' | 'wait' | 'hang' | 'interpret' };

/** An error in a script, with its place. */
export class ScriptError extends Error {}

const PIECE_BYTES = 4096;
/** The largest number of bytes that a pipe can hold. */
export const ZEROS_BYTES = 1 << 20;

/** Steps and braces, in order: "write 1 5", "fork", "{", … */
function* words(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    if (/^\s*#/.test(line)) continue;
    for (const piece of line.split(/([;{}])/)) {
      const word = piece.trim();
      if (word !== '' && word !== ';') yield word;
    }
  }
}

class Parser {
  private readonly words: string[];
  private at = 0;

  constructor(text: string) { this.words = [...words(text)]; }

  steps(inBraces: boolean): ScriptStep[] {
    const steps: ScriptStep[] = [];
    for (; this.at < this.words.length; ) {
      const word = this.words[this.at++]!;
      if (word === '}') {
        if (inBraces) return steps;
        throw new ScriptError('there is a } without a {');
      }
      steps.push(this.step(word));
    }
    if (inBraces) throw new ScriptError('a { has no }');
    return steps;
  }

  private block(): ScriptStep[] {
    if (this.words[this.at++] !== '{') throw new ScriptError('{ steps } is missing');
    return this.steps(true);
  }

  private step(word: string): ScriptStep {
    const [op = '', ...given] = word.split(/\s+/);
    const number = (index: number, byDefault?: number): number => {
      const value = given[index] === undefined ? byDefault : Number(given[index]);
      if (value === undefined || !Number.isSafeInteger(value) || value < 0) throw new ScriptError(`${op} needs a whole number, not: ${word}`);
      return value;
    };
    switch (op) {
      case 'write': return { op, fd: number(0), count: number(1), piece: Math.max(1, number(2, PIECE_BYTES)) };
      case 'zeros': return { op, fd: number(0), count: number(1), piece: ZEROS_BYTES };
      case 'say': return { op, fd: number(0), text: word.replace(/^say\s+\d+ ?/, '') };
      case 'read': return { op, count: number(0) };
      case 'sleep': return { op, ms: number(0) };
      case 'exit': return { op, code: number(0) };
      case 'die': case 'ignore': return { op, signal: number(0) };
      case 'close': return { op, fd: number(0) };
      case 'print': return { op, fd: number(0), what: given[1] ?? '' };
      case 'fork': return { op, steps: this.block() };
      case 'container': return { op, steps: this.block() };
      case 'repeat': return { op, times: number(0), steps: this.block() };
      case 'drain': case 'copy': case 'wait': case 'hang': case 'interpret': return { op };
      default: throw new ScriptError(`unknown step: ${word}`);
    }
  }
}

const parsed = new Map<string, readonly ScriptStep[]>();
const PARSED_MAX = 1024;

/** The steps of a text; the same text is parsed once. */
export function parseScript(text: string): readonly ScriptStep[] {
  const known = parsed.get(text);
  if (known) return known;
  const steps = new Parser(text).steps(false);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, steps);
  return steps;
}
