import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { programPath } from '../../../src/base/paths.js';
import { noContainers } from '../../support/container.js';
import { argvOf, suiteOnHosts, wordsOf } from '../../support/hosts.js';
import { comesToRest, DEADLINE_MS, type Running, start, stopAll } from '../../support/iomux.js';
import { boot, noMachine } from '../../support/machine.js';
import { isAlive, openFiles, run, scratch, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const oom = suiteOnHosts('oom', 'oom');
const HIERARCHY = '/sys/fs/cgroup/memory';
const noFirst = noContainers ?? (existsSync(`${HIERARCHY}/memory.oom_control`) ? undefined : 'no memory controller of cgroup version 1');
const first = unless(noFirst, oom);
const second = unless(noMachine, oom.nativeOnly('a machine of 256 MB, which counts a native program\'s descriptors'));

const { path, remove } = scratch();
const groups: string[] = [];
let serial = 0;

/** A group of the test's own, below another one or at the top, that may use so much. */
function group(limitBytes?: number, parent = HIERARCHY): string {
  const name = `${parent}/${path.slice(path.lastIndexOf('/') + 1)}-${++serial}`;
  mkdirSync(name);
  groups.push(name);
  if (limitBytes !== undefined) writeFileSync(`${name}/memory.limit_in_bytes`, String(limitBytes));
  return name;
}

const LIMIT_BYTES = 20_000_000;

/** Runs a shell command inside the group. */
const runIn = (name: string, command: string) => run(['/bin/sh', '-c', `echo $$ > ${name}/cgroup.procs && ${command}`], { timeoutMs: DEADLINE_MS });
/** Keeps more than the limit allows in memory: tail waits for the end of a line that has none. */
const HOG = 'head -c 100000000 /dev/zero | tail';
/** The kernel kills whichever of the group is the largest; what ends the shell does not matter. */
const exhaust = (name: string) => runIn(name, HOG);

/** An oom that watches already: only then has it told the kernel of its interest. */
async function watching(name: string, ...options: string[]): Promise<Running> {
  const running = start([...argvOf('oom'), ...options, name]);
  await until(() => hasOpen(running.pid, `${name}/cgroup.event_control`) && !isRunning(running.pid), 'it watches', DEADLINE_MS);
  return running;
}

/** Whether a process has this file open. */
const hasOpen = (pid: number, file: string): boolean => openFiles(pid).includes(file);
const isRunning = (pid: number): boolean => /^State:\s+R/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

oom.after.each(async () => {
  await stopAll();
  for (const name of groups.splice(0).reverse()) {
    if (!existsSync(name)) continue;
    await until(() => readFileSync(`${name}/cgroup.procs`, 'utf8') === '', 'the group is empty', DEADLINE_MS);
    rmdirSync(name);
  }
});
oom.afterAll(remove);

first('ends with 0 when the group runs out of memory', async () => {
  const name = group(LIMIT_BYTES), running = await watching(name);
  await exhaust(name);
  const ended = await running.ended;
  assert.equal([ended.code, ended.stdout.length, ended.stderr], [0, 0, '']);
});

first('with --follow, prints a line each time and ends when the group is removed', async () => {
  const name = group(LIMIT_BYTES), running = await watching(name, '--follow');
  for (let told = 0, turns = 0; turns < 2; turns++) {
    await exhaust(name);
    // More than one a turn: the kernel tells of each attempt.
    await until(() => running.output().length > told, 'it tells', DEADLINE_MS);
    // What comes within 100 ms of another belongs to it: docs/reference/oom.md
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    told = running.output().length;
  }
  assert.match(running.output().toString(), /^(out of memory\n)+$/);
  await until(() => readFileSync(`${name}/cgroup.procs`, 'utf8') === '', 'the group is empty', DEADLINE_MS);
  rmdirSync(name);
  assert.is((await running.ended).code, 1);
});

first('sleeps until then, whatever else happens in the group', async () => {
  const name = group(LIMIT_BYTES), running = await watching(name);
  await comesToRest(running.pid);
  // As much as it may, and the caches of a file beside it.
  assert.is((await runIn(name, `head -c 10000000 /dev/zero | tail | wc -c; cat ${process.execPath} > /dev/null`)).code, 0);
  await comesToRest(running.pid);
  await exhaust(name);
  assert.is((await running.ended).code, 0);
});

first('does not report what was before it', async () => {
  const name = group(LIMIT_BYTES);
  await exhaust(name);
  assert.match(readFileSync(`${name}/memory.oom_control`, 'utf8'), /oom_kill [1-9]/);
  const running = await watching(name);
  await comesToRest(running.pid);
  await exhaust(name);
  assert.is((await running.ended).code, 0);
});

first('ends with 1 when the group is removed', async () => {
  const name = group(LIMIT_BYTES), running = await watching(name);
  rmdirSync(name);
  const ended = await running.ended;
  assert.equal([ended.code, ended.stderr], [1, `oom: the group was removed: ${name}\n`]);
});

first('watches its own group only, and each that watches is told', async () => {
  const names = [group(LIMIT_BYTES), group(LIMIT_BYTES), group(LIMIT_BYTES)];
  const watchers = await Promise.all(names.flatMap((name) => [watching(name), watching(name)]));
  await exhaust(names[1]!);
  assert.equal([(await watchers[2]!.ended).code, (await watchers[3]!.ended).code], [0, 0]);
  for (const index of [0, 1, 4, 5]) assert.ok(isAlive(watchers[index]!.pid));
  rmdirSync(names[0]!);
  assert.equal([(await watchers[0]!.ended).code, (await watchers[1]!.ended).code], [1, 1]);
  for (const index of [4, 5]) assert.ok(isAlive(watchers[index]!.pid));
});

first('tells of memory that runs out in a group above', async () => {
  const parent = group(LIMIT_BYTES), name = group(undefined, parent), running = await watching(name);
  await exhaust(name);
  assert.is((await running.ended).code, 0);
});

first('tells of memory that runs out where nobody is killed for it', async () => {
  const name = group(LIMIT_BYTES), running = await watching(name);
  writeFileSync(`${name}/memory.oom_control`, '1');
  const hog = start(['/bin/sh', '-c', `echo $$ > ${name}/cgroup.procs && exec perl -e '$x = "x" x 100000000; sleep'`]);
  assert.is((await running.ended).code, 0);
  hog.process.kill('SIGKILL');
  await hog.ended;
});

unless(noFirst, oom.nativeOnly('an instance cannot outlive its process, whose parent is none of its own'))('dies with its parent', async () => {
  const name = group(LIMIT_BYTES);
  const parent = start(['/bin/sh', '-c', `${wordsOf('oom')} ${name} & echo $!; read x`]);
  await until(() => parent.output().includes('\n'), 'it runs', DEADLINE_MS);
  const pid = Number(parent.output());
  await until(() => hasOpen(pid, `${name}/cgroup.event_control`), 'it watches', DEADLINE_MS);
  assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Threads:\t1$/m);
  parent.process.kill('SIGKILL');
  await until(() => !isAlive(pid), 'it has died', DEADLINE_MS);
  assert.ok(existsSync(name));
});

oom('says what is wrong with its command line or its directory, and ends with 1', async () => {
  const cases: [string[], RegExp][] = [
    [[], /^oom: one CGROUP_DIRECTORY is wanted; oom --help/], [['a', 'b'], /one CGROUP_DIRECTORY is wanted/],
    [['--unknown', 'a'], /invalid option: --unknown/], [['/no/such/group'], /there is no cgroup \/no\/such\/group/],
    [[path], /neither memory\.oom_control nor memory\.events is in/], [['--', '-x'], /there is no cgroup -x/],
    [[''], /no cgroup/],
  ];
  for (const [args, message] of cases) {
    const ended = await run([...argvOf('oom'), ...args]);
    assert.equal([ended.code, ended.stdout.length], [1, 0], args.join(' '));
    assert.match(ended.stderr, message);
    assert.is(ended.stderr.split('\n').length, 2);
  }
  const help = await run([...argvOf('oom'), '--help']);
  assert.is(help.code, 0);
  assert.match(help.stderr, 'usage: oom [--follow] CGROUP_DIRECTORY');
});

const native = programPath('oom');

/** Each case writes "NAME: WHAT" into the results; a limit of 20 MB is met by HOG. */
const VERSION_2 = `
cd /sys/fs/cgroup
echo +memory > cgroup.subtree_control
group() { mkdir -p $1; echo ${LIMIT_BYTES} > $1/memory.max; }
watch() {
  ${native} /sys/fs/cgroup/$1 & watcher=$!
  while [ -e /proc/$watcher/fd ] && [ $(ls /proc/$watcher/fd | wc -l) -lt 5 ]; do sleep 0.01; done
  sleep 0.2
}
exhaust() { sh -c "echo \\$\\$ > $1/cgroup.procs; ${HOG}" > /dev/null; }
watched() { wait $watcher; echo "$1: $?"; }
state() { cut -d ' ' -f 3,14,15 /proc/$watcher/stat; }

group one; watch one; exhaust one; watched 'out of memory'
before=$(grep -c 'oom_kill [1-9]' one/memory.events)
watch one; start=$(state); sleep 1; echo "after an earlier kill ($before): $start, $(state)"
exhaust one; watched 'out of memory again'
group two; watch two; rmdir two; watched 'removed'
group three; watch three
sh -c "echo \\$\\$ > three/cgroup.procs; cat ${process.execPath} > /dev/null"
sleep 0.2; start=$(state); sleep 1; echo "at the limit, without a kill: $start, $(state)"
mkdir other; rmdir other; sleep 0.2; start=$(state); sleep 1; echo "another is removed: $start, $(state)"
exhaust three; watched 'out of memory at last'
mkdir four; echo +memory > four/cgroup.subtree_control; group four/below; watch four; exhaust four/below; watched 'out of memory below'
group five
sh -c "${native} /sys/fs/cgroup/five & echo \\$! > ${path}/orphan; while [ \\$(ls /proc/\\$!/fd | wc -l) -lt 5 ]; do sleep 0.01; done; kill -KILL \\$\\$"
for i in $(seq 100); do [ -e /proc/$(cat ${path}/orphan)/exe ] || break; sleep 0.1; done
[ -e /proc/$(cat ${path}/orphan)/exe ] && echo 'parent died: lives on' || echo 'parent died: dies'
mkdir five/without; ${native} /sys/fs/cgroup/five/without; echo "without the controller: $?"
${native} /sys/fs/cgroup/none; echo "no group: $?"
`;

second('does the same with cgroup version 2', async () => {
  const lines = await boot(path, VERSION_2);
  const asleep = /^(.*): S (\d+ \d+), S \2$/;
  assert.equal(lines.map((line) => line.replace(asleep, '$1: sleeps')), [
    'out of memory: 0',
    'after an earlier kill (1): sleeps',
    'out of memory again: 0',
    'oom: the group was removed: /sys/fs/cgroup/two',
    'removed: 1',
    'at the limit, without a kill: sleeps',
    'another is removed: sleeps',
    'out of memory at last: 0',
    'out of memory below: 0',
    'parent died: dies',
    'oom: neither memory.oom_control nor memory.events is in /sys/fs/cgroup/five/without; the memory controller must be enabled for it (v2: in its parent\'s cgroup.subtree_control)',
    'without the controller: 1',
    'oom: there is no cgroup /sys/fs/cgroup/none',
    'no group: 1',
  ]);
});

oom.run();
