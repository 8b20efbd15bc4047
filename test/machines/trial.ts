/** Trials: each prints a line with what was seen, and the failed ones are counted. */
import { spawnSync } from 'node:child_process';
import { packageRoot } from '../../src/base/paths.js';

const PROGRAM_DEADLINE_MS = 2_000_000;
let failed = 0;

export async function attempt(what: string, act: () => Promise<string> | string): Promise<void> {
  const began = performance.now();
  try {
    const words = await act();
    console.log(`trial: ${what}: ${words} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed++;
    console.log(`trial: ${what}: FAILED: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Whether all trials since the last count held. */
export function allHold(): boolean {
  const holds = failed === 0;
  failed = 0;
  return holds;
}

export function expect(holds: boolean, words: string): void { if (!holds) throw new Error(words); }

export interface Outcome { status: number | null; stdout: string; stderr: string }

export function outcomeOf(program: string, ...args: string[]): Outcome {
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: PROGRAM_DEADLINE_MS });
  return { status, stdout, stderr: `${stderr}${error?.message ?? ''}${signal ?? ''}` };
}

export const wardenPath = `${packageRoot}build/js/src/cli/warden.cjs`;

export function warden(...args: string[]): Outcome { return outcomeOf(process.execPath, wardenPath, ...args); }
