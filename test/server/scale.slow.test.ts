/** Many containers, each with a connection of its own, and 64 clients that create, run, stream and destroy at once. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Client } from '../../src/client/index.js';
import { unless } from '../support/skip.js';
import { noServer, remains, startReal } from './support/real.js';

const COUNT = Number(process.env['WARDEN_CONTAINERS'] ?? 80);
const AT_ONCE = 64;

const scale = suite('server scale');
const test = unless(noServer, scale);

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Does the work for 0 to COUNT - 1, 64 at a time, and prints how long it took. */
async function forAll(what: string, work: (index: number) => Promise<void>): Promise<void> {
  const startMs = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (next < COUNT) await work(next++); }));
  console.log(`  ${what}: ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}

async function streamed(client: Client, handle: Uint8Array): Promise<string> {
  const { jobId } = await client.spawn({ handle, script: 'seq 1000; echo end >&2; exit 5' }), stream = client.stream({ handle, jobId });
  const all = { stdout: '', stderr: '' };
  for (;;) {
    const next = await stream.next();
    if (next.done) return `${all.stdout.length} ${all.stderr} ${next.value.exitStatus}`;
    all[next.value.name] += next.value.data.toString();
  }
}

test(`${COUNT} containers and connections, ${AT_ONCE} clients at once`, async () => {
  const server = await startReal({ containers: COUNT + AT_ONCE, logLevel: 'info' });
  try {
    const clients: Client[] = [], handles: Uint8Array[] = [], addresses = new Set<string>();
    await forAll('connect', async (index) => { clients[index] = await server.connect(); });
    await forAll('create', async (index) => { handles[index] = (await clients[index]!.create()).handle; });
    assert.is((await clients[0]!.list()).handles.length, COUNT);
    await forAll('info', async (index) => { addresses.add((await clients[index]!.info({ handle: handles[index]! })).containerIp); });
    assert.is(addresses.size, COUNT, 'each container has an address of its own');
    await forAll('run', async (index) => {
      const { exitStatus, stdout } = await clients[index]!.run({ handle: handles[index]!, script: 'hostname; exit 3' });
      assert.equal([exitStatus, text(stdout)], [3, `${text(handles[index]!)}\n`]);
    });
    await forAll('stream', async (index) => { assert.is(await streamed(clients[index]!, handles[index]!), '3893 end\n 5'); });
    await forAll('destroy', async (index) => { await clients[index]!.destroy({ handle: handles[index]! }); });
    await Promise.all(clients.map((client) => client.close()));
    assert.equal(await remains(server), []);
  } finally {
    await server.close();
  }
});

scale.run();
