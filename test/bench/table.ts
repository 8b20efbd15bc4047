/** Rows as text: what they are on the left, numbers to the right. */
import type { Row, SetResult, Unit } from './figure.js';
import type { Summary } from './statistics.js';

const NONE = '–';
const RATIO: Unit = { name: '', digits: 2 };
const GAP = '  ';

export function table(rows: readonly Row[], setNames: readonly string[]): string {
  const head = ['figure', 'reference', ...setNames.flatMap((name) => [name, `${name} ÷ ref.`]), 'goal', ...setNames.map(metHead)];
  const cells = [head, ...rows.map((row) => cellsOf(row))];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const lines = cells.map((line) => line.map((cell, column) => pad(cell, widths[column]!, column)).join(GAP).trimEnd());
  return [lines[0]!, '─'.repeat(sumOf(widths)), ...lines.slice(1)].join('\n');
}

function metHead(name: string, index: number): string { return index === 0 ? 'met' : `${name} met`; }
function pad(cell: string, width: number, column: number): string { return column === 0 ? cell.padEnd(width) : cell.padStart(width); }
function sumOf(widths: number[]): number { return widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)); }

function cellsOf({ figure, reference, sets }: Row): string[] {
  const numbers = sets.flatMap(({ value, ratio }) => [
    withSpread(value, figure.unit, !figure.value), ratio ? withSpread(ratio, RATIO, true) : NONE,
  ]);
  return [
    figure.title, reference ? withSpread(reference, figure.unit, true) : NONE, ...numbers,
    figure.goal === undefined ? NONE : `≤ ${figure.goal}`, ...sets.map(met),
  ];
}

function met(set: SetResult): string { return set.met === undefined ? NONE : set.met ? 'yes' : 'no'; }

/** `1.40 ms (1.32–1.61)`: the value, then from the 10th to the 90th of a hundred; that says nothing of one sample or of a sum. */
function withSpread({ value, p10, p90, count }: Summary, unit: Unit, spreads: boolean): string {
  const number = (n: number): string => n.toFixed(unit.digits);
  const text = unit.name ? `${number(value)} ${unit.name}` : number(value);
  return spreads && count > 1 ? `${text} (${number(p10)}–${number(p90)})` : text;
}
