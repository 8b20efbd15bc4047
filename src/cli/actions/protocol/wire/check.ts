/** `warden wire check`: a live program against the protocol. */
import { existsSync, statSync } from 'node:fs';
import Table from 'cli-table3';
import { errnoOf, WardenError } from '../../../../base/errors.js';
import { type Choice, Failure, type Level, type Outcome } from '../../../../conformance/case.js';
import type { Paint } from '../../../../wire/text.js';
import { EXIT_FAILED } from '../../../exit-codes.js';
import { interruptible } from '../../../support/interrupt.js';
import { print } from '../../../support/print.js';
import { InputError, paint, reporting } from './input.js';

export interface CheckOptions {
  server?: string;
  socket?: string;
  iomux?: string;
  wsh?: string;
  only?: Level;
  timeout: string;
  json?: boolean;
}

/** The target that the command line names, and the function that checks it. */
interface CheckTarget { name: string; check(choice: Choice): Promise<Outcome[]> }

export function check(options: CheckOptions): Promise<number> {
  return reporting('check', () => {
    const target = targetOf(options);
    if (process.platform !== 'linux') return complain(`descriptors are looked at with Linux's own calls, and this is ${process.platform}`);
    return interruptible('wire check', (signal) => checkTarget(target, options, signal));
  });
}

async function checkTarget(target: CheckTarget, options: CheckOptions, signal: AbortSignal): Promise<number> {
  try {
    const outcomes = await target.check({ only: options.only, signal });
    await print(options.json === true ? json(target.name, outcomes) : text(target.name, outcomes));
    return outcomes.some(({ holds }) => holds === false) ? EXIT_FAILED : 0;
  } catch (error) {
    if (error instanceof Failure) return complain(error.message);
    if (error instanceof WardenError && error.isUnsupported) return complain(error.message);
    if (errnoOf(error) === undefined) throw error;
    return complain((error as Error).message);
  }
}

function complain(sentence: string): number {
  process.stderr.write(`warden wire check: ${sentence}\n`);
  return EXIT_FAILED;
}

function targetOf({ server, socket, iomux, wsh, timeout }: CheckOptions): CheckTarget {
  if ([server, socket, iomux, wsh].filter((target) => target !== undefined).length !== 1) {
    throw new InputError('what is to be checked? one of --server PATH, --socket PATH, --iomux DIR, --wsh PROGRAM');
  }
  if (server !== undefined) {
    requireFile(server, 'isSocket', `there is no socket ${server}`);
    return { name: `server at ${server}`, check: async (choice) => (await import('./server.js')).checkServer(server, choice) };
  }
  if (socket !== undefined) {
    requireFile(socket, 'isSocket', `there is no socket ${socket}`);
    return { name: `wshd at ${socket}`, check: async (choice) => (await import('../../../../conformance/wshd.js')).checkWshd(socket, choice) };
  }
  if (iomux !== undefined) {
    requireFile(iomux, 'isDirectory', `there is no directory ${iomux}`);
    const timeoutMs = secondsFrom(timeout) * 1000;
    return { name: `iomux-spawn in ${iomux}`, check: async (choice) => (await import('../../../../conformance/iomux.js')).checkIomux(iomux, timeoutMs, choice) };
  }
  requireFile(wsh!, 'isFile', `there is no program ${wsh}: give its path`);
  return { name: `wsh ${wsh}`, check: async (choice) => (await import('../../../../conformance/wsh.js')).checkWsh(wsh!, choice) };
}

function requireFile(path: string, kind: 'isSocket' | 'isDirectory' | 'isFile', otherwise: string): void {
  if (!existsSync(path) || !statSync(path)[kind]()) throw new InputError(otherwise);
}

const TIMEOUT_MAX_S = 86_400;

function secondsFrom(given: string): number {
  const seconds = Number(given);
  if (/^\d+$/.test(given) && seconds > 0 && seconds <= TIMEOUT_MAX_S) return seconds;
  throw new InputError(`--timeout ${JSON.stringify(given)} is not a number of seconds from 1 to ${TIMEOUT_MAX_S}`);
}

function counts(outcomes: readonly Outcome[]): { holds: number; fails: number; skipped: number } {
  const count = (holds: boolean | null): number => outcomes.filter((outcome) => outcome.holds === holds).length;
  return { holds: count(true), fails: count(false), skipped: count(null) };
}

function json(target: string, outcomes: readonly Outcome[]): string {
  return `${JSON.stringify({ target, ...counts(outcomes), cases: outcomes }, null, 2)}\n`;
}

const BARE = {
  'top': '', 'top-mid': '', 'top-left': '', 'top-right': '', 'bottom': '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  'left': '', 'left-mid': '', 'mid': '', 'mid-mid': '', 'right': '', 'right-mid': '', 'middle': '  ',
};
const WIDTHS = [8, 12, 9];
const RULE_MIN = 40, WIDTH_DEFAULT = 120;

function text(target: string, outcomes: readonly Outcome[]): string {
  const style = paint();
  const rule = Math.max(RULE_MIN, (process.stdout.columns ?? WIDTH_DEFAULT) - WIDTHS.reduce((sum, width) => sum + width + 2, 0));
  const table = new Table({
    head: ['', 'about', 'level', 'rule'].map(style.bold), colWidths: [...WIDTHS, rule], wordWrap: true, chars: BARE,
    style: { 'head': [], 'border': [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const outcome of outcomes) table.push([verdict(outcome, style), outcome.about, outcome.level, ruleOf(outcome, style)]);
  const { holds, fails, skipped } = counts(outcomes);
  const summary = `${target}: ${holds} hold, ${fails} ${fails === 1 ? 'fails' : 'fail'}, ${skipped} not tried`;
  const trimmed = table.toString().split('\n').map((line) => line.trimEnd()).join('\n');
  return `${trimmed}\n\n${fails === 0 ? style.good(summary) : style.bad(summary)}\n`;
}

function verdict({ holds }: Outcome, style: Paint): string {
  if (holds === null) return style.dim('-');
  return holds ? style.good('holds') : style.bad('FAILS');
}

function ruleOf({ name, holds, detail }: Outcome, style: Paint): string {
  if (detail === undefined) return name;
  return `${name}\n${holds === false ? style.bad(detail) : style.dim(detail)}`;
}
