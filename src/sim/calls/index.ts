/** Every call of the boundary, in no order that means anything; a test holds the list to assembly/shim.ts. */
import type { Guest } from '../guest.js';
import { containerCalls } from './containers.js';
import { descriptorCalls } from './descriptors.js';
import { fileCalls } from './files.js';
import { processCalls } from './processes.js';
import { socketCalls } from './sockets.js';

/** What a call does for a guest: a number >= 0, or a negated errno. */
export type Run = (guest: Guest, a: number, b: number, c: number, d: number, e: number) => number;

/** Calls by name: how many numbers each takes, and what it does. */
export type CallTable = Readonly<Record<string, readonly [count: number, run: Run]>>;

export interface BoundaryCall {
  readonly name: string;
  readonly count: number;
  readonly run: Run;
  /** It moves bytes of a stream, and may move fewer than it is asked to. */
  readonly isStream: boolean;
  /** It describes a process: what it is refused, the process lacks. */
  readonly describes: boolean;
}

const streams = new Set(['read', 'write', 'readv', 'writev', 'splice']);

export const calls: readonly BoundaryCall[] = [descriptorCalls, socketCalls, fileCalls, processCalls, containerCalls]
  .flatMap((table) => Object.entries(table)).map(([name, [count, run]]) => (
    { name, count, run, isStream: streams.has(name), describes: name.startsWith('spawn') && name !== 'spawn' }));

export const boundary: ReadonlyMap<string, BoundaryCall> = new Map(calls.map((call) => [call.name, call]));
