/**
 * Random starts, kills and attacks by a user, while others of the same container work. Slow because each of the others' commands is
 * a process: ATTACKS (200) is their number, SEED the choice; what it is, is printed.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { Container } from '../../src/index.js';
import { Random } from '../../src/sim/kernel/random.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const attacked = suite('a container that a user attacks at random');
const { path: directory, remove } = scratch();
const ATTACKS = Number(process.env['ATTACKS'] ?? 200), SEED = Number(process.env['SEED'] ?? Date.now() % 1e6);
const WORKERS = 4, WORK = 100, COMMAND_DEADLINE_MS = 60_000;

/** Scripts of the attacker. All of them end, or are killed with the container. */
const ACTS: readonly string[] = [
  'kill -9 -1', 'kill -STOP -1', 'kill -CONT -1', '/attack/attack stop 1', '/attack/attack stop 1 &', 'kill -STOP $$', 'exit 7',
  'for i in 1 2 3 4 5 6 7 8 9; do sleep 3 & done', 'for i in 1 2 3 4 5 6 7 8 9; do (sleep 1; kill -9 -1) & done',
  'head -c 3000000 /dev/zero', 'head -c 3000000 /dev/zero >&2', 'exec 3<>/dev/ptmx 4<>/dev/ptmx 5<>/dev/ptmx; sleep 1',
  'head -c 9000000 /dev/zero > /dev/shm/$$; rm /dev/shm/$$', 'cat /proc/*/environ /proc/*/maps > /dev/null 2>&1',
  'for pid in /proc/[0-9]*; do kill -USR1 ${pid#/proc/}; done 2> /dev/null', 'ulimit -n 4096; for i in 3 4 5 6 7 8 9; do exec sh -c "sleep 1"; done',
  'kill -9 1; kill -STOP 1; kill -SEGV 1', ': > /proc/1/oom_score_adj; cat /proc/1/mem', 'timeout 1 yes > /dev/null',
];

attacked.before(() => {
  if (noContainers !== undefined) return;
  chmodSync(directory, 0o755);
  execFileSync('cc', ['-static', '-O2', '-o', `${directory}/attack`, `${packageRoot}test/containers/attack.c`]);
});
attacked.after(remove);

/** Commands of the others, one after the other; how long each took, in milliseconds. */
async function work(container: Container, worker: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < WORK / WORKERS; round++) {
    const word = `${worker}-${round}`, code = round % 7, start = performance.now();
    const { exitCode, stdout } = await container.exec(['sh', '-c', `echo ${word}; exit ${code}`], { timeoutMs: COMMAND_DEADLINE_MS }).output();
    times.push(performance.now() - start);
    assert.equal([exitCode, stdout.toString()], [code, `${word}\n`]);
  }
  return times;
}

/** Starts an act now and then, and ends some of the earlier ones, until all are started. */
async function attack(container: Container, random: Random): Promise<void> {
  const running = new Set<ReturnType<Container['exec']>>();
  for (let left = ATTACKS; left > 0; left--) {
    const act = container.exec(['sh', '-c', random.pick(ACTS)], { user: 'vcap', timeoutMs: COMMAND_DEADLINE_MS });
    running.add(act);
    // What becomes of the attacker is not what is tested.
    void act.output().then(() => undefined, () => undefined).then(() => running.delete(act));
    if (random.chance(0.3)) await random.pick([...running]).kill('SIGKILL').catch(() => undefined);
    if (running.size > 20) await act.result.catch(() => undefined);
  }
}

function p99(times: readonly number[]): string { return `${[...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!.toFixed(0)} ms`; }

unless(noContainers, attacked)('no command of others has a wrong result', async () => {
  const container = await Container.create({ depot: `${directory}/depot`, binds: [{ source: directory, target: '/attack', readOnly: true }] });
  try {
    const { pid } = await container.info(), workers = Array.from({ length: WORKERS }, (_, index) => index);
    const quiet = (await Promise.all(workers.map((index) => work(container, index)))).flat();
    const attacks = attack(container, new Random(SEED));
    const busy = (await Promise.all(workers.map((index) => work(container, index)))).flat();
    await attacks;
    console.log(`  SEED=${SEED}: ${ATTACKS} attacks; p99 of a command ${p99(quiet)} without, ${p99(busy)} with them`);
    await work(container, WORKERS);
    assert.is((await container.info()).pid, pid);
  } finally {
    await container.destroy();
  }
});

attacked.run();
