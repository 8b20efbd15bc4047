/** How exposed a container is: the points of docs/security.md, and what containers of each kind have. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXPOSURES } from '../../src/core/container/in-force.js';
import { Container, type ContainerOptions, type InForce } from '../../src/index.js';
import { DEFAULT_CAPABILITIES } from '../../src/linux/filter.js';
import { source } from '../boundary/sources.js';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const exposure = suite('core: what is in force');
const { path: depot, remove } = scratch();
exposure.after(remove);

exposure('the page has the points of the code, and together they are ten', () => {
  const [, table = ''] = /<!-- exposure -->\n([^]*?)\n<!-- end of exposure -->/.exec(source('docs/security.md')) ?? [];
  const rows = table.split('\n').slice(2).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
  assert.equal(rows, EXPOSURES.map(([tenths, reason]) => [reason, (tenths / 10).toFixed(1)]));
  assert.is(EXPOSURES.reduce((sum, [tenths]) => sum + tenths, 0), 100);
});

async function inForce(options: ContainerOptions): Promise<InForce> {
  const container = await Container.create({ depot, ...options });
  try {
    return (await container.info()).inForce!;
  } finally {
    await container.destroy();
  }
}

unless(noContainers, exposure)('a container by default lacks limits, and its root can be written to', async () => {
  const { exposure: { score, reasons }, capabilities, filtered, masked, readOnlyRoot, devices, namespaces } = await inForce({});
  assert.equal([filtered, masked, readOnlyRoot, devices], [true, true, false, 'usual']);
  assert.equal([...capabilities].sort(), [...DEFAULT_CAPABILITIES].sort());
  assert.equal(namespaces, ['cgroup', 'ipc', 'mount', 'network', 'pid', 'user', 'uts']);
  assert.equal([score, reasons], [0.7, ['no limit of memory', 'a root that it can write to', 'no limit of processor time']]);
});

unless(noContainers, exposure)('a container with everything asked for is closed', async () => {
  const closed = { memoryBytes: 32 << 20, cpus: 1.5, pidsLimit: 77, readOnly: true, capDrop: ['ALL'] } as const;
  const found = await inForce(closed);
  assert.equal(found.limits, { memoryBytes: closed.memoryBytes, pids: closed.pidsLimit, cpus: closed.cpus });
  assert.equal([found.exposure, found.capabilities], [{ score: 0, reasons: [] }, []]);
});

unless(noContainers, exposure)('a privileged container is open', async () => {
  const { exposure: { score }, filtered, masked, namespaces } = await inForce({ privileged: true, pidsLimit: Infinity });
  assert.equal([filtered, masked, namespaces.includes('user')], [false, false, false]);
  assert.ok(score > 8, `${score}`);
});

exposure.run();
