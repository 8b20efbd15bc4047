import { randomInt } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { compare } from './compare.js';
import { lacks } from '../../support/capabilities.js';
import { kinds } from './kinds.js';
import { buildPlayer, Player } from './player.js';

const sequences = suite('random sequences of system calls, on Linux and on the simulation');
const notRoot = lacks('CHOWN', 'DAC_OVERRIDE', 'KILL', 'SETGID', 'SETUID');
const directory = scratch();
sequences.after(() => directory.remove());

let program = '';
sequences.before(() => {
  chmodSync(directory.path, 0o755);
  program = buildPlayer(directory.path);
});

for (const kind of kinds) {
  unless(notRoot ?? kind.lacks, sequences)(`${kind.fresh} fresh sequences of ${kind.name} have the same results on both`, async () => {
    const player = new Player(program, directory.path), seed = randomInt(2 ** 40);
    try {
      const difference = await compare({ kind, count: kind.fresh, seed, player });
      assert.is(difference && `seed ${difference.seed}:\n${difference.text}`, undefined);
    } finally {
      await player.close();
    }
  });
}

sequences.run();
