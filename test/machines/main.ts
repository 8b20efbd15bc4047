/**
 * Boots machines in qemu, and tries the programs on each: a greeting, ids of their own, limits, jobs, a bundle, containers, and the test
 * files that machines.ts names. On this machine it tries them in roots with other C libraries (roots.ts), and takes a newcomer's steps
 * with each Node and as each user (walk.ts).
 *
 *   node build/js/test/machines/main.js NAME…
 *
 * Wants the build, qemu-system-x86 or qemu-system-arm, cpio, kmod, e2fsprogs, and the gcc of the processor; for a root with musl
 * musl-tools. Downloads Debian's packages and Node's binary to build/machines, once. As root. Exit code 1 when something does not hold.
 */
import { mkdirSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { boot } from './boot.js';
import { type Image, makeImage } from './image.js';
import { type Machine, MACHINES } from './machines.js';
import { type Root, ROOTS, tryRoot } from './roots.js';
import { takeWalk, type Walk, WALKS } from './walk.js';

const names = process.argv.slice(2), directory = `${packageRoot}build/machines`, places = [...MACHINES, ...ROOTS, ...WALKS];
/** A name stands for all that it begins: `x64-6.1` for its four layouts. */
const isNamed = (place: { name: string }, name: string): boolean => place.name === name || place.name.startsWith(`${name}-`);
const images = new Map<string, Image>();

async function inMachine(machine: Machine): Promise<string[]> {
  const key = `${machine.release} ${machine.processor}`, image = images.get(key) ?? makeImage(machine, directory);
  images.set(key, image);
  return boot(machine, image, (line) => { console.log(`  ${line}`); });
}

async function hold(place: Machine | Root | Walk): Promise<boolean> {
  if ('walk' in place) return takeWalk(place, directory);
  if (!('processor' in place)) return tryRoot(place, directory);
  const lines = await inMachine(place);
  return lines.some((line) => line.trim() === 'result: all hold');
}

if (names.length === 0 || names.some((name) => !places.some((place) => isNamed(place, name)))) {
  console.error(`usage: main.js NAME…, of ${places.map(({ name }) => name).join(' ')}; a name stands for all that it begins`);
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
for (const place of places.filter((each) => names.some((name) => isNamed(each, name)))) {
  const began = performance.now(), holds = await hold(place);
  console.log(`${place.name}: ${holds ? 'all hold' : 'NOT all hold'}, after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (!holds) process.exitCode = 1;
}
