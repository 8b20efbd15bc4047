/**
 * Random values for every argument of the library's, and threads that end at random moments. Nothing aborts, hangs, throws at once or fails
 * with another error than a WardenError. The seed is in each message; WARDEN_TEST_SEED repeats it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Container, Execution, type Job, JobLink, OomWatch, run as runContainer, WardenError } from '../../src/index.js';
import { Random } from '../../src/sim/kernel/random.js';
import { DEADLINE_MS, run } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, noContainers } from './help.js';

const anything = suite('the library takes anything');
const test = unless(noContainers, anything);
const GUEST = fileURLToPath(new URL('./worker-guest.js', import.meta.url));
const SEED = Number(process.env['WARDEN_TEST_SEED'] ?? Date.now() % 2 ** 31);
const CALLS = 600;

const depot = new Depot();
let container: Container, job: Job;
const unhandled: unknown[] = [];
const noteUnhandled = (error: unknown): void => { unhandled.push(error); };

if (!noContainers) {
  anything.before(async () => {
    container = await depot.create();
    job = await container.spawn(['sleep', '1000']);
    process.on('unhandledRejection', noteUnhandled);
  });
  anything.after(async () => {
    process.off('unhandledRejection', noteUnhandled);
    await container.destroy();
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
}

const VALUES: readonly (() => unknown)[] = [
  () => null, () => true, () => 0, () => -1, () => 1.5, () => NaN, () => Infinity, () => 2 ** 31, () => 2 ** 53, () => 10n,
  () => '', () => 'x', () => 'a\0b', () => '\ud800', () => 'y'.repeat(100_000), () => '/', () => '../..', () => Symbol('s'), () => () => 1,
  () => [], () => [[]], () => ['true', 5], () => [undefined], () => new Array<unknown>(3), () => ['sh', '-c', 'exit 3'],
  () => ({}), () => ({ nosuch: 1 }), () => Object.create(null) as unknown, () => new Map(), () => new Date(), () => Buffer.from('b'),
  () => new Uint8Array(8), () => AbortSignal.abort(), () => AbortSignal.timeout(5), () => new Error('e'), () => Promise.resolve(),
  () => 'SIGUSR1', () => 'pipe', () => 'ignore', () => ({ rows: 1, columns: 1 }), () => ({ path: '/nonexistent/log' }), () => ({ stdout: 1 }),
  () => [{ source: 'y'.repeat(5_000), target: '/x' }], () => ({ upper: 'y'.repeat(5_000), work: '/' }), () => [{ target: '/y', bytes: 1 }],
];
/** Names that some options have, so that wrong values reach their checks. */
const NAMES = [
  'user', 'lang', 'limits', 'tty', 'timeoutMs', 'signal', 'input', 'stdio', 'id', 'start', 'ringBytes', 'slowReader', 'lingerSeconds', 'log',
  'stdin', 'hostname', 'root', 'binds', 'memoryBytes', 'cpuShares', 'cpus', 'pidsLimit', 'rootBytes', 'shmBytes', 'tmpfs', 'capAdd', 'capDrop',
  'seccomp', 'userns', 'cursors', 'graceMs', 'maxBytes', 'follow', 'since', 'tail', 'sweep', 'etc', 'layer', 'cgroup', 'onNote', 'env',
];

class Caller {
  constructor(private readonly random: Random) {}

  private pick<Item>(items: readonly Item[]): Item { return items[this.random.below(items.length)]!; }
  value(): unknown { return this.pick(VALUES)(); }

  /** Options of which one or two are anything, or anything in their place. */
  options(fixed: object = {}): unknown {
    if (this.random.below(6) === 0 && Object.keys(fixed).length === 0) return this.value();
    const names = Array.from({ length: 1 + this.random.below(2) }, () => this.pick(NAMES));
    return { ...Object.fromEntries(names.map((name) => [name, this.value()])), ...fixed };
  }

  argv(): unknown { return this.random.below(2) === 0 ? this.value() : ['true', ...(this.random.below(2) === 0 ? [this.value()] : [])]; }
}

type Call = (caller: Caller) => unknown;
const any = (value: unknown): never => value as never;

/** Depots are always given: the default one is not this test's. */
const CALLS_OF: Readonly<Record<string, Call>> = {
  'Container.create': (caller) => Container.create(any(caller.options({ depot: depot.path }))),
  'Container.open': (caller) => Container.open(any(caller.value())),
  'Container.list': (caller) => Container.list(any(caller.value())),
  'run': (caller) => runContainer(any(caller.argv()), any(caller.options({ depot: depot.path, stdin: 'ignore', tty: false, timeoutMs: 2_000 }))),
  'exec': (caller) => container.exec(any(caller.argv()), any(caller.options())),
  'exec, output': (caller) => container.exec(['true'], any(caller.options())).output(any(caller.options())),
  'exec, kill': (caller) => container.exec(['true']).kill(any(caller.value())),
  'spawn': (caller) => container.spawn(any(caller.argv()), any(caller.options({ lingerSeconds: 0 }))),
  'job': (caller) => container.job(any(caller.value())),
  'job.link': (caller) => job.link(any(caller.options({ stdio: 'ignore' }))),
  'job.link, output': (caller) => job.link({ stdio: 'ignore' }).output(any({ maxBytes: caller.value(), nosuch: 1 })),
  'job.kill': (caller) => job.kill(any(caller.value())),
  'job.stop': (caller) => job.stop(any({ ...Object(caller.options()) as object, nosuch: 1 })),
  'job.wait': (caller) => job.wait(any({ signal: caller.value() })),
  'job.logs': async (caller) => { for await (const line of job.logs(any(caller.options()))) void line; },
  'copyIn': (caller) => container.copyIn('/nonexistent/x', any(caller.value()), any(caller.options())),
  'copyOut': (caller) => container.copyOut(any(caller.value()), '/nonexistent/x', any(caller.options())),
  'watchOom': (caller) => container.watchOom(any(caller.options())),
  'limitMemory': (caller) => container.limitMemory(any(caller.value())),
  'limitCpu': (caller) => container.limitCpu(any(caller.value())),
  'kill': (caller) => container.kill(any(caller.value())),
  'stop': (caller) => container.stop(any({ ...Object(caller.options()) as object, nosuch: 1 })),
};

/** Ends what a call has started; fulfilled when its result is settled. */
async function settle(started: unknown): Promise<void> {
  const value = await started;
  if (value instanceof Container) await value.destroy();
  else if (value instanceof Execution) {
    value.stdin?.end();
    value.stdout?.resume();
    value.stderr?.resume();
    await value.result;
  } else if (value instanceof JobLink) await value.stop();
  else if (value instanceof OomWatch) {
    const ended = new Promise((resolve, reject) => { value.once('end', resolve).once('error', reject); });
    value.close();
    await ended;
  }
}

test(`every call is fulfilled, or rejected with a WardenError: seed ${SEED}`, async () => {
  const caller = new Caller(new Random(SEED)), names = Object.keys(CALLS_OF), counts = { fulfilled: 0, USAGE: 0, other: 0 };
  for (let count = 0; count < CALLS; count++) {
    const name = names[count % names.length]!, at = `call ${count}, ${name}, seed ${SEED}`;
    let started: unknown;
    assert.not.throws(() => { started = CALLS_OF[name]!(caller); }, undefined, `${at} throws at once`);
    const settled = settle(started).then(() => undefined, (error: unknown) => error);
    const outcome = await Promise.race([settled, sleep(DEADLINE_MS, 'late', { ref: false })]);
    assert.is.not(outcome, 'late', `${at} is not settled within ${DEADLINE_MS} ms`);
    if (outcome === undefined) counts.fulfilled++;
    else {
      assert.instance(outcome, WardenError, `${at}: ${inspect(outcome).slice(0, 1000)}`);
      counts[(outcome as WardenError).isUsage ? 'USAGE' : 'other']++;
    }
    if (!await isRunning()) job = await container.spawn(['sleep', '1000']);
  }
  assert.equal(unhandled, [], `seed ${SEED}`);
  assert.ok(counts.USAGE > CALLS / 4 && counts.fulfilled > CALLS / 20, JSON.stringify(counts));
});

/** A signal may have ended the job. */
async function isRunning(): Promise<boolean> { return (await job.info()).state === 'running'; }

test(`threads end in the middle of anything, and the process goes on: seed ${SEED}`, async () => {
  const argv = [process.execPath, GUEST, depot.path, container.id, String(SEED), '24'];
  const { stdout, stderr, code, signal } = await run(argv, { timeoutMs: 2 * DEADLINE_MS });
  assert.equal([stdout.toString(), stderr, code, signal], ['the process is alive\n', '', 0, null], `seed ${SEED}`);
});

anything.run();
