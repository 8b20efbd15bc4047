/** What commands print on standard output: JSON, tables, quantities. */
import { isatty } from 'node:tty';
import Table from 'cli-table3';
import pc from 'picocolors';
import { errnoOf, reason, WardenError } from '../container/error.js';
import { printable } from '../printable.js';

/** Fulfilled when it is written. A reader that has seen enough, as head(1), is no failure. */
export async function print(what: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const ended = (error?: Error | null): void => {
      if (!error || errnoOf(error) === 'EPIPE') resolve();
      else reject(new WardenError('LOST', `cannot write to standard output: ${reason(error)}`, { cause: error }));
    };
    // An error is told twice, and the first time counts; that of an event without a listener would end the process.
    process.stdout.once('error', ended);
    process.stdout.write(what, ended);
  });
}

export function printLine(text: string): Promise<void> { return print(`${text}\n`); }
export function printJson(value: unknown): Promise<void> { return printLine(JSON.stringify(value, null, 2)); }

const isTerminal = isatty(1);
export const colors = pc.createColors(isTerminal && pc.isColorSupported);

const NO_LINES = {
  'top': '', 'top-mid': '', 'top-left': '', 'top-right': '', 'bottom': '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  'left': '', 'left-mid': '', 'mid': '', 'mid-mid': '', 'right': '', 'right-mid': '', 'middle': '  ',
};

export interface Column<Row> {
  title: string;
  cell(row: Row): string;
  /** Numbers stand on the right. */
  align?: 'right';
}

/** One line a row, under a line of titles. The last column is cut where a terminal ends, and nowhere else. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => printable(cell(row))));
  const drawn = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: NO_LINES,
    style: { 'head': [], 'border': [], 'padding-left': 0, 'padding-right': 0 },
  });
  drawn.push(...cells);
  return `${drawn.toString().split('\n').map((line) => line.trimEnd()).join('\n')}\n`;
}

/** "64 MiB", "1.5 GiB", "512 bytes". */
export function bytes(count: number): string {
  for (const [unit, name] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const) {
    if (count >= unit) return `${Number((count / unit).toFixed(count < 10 * unit ? 1 : 0))} ${name}`;
  }
  return `${count} bytes`;
}

/** "300 ms", "1.5 s", "12 min", "3 h", "5 d". */
export function duration(ms: number): string {
  for (const [unit, name] of [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1_000, 's']] as const) {
    if (ms >= unit) return `${Number((ms / unit).toFixed(ms < 10 * unit ? 1 : 0))} ${name}`;
  }
  return `${Math.round(ms)} ms`;
}

export function plural(count: number, thing: string): string { return `${count} ${thing}${count === 1 ? '' : /s$/.test(thing) ? 'es' : 's'}`; }
