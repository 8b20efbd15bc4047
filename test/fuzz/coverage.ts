/** What the kept corpora reach, function by function, as libFuzzer's counters tell it: edges reached of edges there are. */
import { type Edges, edgesOf } from './run.js';
import type { Target } from './targets.js';

/** wasm2c's name of a function of assembly/, read back: "assembly/wire/request/judge". */
function readable(name: string): string | undefined {
  const text = /^w2c_program_(assembly0x2F.+)$/.exec(name)?.[1];
  return text?.replace(/0x([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

/** Of a function that several targets reach, the most that one of them does. */
function better(one: Edges | undefined, other: Edges): Edges { return one && one.reached >= other.reached ? one : other; }

export async function coverageReport(targets: readonly Target[]): Promise<string> {
  const lines: string[] = [];
  for (const program of new Set(targets.map((target) => target.program))) {
    const functions = new Map<string, Edges>();
    for (const target of targets.filter((candidate) => candidate.program === program)) {
      for (const [name, edges] of await edgesOf(target)) {
        const text = readable(name);
        if (text !== undefined) functions.set(text, better(functions.get(text), edges));
      }
    }
    const all = [...functions].sort(([a], [b]) => (a < b ? -1 : 1));
    const sum = (of: (edges: Edges) => number): number => all.reduce((total, [, edges]) => total + of(edges), 0);
    lines.push(`${program}: ${sum((edges) => edges.reached)} of ${sum((edges) => edges.all)} edges`);
    for (const [name, { reached, all: edges }] of all) lines.push(`  ${`${reached}/${edges}`.padStart(9)}  ${reached === 0 ? '-- ' : ''}${name}`);
  }
  return lines.join('\n');
}
