import { randomInt } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadMarked } from '../../../src/sim/campaign/instrumented.js';
import { traceOf } from '../../../src/sim/campaign/batch.js';
import { faultsOf, type Failure } from '../../../src/sim/campaign/summary.js';
import { runSwarm, type SwarmResult } from '../../../src/sim/campaign/swarm.js';

const FIXED = 5_000, FRESH = 1_000, FRESH_MAX = 2 ** 47;

const swarm = suite('the swarm');

function describe({ seed, check, words, context }: Failure): string {
  return `seed ${seed}: ${check}: ${words} (warden sim --seed ${seed} --trace)\n${context}`;
}

async function holds(first: number, count: number): Promise<SwarmResult> {
  const result = await runSwarm({ first, count, failuresMax: 3 });
  assert.is(result.failures.length, 0, result.failures.map(describe).join('\n\n'));
  assert.is(result.scenarios, count);
  return result;
}

swarm(`${FIXED} fixed seeds hold, and faults of every kind are among them`, async () => {
  const result = await holds(0, FIXED);
  console.log(`  ${Math.round(result.scenarios / result.seconds / result.workers)} scenarios a second and thread`);
  assert.ok(faultsOf(result) > FIXED / 4, `${faultsOf(result)} faults`);
  for (const kind of ['errno', 'kill', 'stall', 'jump']) assert.ok((result.faults[kind] ?? 0) > 100, kind);
});

swarm('seeds that found something hold', async () => {
  const found = [10_888, 17_240, 18_969, 19_302, 34_836];
  for (const seed of found) await holds(seed, 1);
});

swarm(`${FRESH} fresh seeds hold`, async () => {
  const first = randomInt(FRESH_MAX);
  console.log(`  seeds ${first} to ${first + FRESH - 1}`);
  await holds(first, FRESH);
});

swarm('the same seed gives the same run, event by event', async () => {
  const programs = await loadMarked();
  for (const seed of [1, 14, 38]) assert.is(traceOf(programs, seed), traceOf(programs, seed), `seed ${seed}`);
});

swarm('an interrupted run ends with what there is so far', async () => {
  const interrupt = new AbortController();
  const result = await runSwarm({ first: 0, count: 100_000, signal: interrupt.signal, onProgress: () => interrupt.abort() });
  assert.ok(result.scenarios > 0 && result.scenarios < 100_000);
  assert.equal(result.failures, []);
});

swarm.run();
