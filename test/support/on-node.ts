/**
 * One of our programs in a Node process of its own, with that process's stdio, signals and exit code:
 *
 *   node on-node.js PROGRAM [ARG…]
 */
import { closeSync, openSync } from 'node:fs';
import type { ProgramName } from '../../src/boundary/programs.js';
import { instantiate } from '../../src/host/instance.js';

/** Signals that a program handles until its end. The process lives some microseconds longer, and must not die of them then. */
const TAKEN: Partial<Record<ProgramName, readonly NodeJS.Signals[]>> = {
  'iomux-spawn': ['SIGTERM', 'SIGINT', 'SIGHUP'],
  'iomux-link': ['SIGTERM', 'SIGINT'],
};

const argv = process.argv.slice(2), program = argv[0] as ProgramName;
for (const signal of TAKEN[program] ?? []) process.on(signal, () => undefined);
const environment = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
const instance = instantiate(program, { argv, env: environment, stdio: [0, 1, 2] });
// The instance has its own copies: what it closes is closed, and processes at the other ends see that.
for (const [fd, flags] of [[0, 'r'], [1, 'w']] as const) {
  closeSync(fd);
  openSync('/dev/null', flags);
}
const code = await instance.exited;
if (instance.raised !== undefined) process.kill(process.pid, instance.raised);
else process.exit(code);
