/**
 * Boots machines in qemu, and tries the programs on each: a greeting, ids of their own, limits, 100 containers, and the test files
 * that machines.ts names.
 *
 *   node build/js/test/machines/main.js MACHINE…
 *
 * Wants the build, qemu-system-x86 or qemu-system-arm, cpio, kmod, e2fsprogs, and the gcc of the processor; downloads Debian's
 * packages and Node's binary to build/machines, once. As root. Exit code 1 when something does not hold.
 */
import { mkdirSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { boot } from './boot.js';
import { type Image, makeImage } from './image.js';
import { MACHINES, machinesNamed } from './machines.js';

const chosen = machinesNamed(process.argv.slice(2)), directory = `${packageRoot}build/machines`;
if (chosen === undefined) {
  console.error(`usage: main.js MACHINE…, of ${MACHINES.map(({ name }) => name).join(' ')}; a name stands for all that it begins`);
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
const images = new Map<string, Image>();
for (const machine of chosen) {
  const began = performance.now(), seconds = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`;
  const key = `${machine.release} ${machine.processor}`, image = images.get(key) ?? makeImage(machine, directory);
  images.set(key, image);
  console.log(`${machine.name}: image after ${seconds()}`);
  const lines = await boot(machine, image, (line) => console.log(`  ${line}`));
  const holds = lines.some((line) => line.trim() === 'result: all hold');
  console.log(`${machine.name}: ${holds ? 'all hold' : 'NOT all hold'}, after ${seconds()}`);
  if (!holds) process.exitCode = 1;
}
