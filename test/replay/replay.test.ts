import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { type Container, Random, World } from '../../src/sim/world/index.js';
import { loadPrograms } from '../../src/sim/world/node.js';
import { scratch } from '../support/process.js';
import { noContainers } from '../support/container.js';
import { unless } from '../support/skip.js';
import { Recorder } from './recorder.js';

const TRACES = Number(process.env['WARDEN_TEST_REPLAYS'] ?? 500);
const SYS = [
  'spawn', 'descriptor', 'files/file', 'handles', 'process', 'socket', 'terminal', 'container', 'cgroup', 'files/at', 'files/mount', 'self',
  'sealed',
];

/** Nothing that is replayed forks without a description. */
const NO_FORK = `${packageRoot}shim/addon/instance/fork.c`;

const replay = suite('traces of simulated runs, on Linux');
const test = unless(noContainers, replay);
const programs = await loadPrograms();
const directory = scratch();
replay.after(() => directory.remove());

/** What the container's commands do: everything that a script can, but for what Linux would do in its own time. */
const scripts = [
  'write 1 3000; write 2 100; exit 3', 'copy', 'write 1 90000 9000; exit 0', 'read 10; write 1 10 1; drain; exit 250',
  'fork { write 1 70000; exit 1 }; wait; exit 4', 'fork { sleep 5; write 2 5 }; write 1 100 7; exit 5', 'close 1; close 2; read 3; exit 6',
  'die 9', 'write 1 20000; die 15', 'ignore 15; repeat 5 { write 1 20 20; sleep 1 }', 'say 1 hello; say 2 there; print 1 args',
];

/** A command, its input, and perhaps a reader that takes its time. */
function command(world: World, container: Container, random: Random): void {
  const options = random.pick([[], [], ['--user', 'vcap'], ['--user', 'vcap:users,audio,7'], ['--user', '42'], ['--umask', '027', '--workdir', '/tmp'], ['--env', 'A=b']]);
  const wsh = container.wsh([...options, ...argvOf(random)], { stdin: 'pipe' });
  wsh.stdin!.write(new Uint8Array(random.pick([0, 5, 300, 3_000, random.chance(0.1) ? 150_000 : 20_000])).fill(random.below(256)));
  wsh.stdin!.end();
  if (!random.chance(0.3)) return;
  wsh.stdout!.pause();
  world.run(() => world.random.chance(0.02));
  wsh.stdout!.resume();
}

function argvOf(random: Random): string[] {
  if (random.chance(0.05)) return ['/bin/nothing'];
  // More than all pipes on the way hold, now and then.
  return ['/bin/script', '-c', random.chance(0.03) ? 'write 1 700000 50000; exit 8' : random.pick(scripts)];
}

/** A job with links that come when they like. */
function job(world: World, container: Container, random: Random, name: string): void {
  const options = random.pick([[], ['--ring', '4K'], ['--ring', '128K'], ['--slow', 'drop']]);
  container.spawn(name, argvOf(random), { spawnOptions: options });
  world.run(() => world.files.exists(`${container.jobDirectory(name)}/status.sock`));
  for (let links = random.between(1, 3); links > 0; links--) {
    const link = container.link(name, random.chance(0.5) ? ['-w', `/tmp/cursor${links}`] : []);
    if (random.chance(0.2)) link.stdout!.pause();
    world.run(() => world.random.chance(0.05));
    link.stdout!.resume();
  }
}

/** One run, as lines for the replay. */
function record(seed: number, root: string, program: string): string[] {
  const recorder = new Recorder(root, program, `${directory.path}/control`), random = new Random(seed);
  using world = new World({ programs, seed, observers: [recorder], stepsMax: 100_000, habits: { shorten: 0.2, interrupt: 0.2 } });
  const container = world.container('/c'), wshd = container.start({ stdin: 'null' });
  world.run(() => wshd.ended);
  if (seed % 3 === 0) world.files.unmark(container.socket);
  for (let i = random.between(1, 2); i > 0; i--) {
    if (random.chance(0.5)) command(world, container, random);
    else job(world, container, random, String(i));
  }
  world.run();
  return recorder.lines;
}

const DIRECTORIES = ['', '/c', '/c/run', '/c/lib', '/c/jobs', '/c/jobs/1', '/c/jobs/2', '/c/jobs/3', '/c/root', '/c/root/mnt', '/c/root/root', '/c/root/home',
  '/c/root/home/vcap', '/c/root/etc', '/c/root/tmp', '/tmp'];

test(`${TRACES} of them agree, call by call`, () => {
  chmodSync(directory.path, 0o755);
  const program = `${directory.path}/replay`, sources = `${packageRoot}test/replay/linux/`;
  const options = ['-O1', '-Wall', '-Werror', '-Wl,--wrap=prepare_descriptors', '-o', program];
  execFileSync('cc', [...options, `${sources}driver.c`, `${sources}server.c`, ...SYS.map((name) => `${packageRoot}shim/sys/${name}.c`), NO_FORK]);
  const lines: string[] = [];
  for (let seed = 1; seed <= TRACES; seed++) {
    const root = `${directory.path}/${seed}`;
    mkdirSync(root);
    lines.push(`trace ${seed}`, ...DIRECTORIES.map((name) => `directory ${root}${name}`));
    lines.push(`file ${root}/c/root/etc/group ${Buffer.from('root:x:0:\nusers:x:100:vcap,root\naudio:x:29:\n').toString('hex')}`);
    lines.push(`file ${root}/c/root/etc/passwd ${Buffer.from('root:x:0:0:root:/root:/bin/sh\nvcap:x:1000:1000:vcap:/home/vcap:/bin/sh\n').toString('hex')}`);
    lines.push(...record(seed, root, program));
  }
  const ran = spawnSync(program, [directory.path], { input: `${lines.join('\n')}\n`, encoding: 'utf8', timeout: 600_000 });
  assert.is(`${ran.stdout}${ran.stderr}${ran.signal ?? ''}`, `${TRACES} agreed, 0 disagreed\n`);
});

replay.run();
