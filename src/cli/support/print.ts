/** Output of commands on standard output: text, JSON, tables. */
import { isatty } from 'node:tty';
import Table from 'cli-table3';
import pc from 'picocolors';
import { errnoOf, reason, WardenError } from '../../base/errors.js';
import { printable } from '../../base/escape.js';

/** Fulfilled when everything is written. A reader that closes its end early, as head(1) does, is no failure. */
export async function print(output: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const ended = (error?: Error | null): void => {
      if (!error || errnoOf(error) === 'EPIPE') resolve();
      else reject(new WardenError('LOST', `cannot write to standard output: ${reason(error)}`, { cause: error }));
    };
    // Node reports an error to the callback and by an event, which without a listener would end the process. The first report counts.
    process.stdout.once('error', ended);
    process.stdout.write(output, ended);
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
  /** For numbers. */
  align?: 'right';
}

/** A line of titles, and one line a row. The text is escaped for terminals. */
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
