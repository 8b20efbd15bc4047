/** Whoever can exchange a depot would get what its containers get: such a depot is refused before anything is made. */
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Container, WardenError } from '../../src/index.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { noContainers } from './help.js';

const all = suite('a depot of somebody else');
const test = unless(noContainers, all);
const place = scratch();
const SOMEBODY = 61_235;
all.after(() => { place.remove(); });

async function refuses(depot: string, words: RegExp): Promise<void> {
  const error = await Container.create({ depot }).then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, WardenError);
  assert.is((error as WardenError).code, 'DEPOT_UNUSABLE');
  assert.match((error as WardenError).message, words);
  assert.equal(readdirSync(depot), []);
}

/** A directory in one of mode `above`. */
function directory(above: number): { above: string; depot: string } {
  const path = place.directory(), depot = join(path, 'depot');
  mkdirSync(depot);
  chmodSync(path, above);
  return { above: path, depot };
}

test('is refused', async () => {
  const { depot } = directory(0o755);
  chownSync(depot, SOMEBODY, SOMEBODY);
  await refuses(depot, /: the depot belongs to the user 61235, who could exchange it; choose another depot \(--depot\)$/);
});

test('is refused below a directory of somebody else, also by a link', async () => {
  const { above, depot } = directory(0o755), link = join(place.directory(), 'link');
  chownSync(above, SOMEBODY, SOMEBODY);
  symlinkSync(depot, link);
  for (const path of [depot, link]) await refuses(path, /: \S+, above the depot, belongs to the user 61235, who could exchange it; /);
});

test('is refused where others can write', async () => {
  const { depot } = directory(0o777), { depot: open } = directory(0o755);
  await refuses(depot, /others can write to \S+, above the depot, and could exchange what is in it; /);
  chmodSync(open, 0o1777);
  await refuses(open, /others can write to the depot and could exchange what is in it; /);
});

test('is one\'s own in a sticky directory', async () => {
  await using container = await Container.create({ depot: directory(0o1777).depot, ephemeral: true });
  assert.is((await container.exec(['true']).result).exitCode, 0);
});

all.run();
