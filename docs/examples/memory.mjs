// A command that uses more memory than its container may.
import { once } from 'node:events';
import { Container } from 'warden-wasm';

const container = await Container.create({ depot: process.env.WARDEN_DEPOT, memoryBytes: 32 << 20, ephemeral: true });
const watch = container.watchOom(), outOfMemory = once(watch, 'oom');

await container.exec(['sh', '-c', 'head -c 200M /dev/zero | tail']).result;
const [{ limitBytes, peakBytes }] = await outOfMemory;
console.log(`out of memory: limit ${limitBytes}, peak ${peakBytes <= limitBytes ? 'within it' : 'above it'}`);
console.log(`killed for it: ${(await container.memory()).oomKills > 0}`);
watch.close();

await container.destroy();
