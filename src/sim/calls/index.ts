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

export interface BoundaryCall { readonly name: string; readonly count: number; readonly run: Run }

const all: readonly BoundaryCall[] = [descriptorCalls, socketCalls, fileCalls, processCalls, containerCalls]
  .flatMap((table) => Object.entries(table).map(([name, [count, run]]) => ({ name, count, run })));

export const boundary: { readonly calls: readonly BoundaryCall[]; readonly names: readonly string[] } = {
  calls: all,
  names: all.map(({ name }) => name),
};

const streams = new Set(['read', 'write', 'readv', 'writev', 'splice']);

/** Whether the call moves bytes of a stream, and may move fewer than it is asked to. */
export function isStream(name: string): boolean { return streams.has(name); }
