/** Builds all modules with the AssemblyScript compiler alone, where there is neither make nor a C compiler. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { wasmPath } from '../src/paths.js';
import { modules } from './boundary/sources.js';
import { compileModule } from './support/asc.js';

for (const module of modules) {
  const path = wasmPath(module), bytes = await compileModule(module);
  mkdirSync(dirname(path), { recursive: true });
  // What has not changed keeps its time, for make.
  if (!isThere(path, bytes)) writeFileSync(path, bytes);
}

function isThere(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}
