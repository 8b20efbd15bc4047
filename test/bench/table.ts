/** Rows as text: what they are on the left, numbers to the right. */
import type { ReferenceResult, Row, SetResult, Unit } from './figure.js';
import type { Summary } from './statistics.js';

const NONE = '–';
const RATIO: Unit = { name: '', digits: 2 };
const GAP = '  ';

export function table(rows: readonly Row[], setNames: readonly string[]): string {
  const head = ['figure', 'reference', ...setNames.flatMap((name) => [name, `${name} ÷ ref.`]), 'goal', ...setNames.map(metHead)];
  const blocks = rows.map((row) => ({ cells: cellsOf(row, setNames), notes: notesOf(row) }));
  const all = [head, ...blocks.flatMap(({ cells }) => cells)];
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const line = (cells: readonly string[]): string => cells.map((cell, column) => pad(cell, widths[column]!, column)).join(GAP).trimEnd();
  return [line(head), '─'.repeat(sumOf(widths)), ...blocks.flatMap(({ cells, notes }) => [...cells.map(line), ...notes])].join('\n');
}

function metHead(name: string, index: number): string { return index === 0 ? 'met' : `${name} met`; }
function pad(cell: string, width: number, column: number): string { return column === 0 ? cell.padEnd(width) : cell.padStart(width); }
function sumOf(widths: number[]): number { return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)); }

/** The figure's line, with its first reference; then one for every other that there is. */
function cellsOf(row: Row, setNames: readonly string[]): string[][] {
  const { figure, sets, references: [first, ...others] } = row;
  const own = setNames.flatMap((_, at) => {
    const set = sets[at];
    return set ? [withSpread(set.value, figure.unit, !figure.value), ratioTo(first, at)] : [NONE, NONE];
  });
  const goal = figure.goal === undefined ? NONE : `≤ ${figure.goal}`;
  return [
    [figure.title, valueOf(first, figure.unit), ...own, goal, ...setNames.map((_, at) => met(sets[at]))],
    ...others.filter(({ value }) => value).map((reference) => [
      `  ÷ ${reference.title}`, valueOf(reference, figure.unit), ...setNames.flatMap((_, at) => ['', ratioTo(reference, at)]), '',
      ...setNames.map(() => ''),
    ]),
  ];
}

function valueOf(reference: ReferenceResult | undefined, unit: Unit): string {
  return reference?.value ? withSpread(reference.value, unit, true) : NONE;
}

function ratioTo(reference: ReferenceResult | undefined, set: number): string {
  const ratio = reference?.ratios[set];
  return ratio ? withSpread(ratio, RATIO, true) : NONE;
}

/** What could not be measured here, and what the value is made of. */
function notesOf({ references, details }: Row): string[] {
  const missing = references.flatMap(({ title, missing: why }) => (why === undefined ? [] : [`÷ ${title}: not here: ${why}`]));
  return [...missing, ...details].map((note) => `  ${note}`);
}

function met(set: SetResult | undefined): string {
  if (set?.met === undefined) return NONE;
  return set.met ? 'yes' : 'no';
}

/** `1.40 ms (1.32–1.61)`: the value, then from the 10th to the 90th of a hundred; that says nothing of one sample or of a sum. */
function withSpread({ value, p10, p90, count }: Summary, unit: Unit, spreads: boolean): string {
  const number = (n: number): string => n.toFixed(unit.digits);
  const text = unit.name ? `${number(value)} ${unit.name}` : number(value);
  return spreads && count > 1 ? `${text} (${number(p10)}–${number(p90)})` : text;
}
