/**
 * Boots machines in qemu, and tries the programs on each: a greeting, ids of their own, limits, 100 containers, and the test files
 * that machines.ts names.
 *
 *   node build/js/test/machines/main.js MACHINE…
 *
 * Wants the build, qemu-system-x86 or qemu-system-arm, cpio and the gcc of the processor; downloads Debian's packages and
 * Node's binary to build/machines, once. As root. Exit code 1 when something does not hold.
 */
import { mkdirSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { boot } from './boot.js';
import { makeImage } from './image.js';
import { MACHINES } from './machines.js';

const names = process.argv.slice(2), directory = `${packageRoot}build/machines`;
const chosen = MACHINES.filter(({ name }) => names.includes(name));
if (names.length === 0 || chosen.length < names.length) {
  console.error(`usage: main.js MACHINE…, of ${MACHINES.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
for (const machine of chosen) {
  const began = performance.now(), image = makeImage(machine, directory);
  console.log(`${machine.name}: image after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  const lines = await boot(machine, image, (line) => console.log(`  ${line}`));
  const holds = lines.some((line) => line.trim() === 'result: all hold');
  console.log(`${machine.name}: ${holds ? 'all hold' : 'NOT all hold'}, after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (!holds) process.exitCode = 1;
}
