import { readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { noContainers, startContainer } from '../../support/container.js';
import { descriptorsAtRest, descriptorsOf, run, until } from '../../support/process.js';
import { requestBytes } from '../../support/raw.js';
import { unless } from '../../support/skip.js';

/** WARDEN_TEST_REQUESTS=1000000 asks for the million; that takes some ten minutes. */
const REQUESTS = Number(process.env.WARDEN_TEST_REQUESTS ?? 20_000);
const DEADLINE_MS = 850_000;

const endurance = suite('wshd for a long time');
const test = unless(noContainers, endurance);

/** What a process takes: address space, and what of it is in memory, in KiB. */
function memoryOf(pid: number): Record<string, number> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Object.fromEntries(['VmSize', 'VmPeak', 'RssAnon', 'VmData'].map((name) => [name, Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1])]));
}

test(`${REQUESTS} requests, of which some are bad: memory and descriptors stay as they were`, async () => {
  const container = await startContainer();
  try {
    const kinds: [name: string, bytes: Buffer, status: number | 'refused'][] = [
      ['run', requestBytes(['true']), 0],
      ['unknown program', requestBytes(['/nowhere']), 255],
      ['unknown user', requestBytes(['true'], { user: 'nobody' }), 255],
      ['bad', Buffer.alloc(9656, 0xff), 'refused'],
    ];
    for (const [name, bytes] of kinds) writeFileSync(`${container.path}/jobs/${name}`, bytes);
    const ask = async (count: number): Promise<void> => {
      const files = kinds.map(([name, , status]) => `${container.path}/jobs/${name}=${status}`);
      const ended = await run(['python3', `${packageRoot}test/programs/wshd/requests.py`, container.socket, String(count), ...files], { timeoutMs: DEADLINE_MS });
      assert.equal([ended.stdout.toString(), ended.stderr], [`${count}\n`, '']);
    };
    await ask(400);
    const [memory, descriptors] = [memoryOf(container.pid), await descriptorsAtRest(container.pid)];
    assert.ok(memory.VmSize! > 0);
    await ask(REQUESTS);
    assert.equal(memoryOf(container.pid), memory);
    await until(() => descriptorsOf(container.pid) === descriptors, 'the descriptors are as before');
    assert.is((await container.wsh(['true'])).code, 0);
  } finally {
    await container.destroy();
  }
});

endurance.run();
