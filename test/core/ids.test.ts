/** Whose ids a container gets, and how several processes share the ranges. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkUser, chooseIds, type IdFacts } from '../../src/core/container/choose-ids.js';
import { claimRange, isFree, parseSubordinate, RANGE_IDS, RANGES_MAX, releaseRange } from '../../src/core/depot/id-ranges.js';
import { idInside } from '../../src/linux/ids.js';
import { thrownBy } from './help.js';

const test = suite('core: ids');
const USER: IdFacts = {
  uid: 1_000, gid: 1_001, userName: 'ann', uidMap: '0 0 4294967295\n', namespacesMax: 9, canMount: false, forbiddenBy: undefined,
  subuid: 'bob:1:2\nann:100000:70000\n', subgid: 'ann:200000:10\n', hasTools: true,
};
let place = '', claims = '';

test.before.each(() => {
  place = mkdtempSync(join(tmpdir(), 'warden-test-ids-'));
  claims = join(place, 'claims');
});
test.after.each(() => rmSync(place, { recursive: true }));

function container(name: string): string {
  mkdirSync(join(place, name));
  return join(place, name);
}

test('root of a user namespace with few ids is told so before anything is made', () => {
  const root = { ...USER, uid: 0, uidMap: '0 1000 1\n' };
  const { code, message } = thrownBy(() => { checkUser('auto', root); });
  assert.is(code, 'UNSUPPORTED');
  assert.match(message, /too few ids/);
  for (const uidMap of ['', '0 0 4294967295\n', '  0 1000 1\n  1 100000 65536\n']) checkUser('auto', { ...root, uidMap });
});

test('two containers have different ranges, of which nobody else has an id', () => {
  const first = claimRange(container('a'), claims), second = claimRange(container('b'), claims);
  assert.is.not(first.outside, second.outside);
  for (const { inside, outside, size } of [first, second]) {
    assert.equal([inside, size, outside % RANGE_IDS], [0, RANGE_IDS, 0]);
    assert.ok(outside >= 0x7000_0000 && outside + size <= 2_147_352_576, String(outside));
  }
});

test('a range is free again when the container is gone, and not before', () => {
  const directory = container('a'), range = claimRange(directory, claims);
  releaseRange(directory, range, claims);
  assert.is(readdirSync(claims).length, 1);
  rmSync(directory, { recursive: true });
  releaseRange(directory, range, claims);
  assert.equal(readdirSync(claims), []);
});

test('no range is claimed twice, and void claims are taken over', () => {
  const living = container('a');
  mkdirSync(claims);
  // All but two ranges, of which one was left behind by a container that is gone.
  for (let range = 0; range < RANGES_MAX - 2; range++) symlinkSync(living, join(claims, `${range}.x`));
  symlinkSync(join(place, 'gone'), join(claims, `${RANGES_MAX - 2}.x`));
  const found = new Set([claimRange(living, claims).outside, claimRange(living, claims).outside]);
  assert.is(found.size, 2);
  assert.match(thrownBy(() => { claimRange(living, claims); }).message, /^all 4094 ranges of ids are taken by containers/);
});

test('ranges of users are left out', () => {
  const users = parseSubordinate('# comment\nann:100000:65536\n1000:5:1\nbad:x:1\n');
  assert.equal(users, [{ user: 'ann', first: 100_000, count: 65_536 }, { user: '1000', first: 5, count: 1 }]);
  assert.equal([0, 65_536, 131_072, 196_608].map((first) => isFree(first, users)), [false, false, false, true]);
});

test('an id is what the container has for it, or nothing', () => {
  const ranges = [{ inside: 0, outside: 7, size: 1 }, { inside: 1, outside: 100, size: 10 }];
  assert.equal([7, 100, 109, 110, 8].map((id) => idInside(id, ranges)), [0, 1, 10, undefined, undefined]);
});

test('a user has the ids of /etc/subuid, and itself for root', () => {
  assert.equal(chooseIds('auto', place, USER).ids, {
    method: 'tools', uids: [{ inside: 0, outside: 1_000, size: 1 }, { inside: 1, outside: 100_000, size: 65_535 }],
    gids: [{ inside: 0, outside: 1_001, size: 1 }, { inside: 1, outside: 200_000, size: 10 }],
  });
});

for (const [without, facts] of [['tools', { hasTools: false }], ['uids', { subuid: '' }], ['gids', { subgid: '' }]] as const) {
  test(`a user without ${without} has one id`, () => {
    const single = { method: 'single', uids: [{ inside: 0, outside: 1_000, size: 1 }], gids: [{ inside: 0, outside: 1_001, size: 1 }] };
    assert.equal(chooseIds('auto', place, { ...USER, ...facts }).ids, single);
  });
}

test('root has the host\'s where there are no others, says why, and refuses when others are required', () => {
  const facts = { ...USER, uid: 0, canMount: true, namespacesMax: 0 };
  assert.equal(chooseIds('host', place, { ...facts, namespacesMax: 9 }), { ids: undefined });
  assert.equal(chooseIds('auto', place, facts), { ids: undefined, why: 'user namespaces are switched off (user.max_user_namespaces = 0)' });
  const { code, message } = thrownBy(() => { chooseIds('required', place, facts); });
  assert.equal([code, message], ['USAGE', 'the container cannot have ids of its own, as userns \'required\' asks: '
    + 'user namespaces are switched off (user.max_user_namespaces = 0)']);
});

test('a user who may have no user namespace is told what forbids it', () => {
  const { code, message } = thrownBy(() => { checkUser('auto', { ...USER, forbiddenBy: 'kernel.unprivileged_userns_clone = 0' }); });
  assert.equal([code, message], [
    'UNSUPPORTED', 'only root can make containers here: user namespaces are for root alone (kernel.unprivileged_userns_clone = 0)',
  ]);
  assert.is(thrownBy(() => { checkUser('host', USER); }).code, 'USAGE');
});

test.run();
