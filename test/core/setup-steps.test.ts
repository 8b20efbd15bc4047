/** etc/steps, byte by byte. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Entry, formatSources, formatSteps, type RootPlan } from '../../src/core/rootfs/setup-steps.js';
import { formatIds, type Ids, parseMap } from '../../src/linux/ids.js';
import type { Mount } from '../../src/linux/mountinfo.js';

const test = suite('core: setup steps');

const tmpfs: RootPlan['base'] = { source: 'c', type: 'tmpfs', flags: ['noSuid'], data: 'mode=755' };
const BEGIN = 'hostname|h|root|c|tmpfs|2|mode=755|';

const nothing: RootPlan = {
  base: tmpfs, mounts: [], entries: [], binds: [], attributes: [], readOnlyPaths: [], maskedPaths: [], sysctl: [], readOnly: false,
};

function shown(bytes: Buffer): string { return bytes.toString('latin1').replaceAll('\0', '|'); }
function steps(part: Partial<RootPlan>, hostname = 'h', ids?: Ids): string {
  return shown(formatSteps(hostname, { ...nothing, ...part }, ids));
}
function sources(part: Partial<RootPlan>, ids: Ids | undefined): string | undefined {
  const bytes = formatSources({ ...nothing, ...part }, ids);
  return bytes && shown(bytes);
}

test('begin with the host name and the root', () => assert.is(steps({}), BEGIN));

test('a bound root has its own step', () => {
  assert.is(steps({ base: { source: '/r', type: 'bind', flags: ['recursive'] } }), 'hostname|h|bind-root|/r|1|0|');
});

test('a mount has its type, the sum of its flags, and its options', () => {
  const mount: Mount = { source: 'c', target: '/proc', type: 'proc', flags: ['noSuid', 'noDevices', 'noExecute'] };
  assert.is(steps({ mounts: [mount] }), `${BEGIN}mount|c|/proc|proc|14||`);
});

const RESTRICTED: Mount = { source: '/a', target: '/b', type: 'bind', flags: ['readOnly', 'noSuid'] };
const WHOLE: Mount = { source: '/c', target: '/d', type: 'bind', flags: ['recursive'] };

test('a bind has its attributes, and the mounts below when it is recursive', () => {
  assert.is(steps({ mounts: [RESTRICTED, WHOLE] }), `${BEGIN}bind|/a|/b|0|3|bind|/c|/d|1|0|`);
});

test('a file is bound by a step of its own, with its attributes', () => {
  const mount: Mount = { source: '/a', target: '/b', type: 'bind', flags: ['readOnly', 'noExecute'], isFile: true };
  assert.is(steps({ binds: [mount] }), `${BEGIN}bind-file|/a|/b|0|9|`);
});

const OWN: Ids = { method: 'write', uids: [{ inside: 0, outside: 1_000, size: 10 }], gids: [{ inside: 0, outside: 1_000, size: 10 }] };
const ONE: Ids = { method: 'single', uids: [{ inside: 0, outside: 7, size: 1 }], gids: [{ inside: 0, outside: 8, size: 1 }] };

test('with ids of its own a container binds what was mounted before, by its number', () => {
  const plan = { mounts: [RESTRICTED], binds: [WHOLE], base: { source: '/r', type: 'bind', flags: ['recursive'] }, attributes: ['noDevices'] } as const;
  assert.is(steps(plan, 'h', OWN), 'hostname|h|bind-root|0|1|0|bind|1|/b|1|0|bind|2|/d|1|0|');
  assert.is(sources(plan, OWN), 'source|0|/r|1|4|1|source|1|/a|0|3|1|source|2|/c|1|0|1|');
});

test('a root in memory takes no number', () => {
  assert.is(steps({ mounts: [RESTRICTED] }, 'h', OWN), `${BEGIN}bind|0|/b|1|0|`);
  assert.is(sources({ mounts: [RESTRICTED] }, OWN), 'source|0|/a|0|3|1|');
});

test('a layer is mounted before, over a mount that has both of its directories', () => {
  const base: RootPlan['base'] = { source: 'c', type: 'overlay', flags: [], data: 'lowerdir=/r' };
  const overlay = { lower: '/r', upper: '/x/y/up', work: '/x/work' };
  assert.is(steps({ base, overlay, attributes: ['noSuid'] }, 'h', OWN), 'hostname|h|bind-root|0|1|0|');
  assert.is(sources({ base, overlay, mounts: [RESTRICTED] }, OWN), 'overlay|0|/r|y/up|work|/x|1000|source|1|/a|0|3|1|');
  assert.is(sources({ base, overlay: { lower: '/r', upper: '/up', work: '/work' } }, OWN), 'overlay|0|/r|up|work|/|1000|');
  assert.is(steps({ base, overlay, attributes: ['noSuid'] }), 'hostname|h|root|c|overlay|2|lowerdir=/r|');
  assert.is(steps({ base, overlay }, 'h', ONE), 'hostname|h|root|c|overlay|0|lowerdir=/r,userxattr|');
});

test('with a single id everything belongs to root', () => {
  assert.is(steps({ entries: [{ type: 'directory', path: 'x', owner: 7, group: 8 }] }, 'h', ONE), `${BEGIN}directory|/x|493|0|0|`);
});

test('what takes no ids keeps its owners', () => {
  assert.is(sources({ mounts: [{ ...RESTRICTED, keepsOwners: true }] }, OWN), 'source|0|/a|0|3|0|');
});

test('a user binds directories with all mounts below, which take the attributes', () => {
  assert.is(steps({ mounts: [RESTRICTED, WHOLE] }, 'h', ONE), `${BEGIN}bind|/a|/b|1|3|bind|/c|/d|1|0|`);
  assert.is(sources({ mounts: [RESTRICTED] }, ONE), undefined);
  assert.is(sources({ mounts: [RESTRICTED] }, undefined), undefined);
});

test('ids are the method and both maps', () => {
  assert.is(formatIds(OWN).toString(), '1\0' + '0 1000 10\n\0'.repeat(2));
  assert.is(formatIds(ONE).toString(), '2\0' + '0 7 1\n\0' + '0 8 1\n\0');
  assert.equal(parseMap('         0       1000          1\n         1     100000      65536\n'), [
    { inside: 0, outside: 1_000, size: 1 }, { inside: 1, outside: 100_000, size: 65_536 },
  ]);
});

test('what is covered comes last, and the root itself becomes read-only at the very end', () => {
  const text = steps({
    entries: [{ type: 'directory', path: 'e' }], readOnlyPaths: ['/proc/sys'], maskedPaths: ['/proc/keys'],
    readOnly: true,
  });
  assert.is(text, `${BEGIN}directory|/e|493|0|0|read-only|/proc/sys|mask|/proc/keys|read-only-root|`);
});

const ENTRIES: readonly (readonly [entry: Entry, bytes: string])[] = [
  [{ type: 'directory', path: 'etc' }, 'directory|/etc|493|0|0|'],
  [{ type: 'directory', path: 'tmp', mode: 0o1777, owner: 7 }, 'directory|/tmp|1023|7|7|'],
  [{ type: 'directory', path: 'tmp', owner: 7, group: 0 }, 'directory|/tmp|493|7|0|'],
  [{ type: 'link', path: 'bin', to: 'usr/bin' }, 'link|/bin|usr/bin|'],
  [{ type: 'device', path: 'dev/null', number: [1, 3] }, 'device|/dev/null|438|1|3|'],
  [{ type: 'file', path: 'etc/x', content: 'ab\n' }, 'file|/etc/x|420|0|0|3|ab\n'],
  [{ type: 'file', path: 'etc/x', content: Buffer.from([0, 255]) }, 'file|/etc/x|420|0|0|2||\xff'],
  [{ type: 'file', path: 'etc/x', content: 'é' }, 'file|/etc/x|420|0|0|2|\xc3\xa9'],
  [{ type: 'file', path: 'etc/x', content: '', mode: 0o600 }, 'file|/etc/x|384|0|0|0|'],
];
for (const [entry, bytes] of ENTRIES) test(`an entry of the type ${entry.type}: ${bytes}`, () => { assert.is(steps({ entries: [entry] }), BEGIN + bytes); });

test('mounts come first, then entries, then binds', () => {
  const text = steps({
    mounts: [{ source: 'c', target: '/m', type: 'tmpfs', flags: [] }], entries: [{ type: 'directory', path: 'e' }],
    binds: [{ source: '/s', target: '/b', type: 'bind', flags: ['recursive'] }],
  });
  assert.is(text, `${BEGIN}mount|c|/m|tmpfs|0||directory|/e|493|0|0|bind|/s|/b|1|0|`);
});

test('a NUL in a text is refused: it would begin another field', () => {
  assert.throws(() => steps({}, 'a\0b'), /"a\\u0000b" contains a NUL/);
  assert.throws(() => steps({ entries: [{ type: 'link', path: 'x', to: '\0' }] }), RangeError);
});

test('kernel parameters are written before their directory becomes read-only', () => {
  const part = { sysctl: [{ path: 'net/ipv4/ip_forward', value: '1' }], readOnlyPaths: ['/proc/sys'] };
  assert.is(steps(part), `${BEGIN}sysctl|/proc/sys/net/ipv4/ip_forward|1|read-only|/proc/sys|`);
});

test.run();
