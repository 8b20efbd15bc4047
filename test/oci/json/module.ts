/** assembly/lib/json as it reads a text: what it takes it for, or why and where it refuses it. */
import { compile } from '../../../tools/build/asc.js';

interface JsonModule {
  memory: WebAssembly.Memory;
  textAt(): number;
  nodesAt(): number;
  read(size: number): number;
  readJson(text: number, size: number, nodes: number, nodesMax: number): number;
  error(): number;
  errorOffset(): number;
  errorLine(): number;
  errorColumn(): number;
  errorWords(): number;
  wordsAt(): number;
  key(object: number): number;
  jsonKind(node: number): number;
  jsonCount(node: number): number;
  jsonText(node: number): number;
  jsonSize(node: number): number;
  jsonFirst(node: number): number;
  jsonNext(node: number): number;
  jsonValue(name: number): number;
  jsonIsCString(node: number): number;
  jsonIsU64(node: number): number;
  jsonIsI64(node: number): number;
  jsonU64(node: number): bigint;
  jsonI64(node: number): bigint;
}

const bytes = await compile('test/oci/assembly/json.ts');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { wasi_snapshot_preview1: { fd_write: () => 0 } });
export const json = exports as unknown as JsonModule;

/** JsonKind of assembly/lib/json. */
const NULL = 0, FALSE = 1, TRUE = 2, NUMBER = 3, STRING = 4, ARRAY = 5;

export interface Refusal { words: string; offset: number; line: number; column: number }

/** Reads the text; the node that it is, or why it is refused. */
export function read(text: Uint8Array | string): number | Refusal {
  const given = typeof text === 'string' ? Buffer.from(text) : text;
  new Uint8Array(json.memory.buffer, json.textAt(), given.length).set(given);
  if (json.read(given.length) > 0) return json.nodesAt();
  const words = latin(json.wordsAt(), json.errorWords());
  return { words, offset: json.errorOffset(), line: json.errorLine(), column: json.errorColumn() };
}

export function refusal(text: Uint8Array | string): Refusal {
  const result = read(text);
  if (typeof result === 'number') throw new Error('the text was read');
  return result;
}

function latin(at: number, size: number): string { return Buffer.from(json.memory.buffer, at, size).toString('latin1'); }

export function textOf(node: number): string {
  return Buffer.from(json.memory.buffer, json.jsonText(node), json.jsonSize(node)).toString('utf8');
}

/** The node as JSON.parse would have it. */
export function valueOf(node: number): unknown {
  switch (json.jsonKind(node)) {
    case NULL: return null;
    case FALSE: return false;
    case TRUE: return true;
    case NUMBER: return Number(textOf(node));
    case STRING: return textOf(node);
    case ARRAY: return elementsOf(node).map(valueOf);
    default: return Object.fromEntries(membersOf(node).map(([name, value]) => [name, valueOf(value)]));
  }
}

function elementsOf(node: number): number[] {
  const elements: number[] = [];
  for (let at = json.jsonFirst(node); elements.length < json.jsonCount(node); at = json.jsonNext(at)) elements.push(at);
  return elements;
}

function membersOf(node: number): [name: string, value: number][] {
  const members: [string, number][] = [];
  for (let at = json.jsonFirst(node); members.length < json.jsonCount(node); at = json.jsonNext(json.jsonValue(at))) {
    members.push([textOf(at), json.jsonValue(at)]);
  }
  return members;
}
