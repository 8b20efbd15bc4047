/** Plays many sequences: node build/js/test/replay/sequences/main.js KIND COUNT [SEED]. docs/internals/simulation.md */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare } from './compare.js';
import { kinds } from './kinds.js';
import { buildPlayer, Player } from './player.js';

const [, , name, count = '10000', seed = '1'] = process.argv, kind = kinds.find((one) => one.name === name);
if (!kind) throw new Error(`the kinds are ${kinds.map((one) => one.name).join(', ')}; there is no ${name}`);
const directory = mkdtempSync(join(tmpdir(), 'warden-sequences-')), player = new Player(buildPlayer(directory), directory);
try {
  const difference = await compare({ kind, count: Number(count), seed: Number(seed), player });
  console.log(difference ? `seed ${difference.seed}:\n${difference.text}` : `${count} sequences of ${name} agree`);
  if (difference) process.exitCode = 1;
} finally {
  await player.close();
  rmSync(directory, { recursive: true });
}
