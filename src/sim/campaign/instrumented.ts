/** The built modules, instrumented so that each call passes its site. */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../../base/paths.js';
import { codec } from '../../wire/codec.js';
import { provideCodec } from '../../wire/provided.js';
import { PROGRAM_NAMES, type ProgramName } from '../../boundary/programs.js';
import { preparePrograms, type Programs } from '../guest/instances.js';
import { markSites, type Site } from '../wasm/sites.js';

/** A program's module: the given one, otherwise the built one. */
function bytesOf(program: ProgramName, given: Readonly<Record<string, Uint8Array>> | undefined): Uint8Array {
  return given?.[program] ?? readFileSync(wasmPath(program));
}

export function loadMarked(given?: Readonly<Record<string, Uint8Array>>): Promise<Programs> {
  provideCodec(codec);
  const modules = PROGRAM_NAMES.map((program) => [program, markSites(bytesOf(program, given)).bytes] as const);
  return preparePrograms(Object.fromEntries(modules));
}

/** All call sites of a program's module, in the order of the code. */
export function sitesOf(program: ProgramName): readonly Site[] { return markSites(bytesOf(program, undefined)).sites; }
