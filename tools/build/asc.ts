/**
 * Builds modules in this process by the AssemblyScript compiler alone, with the options of asconfig.json: as shim/Makefile builds them,
 * or with changed sources. Needs nothing but Node.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { packageRoot } from '../../src/base/paths.js';

/** The part of the compiler's interface that is used here: its own types declare another `console` for the whole program. */
interface Compiler {
  main(argv: readonly string[], host: {
    readFile(name: string, baseDir: string): string | null;
    writeFile(name: string, contents: Uint8Array | string): void;
    listFiles(directory: string): string[];
    stderr: { write(chunk: string | Uint8Array): void };
  }): Promise<{ error: Error | null }>;
}
const COMPILER: string = 'assemblyscript/asc';
/** Not in asconfig.json, of whose path the compiler drops the beginning `./`. */
const TRANSFORM = './tools/build/c-strings.mjs';

/** A replacement of a text in assembly/ that occurs exactly once in its file. */
export interface Change { file: string; from: string; to: string }

/** All modules: one for each program, the codec, and the compiler of filters. */
export const modules: readonly string[] = ['codec', 'filter', ...readdirSync(`${packageRoot}assembly/programs`)];

/** The module's entry file, by its path in the package. */
export function entryOf(module: string): string {
  const entry = `assembly/programs/${module}/index.ts`;
  return existsSync(packageRoot + entry) ? entry : `assembly/${module}/index.ts`;
}

/** The module's bytes. The first compilation in a process takes a second or two, later ones a third of a second. */
export function compileModule(module: string, changes: readonly Change[] = []): Promise<Uint8Array<ArrayBuffer>> {
  return compile(entryOf(module), changes);
}

/** The same for any source, by its path in the package. */
export function compile(entry: string, changes: readonly Change[] = []): Promise<Uint8Array<ArrayBuffer>> {
  return compileSources(entry, changedSources(changes));
}

/** The same with these texts, by path in the package, in place of the files; `flags` are asc's. */
export async function compileSources(
  entry: string, sources: ReadonlyMap<string, string>, flags: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const { main } = await import(COMPILER) as Compiler;
  let built: Uint8Array | undefined;
  let words = '';
  const { error } = await main([entry, '--outFile', 'module.wasm', '--baseDir', packageRoot, '--transform', TRANSFORM, ...flags], {
    readFile: (name, baseDir) => sources.get(name) ?? textOf(isAbsolute(name) ? name : join(baseDir, name)),
    writeFile: (_name, contents) => { built = Uint8Array.from(contents as Uint8Array); },
    listFiles: () => [],
    stderr: { write: (chunk) => { words += String(chunk); } },
  });
  if (error || !built) throw new Error(`asc cannot compile ${entry}: ${words || String(error)}`);
  return Uint8Array.from(built);
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // asc asks for every place where a file may be.
    return null;
  }
}

/** The texts of the changed files, by path. */
export function changedSources(changes: readonly Change[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { file, from, to } of changes) {
    const text = sources.get(file) ?? readFileSync(packageRoot + file, 'utf8');
    const times = text.split(from).length - 1;
    if (times !== 1) throw new Error(`${file} has this text ${times} times, not once: ${from}`);
    sources.set(file, text.replace(from, () => to));
  }
  return sources;
}
