/**
 * Sources of the modules with ground between their tables: each `memory.data` and each `claim` gets some bytes before and
 * behind it that belong to nobody, and says where it lies, so that the fuzz host can have the address sanitizer watch over
 * them. An overflow from one table into the next, which no sandbox sees, is a crash then.
 */
import { type Change, changedSources } from '../../tools/build/asc.js';
import { assemblySources } from './sources.js';

/** On either side; host/machine.c has it, too. */
const GROUND_BYTES = 32;
const IMPORT = '@external("fuzz", "guard") declare function guardTable(at: usize, size: usize): void;\n';

/** Tables that lie in a table, and memory that is claimed. */
const CHANGES: readonly Change[] = [
  { file: 'assembly/boundary/wasi.ts', from: 'const at = claimedUntil;', to: `const at = claimedUntil + ${GROUND_BYTES};` },
  {
    file: 'assembly/boundary/wasi.ts', from: 'claimedUntil = (at + bytes + 7) & ~7;',
    to: `claimedUntil = (at + bytes + ${GROUND_BYTES} + 15) & ~15;`,
  },
  { file: 'assembly/boundary/wasi.ts', from: '  return at;\n', to: '  guardTable(at, bytes);\n  return at;\n' },
  { file: 'assembly/programs/wshd/serve.ts', from: 'REQUEST_2_BYTES) + 8;', to: `REQUEST_2_BYTES) + 8 + ${2 * GROUND_BYTES};` },
  {
    file: 'assembly/programs/wshd/serve.ts', from: '  table.buffers = claim(CLIENTS_MAX * BUFFER_BYTES);\n',
    to: '  table.buffers = claim(CLIENTS_MAX * BUFFER_BYTES);\n'
      + '  for (let i: u32 = 0; i < CLIENTS_MAX; i++) guardTable(table.buffers + i * BUFFER_BYTES, REQUEST_2_BYTES);\n',
  },
];

/** The sources with ground around their tables, by their paths; `more` are changes of the caller's. */
export function guardedSources(more: readonly Change[] = []): Map<string, string> {
  const changed = changedSources([...more, ...CHANGES]), sources = new Map(changed);
  for (const [path, text] of assemblySources()) {
    const guarded = guardTables(changed.get(path) ?? text);
    if (guarded !== undefined) sources.set(path, guarded);
  }
  return sources;
}

/** The text with ground around its tables; undefined when it has none and guards none itself. */
function guardTables(text: string): string | undefined {
  let out = '', from = 0;
  const tables: string[] = [];
  for (const match of text.matchAll(/memory\.data(<u8>)?\(|(?<=\w = )cString\(/g)) {
    const begin = match.index, open = begin + match[0].length, close = closing(text, open);
    const name = nameBefore(text.slice(0, begin));
    if (name === undefined) throw new Error(`a table without a name: ${text.slice(begin, close)}`);
    const { size, data } = tableOf(match[0], text.slice(open, close));
    out += `${text.slice(from, begin)}(${data} + ${GROUND_BYTES})`;
    from = close + 1;
    tables.push(`guardTable(changetype<usize>(${name}), ${size});\n`);
  }
  if (tables.length === 0 && !text.includes('guardTable(')) return undefined;
  return out + text.slice(from) + IMPORT + tables.join('');
}

/** The variable that a table becomes, in its namespace if it is declared in one. */
function nameBefore(text: string): string | undefined {
  const name = /(\w+)\s*=\s*(?:[\w<>]+\()?$/.exec(text)?.[1], isIndented = text.startsWith(' ', text.lastIndexOf('\n') + 1);
  if (name === undefined || !isIndented) return name;
  const space = /.*^(?:export )?namespace (\w+) \{$/ms.exec(text)?.[1];
  return space === undefined ? undefined : `${space}.${name}`;
}

function tableOf(call: string, given: string): { size: string; data: string } {
  if (call === 'memory.data(') return zeroTable(given);
  return byteTable(call === 'cString(' ? `[${[...Buffer.from(`${given.slice(1, -1)}\0`)].join(', ')}]` : given);
}

/** `size, alignment` */
function zeroTable(given: string): { size: string; data: string } {
  const size = splitArguments(given)[0]!;
  return { size, data: `memory.data((${size}) + ${2 * GROUND_BYTES}, 16)` };
}

/** `[bytes…]` */
function byteTable(given: string): { size: string; data: string } {
  const bytes = given.slice(1, -1).split(',').map((byte) => byte.trim());
  const ground = Array<string>(GROUND_BYTES).fill('0');
  return { size: String(bytes.length), data: `memory.data<u8>([${[...ground, ...bytes, ...ground].join(', ')}], 16)` };
}

const DEPTHS: Readonly<Record<string, number>> = { '(': 1, ')': -1 };

function closing(text: string, from: number): number {
  let depth = 1, at = from;
  for (; depth > 0; at++) depth += DEPTHS[text[at]!] ?? 0;
  return at - 1;
}

function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0, from = 0;
  for (let at = 0; at < text.length; at++) {
    if ('(<['.includes(text[at]!)) depth++;
    if (')>]'.includes(text[at]!)) depth--;
    if (text[at] !== ',' || depth !== 0) continue;
    parts.push(text.slice(from, at));
    from = at + 1;
  }
  return [...parts, text.slice(from)].map((part) => part.trim());
}
