/** This run beside an older one's JSON: which figures changed by more than the noise of both. */
import type { Row } from './figure.js';
import type { Summary } from './statistics.js';

/** What `--json` writes, as far as it is read here. */
export interface Written {
  readonly quick: boolean;
  readonly rows: readonly (Pick<Row, 'sets' | 'references'> & { readonly figure: { readonly name: string } })[];
}

/** A change smaller than this is none, however little the samples spread. */
const SMALLEST_CHANGE = 0.01;
/** A median of n samples of a normal distribution has a standard error of 1.2533 σ ÷ √n, and p90 − p10 is 2.5631 σ. */
const ERROR_PER_SPREAD = 1.2533 / 2.5631;
const STANDARD_ERRORS = 3;

/** Why a run cannot be compared with this one; undefined when it can. */
export function refusal(old: Partial<Written>, quick: boolean): string | undefined {
  if (!Array.isArray(old.rows)) return 'it has no rows: it is not what --json writes';
  return old.quick === quick ? undefined : 'one of the two runs is --quick';
}

/** A line for each figure that changed beyond noise, then how many did not. */
export function changes(old: Written, rows: readonly Row[]): string[] {
  const lines: string[] = [];
  let unchanged = 0;
  for (const row of rows) {
    const before = old.rows.find(({ figure }) => figure.name === row.figure.name);
    if (!before) {
      lines.push(`${row.figure.name}: not in the older run`);
      continue;
    }
    const line = changed(row, measureOf(before), measureOf(row));
    if (line === undefined) unchanged++;
    else lines.push(line);
  }
  return [...lines, `${unchanged} of ${rows.length} figures did not change beyond noise`];
}

/** Our set's ratio to the first reference, since the machine's own changes are in both; without a reference, the value. */
function measureOf({ sets, references }: Pick<Row, 'sets' | 'references'>): Summary {
  return references[0]?.ratios[0] ?? sets[0]!.value;
}

function changed({ figure, references: [reference] }: Row, before: Summary, now: Summary): string | undefined {
  if (before.value === now.value) return undefined;
  const isRatio = reference?.ratios[0] !== undefined;
  // A value that is no median, a count or a quantile, has no spread of its own.
  const noise = figure.value && !isRatio ? 0 : STANDARD_ERRORS * Math.hypot(errorOf(before), errorOf(now));
  if (Math.abs(now.value - before.value) <= Math.max(noise, SMALLEST_CHANGE * Math.abs(before.value))) return undefined;
  const digits = isRatio ? 3 : figure.unit.digits, what = isRatio ? `, ours ÷ ${reference.title}` : '';
  const values = `${before.value.toFixed(digits)} → ${now.value.toFixed(digits)}${percentOf(before, now)}`;
  return `${figure.name}${what}: ${values}: ${now.value < before.value ? 'better' : 'worse'}`;
}

function percentOf(before: Summary, now: Summary): string {
  const relative = now.value / before.value - 1;
  return Number.isFinite(relative) ? ` (${relative > 0 ? '+' : ''}${(100 * relative).toFixed(1)} %)` : '';
}

function errorOf({ p10, p90, count }: Summary): number { return ERROR_PER_SPREAD * (p90 - p10) / Math.sqrt(count); }
