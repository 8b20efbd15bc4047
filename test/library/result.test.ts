/** When a command's result is given: after its output was handed out, and in bounded time, read or not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Container, Execution } from '../../src/index.js';
import { DEADLINE_MS, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const results = suite('the result of a command');
const test = unless(noContainers, results);
const depot = new Depot();
let container: Container;
let before: string[];

if (!noContainers) {
  results.before(async () => {
    container = await depot.create();
    await container.exec(['true']).output();
  });
  results.after(async () => {
    await container.destroy();
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
  results.before.each(async () => { before = await held(); });
  results.after.each(() => holdsOnly(before));
}

/** Waits until a command of this name runs. */
async function runs(where: Container, name: string): Promise<void> {
  await until(async () => (await where.info()).processes.some(({ argv }) => argv[0] === name), `${name} runs`);
}

/** Rejects when the promise is not settled in time. */
async function inTime<Value>(promise: Promise<Value>): Promise<Value> {
  const late = sleep(DEADLINE_MS, undefined, { ref: false }).then(() => { throw new Error(`not settled after ${DEADLINE_MS} ms`); });
  return await Promise.race([promise, late]);
}

const seq = (count: number, options = {}): Execution => container.exec(['seq', String(count)], options);
const bytesOfSeq = (count: number): number => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('').length;

for (const [name, options] of [['pipes', {}], ['a pty', { tty: true }]] as const) {
  test(`listeners have all output when the result comes, with ${name}`, async () => {
    for (const count of [1, 20, 2_000, 100_000]) {
      const execution = seq(count, options);
      let size = 0;
      execution.stdout!.on('data', (piece: Buffer) => { size += piece.length; });
      assert.is((await execution.result).exitCode, 0);
      assert.is(size, bytesOfSeq(count) + ('tty' in options ? count : 0), `${count} lines`);
    }
  });
}

test('a reader that is slower than a second a piece has all output in the end', async () => {
  const execution = seq(60_000), pieces: Buffer[] = [];
  const reading = (async () => {
    for await (const piece of execution.stdout!) {
      pieces.push(piece as Buffer);
      if (pieces.length === 1) await sleep(1_500);
    }
  })();
  assert.is((await execution.result).exitCode, 0);
  await reading;
  assert.is(Buffer.concat(pieces).length, bytesOfSeq(60_000));
});

test('output that nobody reads does not keep the result of a killed command', async () => {
  const execution = container.exec(['yes']);
  await runs(container, 'yes');
  assert.ok(await execution.kill('SIGKILL') > 0);
  assert.is((await inTime(execution.result)).signal, 'SIGKILL');
});

test('nor does a paused stream, which keeps what is left', async () => {
  const execution = container.exec(['sh', '-c', 'head -c 300000 /dev/zero; exec sleep 1000']);
  execution.stdout!.on('data', () => undefined).pause();
  await runs(container, 'sleep');
  await execution.kill('SIGKILL');
  assert.is((await inTime(execution.result)).signal, 'SIGKILL');
  let size = 0;
  for await (const piece of execution.stdout!) size += (piece as Buffer).length;
  assert.is(size, 300_000);
});

test('nor does it keep the result of a command whose container is destroyed', async () => {
  const brief = await depot.create(), execution = brief.exec(['yes']);
  await runs(brief, 'yes');
  await brief.destroy();
  const { exitCode, signal } = await inTime(execution.result);
  assert.equal([exitCode, signal], [null, null]);
});

test('a timeout ends a command whose output nobody reads', async () => {
  assert.ok((await inTime(container.exec(['yes'], { timeoutMs: 200 }).result)).timedOut);
});

test('who reads only after the result has all that was kept', async () => {
  const execution = seq(1_000);
  await execution.result;
  let size = 0;
  for await (const piece of execution.stdout!) size += (piece as Buffer).length;
  assert.is(size, bytesOfSeq(1_000));
});

test('a failure rejects and does not throw, and its streams end', async () => {
  for (const execution of [container.exec('ls' as unknown as string[]), container.exec(['true'], { cwd: '/' } as object)]) {
    const error = await execution.result.catch((reason: unknown) => reason) as { code: string };
    assert.is(error.code, 'USAGE');
    for await (const piece of execution.stdout!) throw new Error(`output: ${String(piece)}`);
    execution.stdin!.end('x');
    execution.resize({ rows: 1, columns: 1 });
    assert.is(await execution.kill(), 0);
    await execution[Symbol.asyncDispose]();
  }
});

results.run();
