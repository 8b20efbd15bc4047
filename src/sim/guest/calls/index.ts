/** Every call of the boundary; a test holds the list to assembly/boundary/shim.ts. */
import { atCalls } from './at.js';
import type { BoundaryCall } from './call.js';
import { containerCalls } from './containers.js';
import { descriptorCalls } from './descriptors.js';
import { fileCalls } from './files.js';
import { mountCalls } from './mount.js';
import { processCalls } from './processes.js';
import { selfCalls } from './self.js';
import { socketCalls } from './sockets.js';

const streams = new Set(['read', 'write', 'readv', 'writev', 'splice']);

/** What a program has lost once it has closed what it was started with: STARTING in shim/sys/calls.h, and a test compares the two. */
const starting = new Set([
  'adoptFd', 'routeSignals', 'listen', 'connect', 'socketPair', 'pathType', 'unlink', 'realpath', 'spawnSelf', 'spawnOwner',
  'setsid', 'setProcessName', 'raiseNofileLimit', 'dropStdioAndEnvironment', 'unshareMounts', 'bindRootAndEnter', 'pivot',
  'unmount', 'makeDirectory', 'removeDirectory', 'enterDirectory', 'loopbackUp', 'unshare', 'setCapabilities', 'processControl',
  'setFilter', 'newKeyring', 'resetAttributes',
]);

const tables = [descriptorCalls, socketCalls, fileCalls, processCalls, selfCalls, atCalls, mountCalls, containerCalls];

export const calls: readonly BoundaryCall[] = tables
  .flatMap((table) => Object.entries(table)).map(([name, [count, run]]) => (
    { name, count, run, isStream: streams.has(name), isStarting: starting.has(name), describes: name.startsWith('spawn') && name !== 'spawn' }));

export const boundary: ReadonlyMap<string, BoundaryCall> = new Map(calls.map((call) => [call.name, call]));
