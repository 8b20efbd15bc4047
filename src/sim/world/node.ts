/** The built modules, for simulations in Node. Everything else of src/sim runs anywhere. */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../../base/paths.js';
import { PROGRAM_NAMES, RUNTIME_NAME } from '../../boundary/programs.js';
import { codec } from '../../wire/codec.js';
import { provideCodec } from '../../wire/provided.js';
import { preparePrograms, type Programs } from '../guest/instances.js';

let loaded: Promise<Programs> | undefined;

/** Reads and compiles the modules, once a process. */
export function loadPrograms(): Promise<Programs> {
  provideCodec(codec);
  const modules = [...PROGRAM_NAMES, RUNTIME_NAME].map((name) => [name, readFileSync(wasmPath(name))] as const);
  loaded ??= preparePrograms(Object.fromEntries(modules));
  return loaded;
}
