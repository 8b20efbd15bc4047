/** The library, and `warden run --memory`, where the controllers are on cgroup version 2: limits, usage, memory that runs out. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { main } from '../cli/help.js';
import { boot, noMachine } from '../support/machine.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const second = suite('the library on cgroup version 2');
const test = unless(noMachine, second);
const GUEST = fileURLToPath(new URL('./version2-guest.js', import.meta.url));
const { path, remove } = scratch();
second.after(remove);

test('limits, counts, and tells when memory runs out', async () => {
  const lines = await boot(path, `
mount -t tmpfs tmpfs /run
${process.execPath} ${GUEST}
echo "exit code $?"
${process.execPath} ${main} run --userns host --memory 6M -- sh -c 'head -c 100000000 /dev/zero | tail'
echo "exit code $?"
echo "left:" /run/warden/* /sys/fs/cgroup/*/`);
  assert.equal(lines, [
    'made: [2,67108864,0,2,true]',
    'its init is in it: true',
    'limited: [true,true]',
    'shares: ["79",true]',
    'killed: true',
    'told: [true,true,true]',
    'counted: [1,true]',
    'unlimited: ["max",null]',
    'end: ["removed"]',
    'exit code 0',
    'warden run: out of memory: the command was killed; the limit is 6 MiB, the most that was used is 6 MiB (--memory)',
    'exit code 137',
    'left: /run/warden/* /sys/fs/cgroup/*/',
  ]);
});

second.run();
