/** `warden doctor`: what this machine can and cannot do for containers. */
import { diagnose, type Finding } from '../../../index.js';
import { EXIT_FAILED } from '../../exit-codes.js';
import { printEngines } from './engines.js';
import { colors, type Column, print, printJson, table } from '../../support/print.js';

export interface DoctorOptions { json?: boolean; engines?: boolean }

const PAINT = { good: colors.green, limited: colors.yellow, missing: colors.red } as const;

const COLUMNS: readonly Column<Finding>[] = [
  { title: 'SUBJECT', cell: ({ subject }) => subject },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'FOUND', cell: ({ found }) => found },
  { title: 'WHAT TO DO', cell: ({ remedy }) => remedy ?? '' },
];

export async function doctor({ json, engines }: DoctorOptions): Promise<number> {
  if (engines) return printEngines(json === true);
  const findings = diagnose();
  await (json ? printJson(findings) : print(`${table(COLUMNS, findings)}\n${summary(findings)}\n`));
  return findings.some(({ state }) => state === 'missing') ? EXIT_FAILED : 0;
}

function summary(findings: readonly Finding[]): string {
  const missing = findings.filter(({ state }) => state === 'missing').length, limited = findings.filter(({ state }) => state === 'limited').length;
  if (missing > 0) return PAINT.missing(`containers cannot be made here: ${missing} missing, ${limited} limited`);
  return limited > 0 ? PAINT.limited(`containers can be made here, ${limited} limited`) : PAINT.good('containers can be made here');
}
