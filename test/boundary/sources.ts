/** The boundary as the sources state it, read out of their text. */
import { readFileSync } from 'node:fs';
import { packageRoot, wasmPath } from '../../src/base/paths.js';

export function source(path: string): string { return readFileSync(packageRoot + path, 'utf8'); }

/** What a built module imports, as "from.name". */
export function importsOf(module: string): string[] {
  return WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(wasmPath(module)))).map((entry) => `${entry.module}.${entry.name}`).sort();
}

/** The calls that assembly/boundary/shim.ts declares: name, then how many numbers it takes. */
export function declaredCalls(): Map<string, number> {
  const declaration = /@external\("shim", "(\w+)"\) export declare function (\w+)\(([^)]*)\): i32;/g;
  return new Map([...source('assembly/boundary/shim.ts').matchAll(declaration)].map(([, external = '', name, parameters = '']) => {
    if (external !== name) throw new Error(`${name} is called ${external} outside`);
    return [external, parameters === '' ? 0 : parameters.split(',').length];
  }));
}

/** The constants that a file exports, assembly/boundary/shim.ts by default; an enum's members as "Enum.MEMBER". */
export function declaredConstants(path = 'assembly/boundary/shim.ts'): Map<string, number> {
  const text = source(path);
  const constants = new Map<string, number>();
  for (const [, name = '', value] of text.matchAll(/^export const (\w+)(?:: \w+)? = (\d+);/gm)) constants.set(name, Number(value));
  for (const [, name, members = ''] of text.matchAll(/^export const enum (\w+) \{([^}]*)\}/gm)) {
    for (const [member, value] of enumerators(members)) constants.set(`${name}.${member}`, value);
  }
  return constants;
}

/** All enumerators of a C file. */
export function enumConstants(path: string): Map<string, number> {
  const text = source(path).replace(/\/\*.*?\*\//gs, '');
  return new Map([...text.matchAll(/\benum(?: \w+)? \{([^}]*)\}/g)].flatMap(([, members = '']) => enumerators(members)));
}

/** "A = 1, B" and so on: a member without a value is one more than the one before. */
function enumerators(members: string): [string, number][] {
  let next = 0;
  return members.split(',').map((member) => member.trim()).filter((member) => member !== '').map((member) => {
    const [name = '', value] = member.split('=').map((part) => part.trim());
    next = value === undefined ? next : Number(value);
    return [name, next++];
  });
}

/** The number that a constant of the name has in the file, however it is declared there. */
export function constant(path: string, name: string): number {
  const match = new RegExp(`\\b${name}(?::\\s*\\w+\\s*=|\\s+=|\\s)\\s*(\\d[\\d_]*)(?:\\s*<<\\s*(\\d+))?`).exec(source(path));
  if (!match) throw new Error(`${path} has no ${name}`);
  return Number(match[1]!.replaceAll('_', '')) * 2 ** Number(match[2] ?? 0);
}
