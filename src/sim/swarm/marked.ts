/** The built modules, marked so that each call says from which site it comes. */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../../paths.js';
import type { ProgramName } from '../files.js';
import { preparePrograms, type Programs } from '../programs.js';
import { markSites, type Site } from '../sites.js';

export const PROGRAMS: readonly ProgramName[] = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom'];

/** A program's module: the one given, else the built one. */
function bytesOf(program: ProgramName, given: Readonly<Record<string, Uint8Array>> | undefined): Uint8Array {
  return given?.[program] ?? readFileSync(wasmPath(program));
}

export function loadMarked(given?: Readonly<Record<string, Uint8Array>>): Promise<Programs> {
  const modules = PROGRAMS.map((program) => [program, markSites(bytesOf(program, given)).bytes] as const);
  return preparePrograms(Object.fromEntries(modules) as Record<ProgramName, Uint8Array>);
}

/** All call sites of a program's module, in the order of the code. */
export function sitesOf(program: ProgramName): readonly Site[] { return markSites(bytesOf(program, undefined)).sites; }
