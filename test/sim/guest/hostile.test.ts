/** The hostile guest of docs/internals/fuzzing.md, under each program's name in the simulated kernel. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PROGRAM_NAMES, type ProgramName, RUNTIME_NAME } from '../../../src/boundary/programs.js';
import { type Programs, World } from '../../../src/sim/world/index.js';
import { loadPrograms } from '../../../src/sim/world/node.js';
import { buildHostileModule } from '../../fuzz/hostile.js';

/** All together; WARDEN_HOSTILE_CALLS says another number. */
const CALLS = Number(process.env['WARDEN_HOSTILE_CALLS'] ?? 2_000_000);
/** By one guest, before another begins. */
const CALLS_A_GUEST = 20_000;
const STEPS_MAX = 1_000_000;
const SECRET = 'nobody may read or change this';

/** The runtime, too: it may do to files whatever its caller may, so that only the kernel, handles and processes are held against it. */
const ATTACKED: readonly ProgramName[] = [...PROGRAM_NAMES, RUNTIME_NAME];

const paths: Readonly<Record<ProgramName, readonly string[]>> = {
  wshd: ['--run', '/own/run', '--lib', '/own/lib', '--root', '/own/job'],
  wsh: ['--socket', '/own/run/wshd.sock', 'true'],
  'iomux-spawn': ['/own/job', '/bin/true'],
  'iomux-link': ['-w', '/own/cursor', '/own/job'],
  oom: ['/own/group'],
  monitor: ['-b', '/own/job', '-c', 'one', '--exit-dir=/own/run', '-l', 'k8s-file:/own/log', '-p', '/own/pid', '-r', '/bin/true'],
  'warden-runtime': ['--root', '/own/run', 'run', '--bundle', '/own/job', 'one'],
};

const hostile = suite('a hostile guest in the simulated kernel');
const built = await loadPrograms(), module = readFileSync(await buildHostileModule());

/** One guest's calls, and what stands around it after them. */
function attack(programs: Programs, name: ProgramName, seed: number): number {
  let calls = 0;
  using world = new World({ programs, seed, stepsMax: STEPS_MAX, observers: [{ call: () => { calls++; } }] });
  for (const directory of ['run', 'lib', 'job', 'group']) world.files.directory(`/own/${directory}`);
  world.files.write('/run/canary/file', SECRET);
  world.files.write('/etc/shadow', SECRET);
  world.files.directory('/run/canary/directory');
  const canary = world.start(['/bin/script', '-c', 'hang']);
  const guest = world.start([name, String(seed), String(CALLS_A_GUEST), ...paths[name]], { cwd: '/own' });
  world.run(() => guest.ended);
  const words = `${name}, seed ${seed}`;
  assert.ok(guest.ended, `${words} does not end`);
  assert.is(guest.process.descriptors.count, 0, words);
  if (name === RUNTIME_NAME) return calls;
  for (const path of ['/run/canary/file', '/etc/shadow']) assert.is(new TextDecoder().decode(world.files.read(path)), SECRET, words);
  // wshd may enter any root, and make the directory mnt there.
  const names = world.files.list('/run/canary').filter((each) => name !== 'wshd' || each !== 'mnt');
  assert.equal(names, ['file', 'directory'], words);
  assert.not(canary.ended, words);
  return calls;
}

for (const name of ATTACKED) {
  hostile(`as ${name} reaches nothing but its own`, () => {
    const hostiles = built.with(name, module);
    let calls = 0;
    for (let seed = 1; calls < CALLS / Object.keys(paths).length; seed++) calls += attack(hostiles, name, seed);
    console.log(`  ${calls} calls`);
  });
}

hostile.run();
