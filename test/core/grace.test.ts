/** SIGTERM, a grace, SIGKILL: on processes that there are not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { killAfterGrace } from '../../src/linux/grace.js';

const test = suite('core: the grace between two signals');

/** The signals, in order, that a process gets which ends by SIGKILL; each look at it takes so long. */
async function signals(graceMs: number, lookMs: number): Promise<string[]> {
  const sent: string[] = [];
  await killAfterGrace<true>({
    graceMs, signal: undefined,
    look: async () => {
      await sleep(lookMs);
      return sent.includes('SIGKILL') ? undefined : true;
    },
    send: (_, signal) => { sent.push(signal); },
    late: () => new Error('late'),
  });
  return [...new Set(sent)];
}

test('a look that takes longer than the grace does not take SIGTERM away', async () => {
  assert.equal(await signals(5, 20), ['SIGTERM', 'SIGKILL']);
  assert.equal(await signals(30, 0), ['SIGTERM', 'SIGKILL']);
});

test('without a grace there is SIGKILL at once', async () => assert.equal(await signals(0, 0), ['SIGKILL']));

test.run();
