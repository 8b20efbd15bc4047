/** Builds all modules with the AssemblyScript compiler alone, without make and a C compiler. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { wasmPath } from '../../src/base/paths.js';
import { compileModule, modules } from './asc.js';

for (const module of modules) {
  const path = wasmPath(module), bytes = await compileModule(module);
  mkdirSync(dirname(path), { recursive: true });
  // An unchanged file keeps its time, for make.
  if (!isThere(path, bytes)) writeFileSync(path, bytes);
}

function isThere(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}
