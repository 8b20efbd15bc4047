/**
 * A program of ours in a Node process of its own, on that process's stdio, signals and exit code:
 *
 *   node on-node.js PROGRAM [ARG…]
 */
import { closeSync, openSync } from 'node:fs';
import { instantiate, type Program } from '../../src/host/host.js';

/** Signals that a program takes until its very end; the process goes on for some microseconds longer, and shall not die then. */
const TAKEN: Partial<Record<Program, readonly NodeJS.Signals[]>> = {
  'iomux-spawn': ['SIGTERM', 'SIGINT', 'SIGHUP'],
  'iomux-link': ['SIGTERM', 'SIGINT'],
};

const argv = process.argv.slice(2), program = argv[0] as Program;
for (const signal of TAKEN[program] ?? []) process.on(signal, () => undefined);
const environment = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
const instance = instantiate(program, { argv, env: environment, stdio: [0, 1, 2] });
// The instance has its own: what it closes is closed, and who reads or writes the other end sees that.
for (const [fd, flags] of [[0, 'r'], [1, 'w']] as const) {
  closeSync(fd);
  openSync('/dev/null', flags);
}
const code = await instance.exited;
if (instance.raised !== undefined) process.kill(process.pid, instance.raised);
else process.exit(code);
