/** What `warden doctor` finds, from facts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IdFacts } from '../../src/core/container/choose-ids.js';
import { findingsOf, type MachineFacts } from '../../src/core/container/diagnose.js';

const test = suite('core: diagnose');

const GOOD_IDS: IdFacts = {
  uid: 0, gid: 0, userName: 'root', uidMap: '         0          0 4294967295\n', namespacesMax: 9, canMount: true, forbiddenBy: undefined, subuid: '',
  subgid: '', hasTools: true,
};
const USER_IDS: IdFacts = { ...GOOD_IDS, uid: 1_000, gid: 1_000, userName: 'ann', subuid: 'ann:100000:65536\n', subgid: '1000:100000:65536\n' };
const GOOD: MachineFacts = {
  platform: 'linux', architecture: 'x64', nodeVersion: '20.1.0', kernel: '6.1.0-13-amd64', uid: 0, ids: GOOD_IDS, usrType: 'ext4',
  capabilities: (1n << 41n) - 1n, hierarchies: { v1: { memory: '/m' }, v2: '/u', v2Controllers: ['cpu'] }, hasPtys: true, hasSeccomp: true,
  descriptorLimit: 1_048_576, missingFiles: [], addonFailure: undefined,
};

function bad(facts: Partial<MachineFacts>): string[] {
  return findingsOf({ ...GOOD, ...facts }).filter(({ state }) => state !== 'good').map(({ subject, state }) => `${subject} ${state}`);
}

test('a good machine has nothing to complain of', () => {
  assert.equal(bad({}), []);
  assert.ok(findingsOf(GOOD).every(({ remedy }) => remedy === undefined));
});

const CASES: readonly (readonly [facts: Partial<MachineFacts>, found: readonly string[]])[] = [
  [{ platform: 'darwin' }, ['system missing']],
  [{ architecture: 'riscv64' }, ['processor missing']],
  [{ nodeVersion: '18.19.0' }, ['Node missing']],
  [{ nodeVersion: '26.0.0' }, []],
  [{ kernel: '5.10.0' }, ['kernel missing']],
  [{ kernel: '5.11.22' }, ['kernel missing']],
  [{ kernel: '5.12.0-rc1' }, []],
  [{ kernel: '10.0.0' }, []],
  [{ kernel: '4.19.0-x' }, ['kernel missing']],
  [{ uid: 1000, ids: USER_IDS, capabilities: 1n << 24n }, ['user limited']],
  [{ uid: 1000, ids: { ...USER_IDS, forbiddenBy: 'kernel.x = 0' } }, ['user limited', 'user namespaces missing']],
  [{ uid: 1000, ids: { ...USER_IDS, subgid: '' } }, ['user limited', 'ids for users limited']],
  [{ uid: 1000, ids: { ...USER_IDS, hasTools: false } }, ['user limited', 'ids for users limited']],
  [{ ids: { ...GOOD_IDS, uidMap: '0 1000 1\n' } }, ['user namespaces limited']],
  [{ ids: { ...GOOD_IDS, namespacesMax: 0 } }, ['user namespaces limited']],
  [{ ids: { ...GOOD_IDS, namespacesMax: undefined } }, ['user namespaces limited']],
  [{ ids: { ...GOOD_IDS, canMount: false } }, ['user namespaces limited']],
  [{ usrType: 'nfs4' }, ['idmapped mounts limited']],
  [{ capabilities: undefined }, ['capabilities missing', 'network missing', 'resource limits limited']],
  [{ capabilities: ((1n << 41n) - 1n) & ~(1n << 21n) }, ['capabilities missing']],
  [{ capabilities: ((1n << 41n) - 1n) & ~(1n << 24n) }, ['resource limits limited']],
  [{ hierarchies: undefined }, ['cgroup memory limited', 'cgroup cpu limited']],
  [{ hierarchies: { v1: {}, v2: '/u', v2Controllers: ['memory'] } }, ['cgroup cpu limited']],
  [{ hasPtys: false }, ['ptys limited']],
  [{ hasSeccomp: false }, ['seccomp limited']],
  [{ descriptorLimit: 256 }, ['descriptors limited']],
  [{ descriptorLimit: undefined }, []],
  [{ missingFiles: ['/x/wshd: ENOENT'] }, ['programs missing']],
  [{ addonFailure: 'wrong ELF class' }, ['addon missing']],
];
for (const [facts, found] of CASES) {
  test(`${Object.keys(facts).join()}: ${found.join() || 'good'}`, () => {
    assert.equal(bad(facts), found);
    for (const { state, remedy } of findingsOf({ ...GOOD, ...facts })) assert.is(remedy !== undefined, state !== 'good');
  });
}

test('missing capabilities are named', () => {
  const { found } = findingsOf({ ...GOOD, capabilities: 0n }).find(({ subject }) => subject === 'capabilities')!;
  assert.match(found, /^without CAP_SYS_ADMIN, /);
});

test.run();
