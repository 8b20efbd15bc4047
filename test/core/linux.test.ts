/** What is read of /proc and cgroupfs, from texts. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WardenError } from '../../src/base/errors.js';
import { formatGroups, type Group, parseGroups, parseHierarchies, planGroups, sharesOf, SHARES_MAX, SHARES_MIN, weightOf } from '../../src/linux/cgroup.js';
import { checkSystem } from '../../src/base/system.js';
import { mountPoints, parseMountinfo } from '../../src/linux/mountinfo.js';
import { formatId, parseId } from '../../src/linux/process.js';

const test = suite('core: Linux');

const V1_MEMORY = '30 25 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory';
const V1_CPU = '31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct';
const V2 = '32 25 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:11 - cgroup2 cgroup2 rw,nsdelegate';
const ROOT = '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw';

function hierarchies(lines: readonly string[], offered: readonly string[] = []): ReturnType<typeof parseHierarchies> {
  return parseHierarchies(`${lines.join('\n')}\n`, () => offered);
}

test('a line of mountinfo has a path, a type and options', () => {
  assert.equal(parseMountinfo(`${V1_CPU}\n`), [{ path: '/sys/fs/cgroup/cpu,cpuacct', type: 'cgroup', options: ['rw', 'cpu', 'cpuacct'] }]);
});

test('a line without optional fields, and one with several, are read alike', () => {
  const types = parseMountinfo('1 1 0:1 / /a rw - proc none rw\n2 1 0:2 / /b rw shared:1 master:2 propagate_from:3 - tmpfs none rw,size=1k').map(({ type }) => type);
  assert.equal(types, ['proc', 'tmpfs']);
});

for (const kernel of ['5.12.0', '5.15.0-91-generic', '6.1.0-50-cloud-amd64', '6.18.44-fc-v657', '7.2.7', '10.0.0']) {
  test(`containers can be on Linux ${kernel}`, () => { checkSystem('linux', kernel); });
}

for (const kernel of ['5.10.0-41-cloud-amd64', '5.11.22', '4.18.0-553.el8.x86_64', '3.10.0']) {
  test(`Linux ${kernel} is refused in one sentence`, () => {
    assert.throws(() => { checkSystem('linux', kernel); }, ({ code, message }: WardenError) => (
      code === 'UNSUPPORTED' && message === `containers need Linux 5.12 or later, and this is ${kernel}`
    ));
  });
}

test('another system is refused, whatever its kernel is', () => {
  assert.throws(() => { checkSystem('darwin', '24.1.0'); }, /^containers need Linux, and this is darwin$/);
});

test('an empty text has no mounts', () => assert.equal(parseMountinfo(''), []));

test('octal escapes in paths are decoded', () => {
  assert.equal(mountPoints('1 1 0:1 / /my\\040docs\\011x\\134y\\012z rw - tmpfs none rw'), ['/my docs\tx\\y\nz']);
});

test('a path with two mounts is listed once', () => {
  assert.equal(mountPoints('1 1 0:1 / /dev/pts rw - devpts none rw\n2 1 0:2 / /dev/pts rw - devpts none rw'), ['/dev/pts']);
});

test('version 1 is preferred for each controller that it has', () => {
  assert.equal(planGroups('n', hierarchies([ROOT, V1_MEMORY, V2], ['cpu', 'memory'])), [
    { controller: 'memory', version: 1, directory: '/sys/fs/cgroup/memory/n' },
    { controller: 'cpu', version: 2, directory: '/sys/fs/cgroup/unified/n' },
    { controller: 'cpuacct', version: 2, directory: '/sys/fs/cgroup/unified/n' },
  ]);
});

test('two controllers of one hierarchy have one directory', () => {
  const groups = planGroups('n', hierarchies([V1_CPU]));
  assert.equal(groups.map(({ controller, directory }) => `${controller} ${directory}`), ['cpu /sys/fs/cgroup/cpu,cpuacct/n', 'cpuacct /sys/fs/cgroup/cpu,cpuacct/n']);
});

test('version 2 accounts for processor time also without controllers', () => {
  assert.equal(planGroups('n', hierarchies([V2])).map(({ controller }) => controller), ['cpuacct']);
});

test('without cgroups there are no groups', () => assert.equal(planGroups('n', hierarchies([ROOT])), []));

test('a controller whose name begins like another is not taken for it', () => {
  assert.equal(hierarchies(['1 1 0:1 / /c rw - cgroup cgroup rw,cpuset']).v1, { cpuset: '/c' });
});

const GROUPS: readonly Group[] = [{ controller: 'memory', version: 1, directory: '/cg/a b' }, { controller: 'cpu', version: 2, directory: '/cg/x' }];

test('a group for processors is planned in the version that has it', () => {
  assert.equal(planGroups('n', hierarchies(['1 1 0:1 / /c rw - cgroup cgroup rw,cpuset', V2], ['cpuset'])).map(({ controller, version }) => `${controller} ${version}`),
    ['cpuacct 2', 'cpuset 1']);
  assert.equal(planGroups('n', hierarchies([V2], ['cpuset'])).map(({ controller }) => controller), ['cpuacct', 'cpuset']);
});

test('groups are written one a line', () => assert.is(formatGroups(GROUPS), 'memory 1 /cg/a b\ncpu 2 /cg/x\n'));
test('written groups are read again', () => assert.equal(parseGroups(formatGroups(GROUPS)), GROUPS));
test('lines that are no groups are skipped', () => {
  assert.equal(parseGroups('\nmemory 3 /x\nmemory 1 x\nmemory 1\n 1 /x\nnonsense\ncpu 2 /ok\n'), [{ controller: 'cpu', version: 2, directory: '/ok' }]);
});

for (const [shares, weight] of [[2, 1], [3, 1], [1024, 39], [262_144, 10_000]] as const) {
  test(`${shares} shares have the weight ${weight}`, () => assert.is(weightOf(shares), weight));
}

test('weights are whole numbers from 1 to 10,000, and grow with the shares', () => {
  let last = 0;
  for (let shares = SHARES_MIN; shares <= SHARES_MAX; shares += 97) {
    const weight = weightOf(shares);
    assert.ok(Number.isInteger(weight) && weight >= Math.max(1, last) && weight <= 10_000, String(shares));
    last = weight;
  }
});

test('shares that were converted to a weight and back have the same weight', () => {
  for (let weight = 1; weight <= 10_000; weight++) assert.is(weightOf(sharesOf(weight)), weight);
});

test('a process id is its pid and its start', () => assert.is(formatId({ pid: 12, start: '345' }), '12 345'));
for (const text of ['12 345', '12 345\n']) test(`${JSON.stringify(text)} is a process`, () => assert.equal(parseId(text), { pid: 12, start: '345' }));
for (const text of ['', '0 1', '-1 1', '12', '12 ', ' 12 345', '12 345 6', '12 345\n\n', 'a 1', '1 a']) {
  test(`${JSON.stringify(text)} is no process`, () => assert.is(parseId(text), undefined));
}

test.run();
