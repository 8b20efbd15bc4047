/** What the library does about cgroups, one line of JSON each; for a machine that has them of version 2 (version2.test.ts). */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Container, type OomEvent } from '../../src/index.js';

const LIMIT_BYTES = 6 << 20, BEFORE_BYTES = 64 << 20, SHARES = 2_048;

function tell(what: string, value: unknown): void { console.log(`${what}: ${JSON.stringify(value)}`); }

const container = await Container.create({ id: 'second', memoryBytes: BEFORE_BYTES, cpuShares: 512 });
const { memory, cpu, processes } = await container.info();
const cgroup = memory!.cgroup;
const content = (file: string): string => readFileSync(`${cgroup}/${file}`, 'utf8').trim();

tell('made', [memory!.version, memory!.limitBytes, memory!.oomKills, cpu!.version, cpu!.cgroup === cgroup]);
tell('its init is in it', content('cgroup.procs') === String(processes[0]!.pid));
await container.limitMemory(LIMIT_BYTES);
await container.limitCpu(SHARES);
tell('limited', [content('memory.max') === String(LIMIT_BYTES), (await container.memory())!.limitBytes === LIMIT_BYTES]);
// Converted to a weight and back, shares come back rounded.
tell('shares', [content('cpu.weight'), Math.abs((await container.cpu())!.shares! - SHARES) < 30]);

const watch = container.watchOom(), told = once(watch, 'oom');
const { exitCode, signal } = await container.exec(['sh', '-c', 'head -c 100000000 /dev/zero | tail'], { stdio: 'ignore' }).result;
// The kernel takes tail, or the shell that waits for it.
tell('killed', exitCode === 137 || signal === 'SIGKILL');
const [event] = await told as [OomEvent];
tell('told', [event.cgroup === cgroup, event.limitBytes === LIMIT_BYTES, event.peakBytes! > LIMIT_BYTES / 2]);
tell('counted', [(await container.memory())!.oomKills, (await container.cpu())!.usageMs > 0]);
await container.limitMemory(Infinity);
tell('unlimited', [content('memory.max'), (await container.memory())!.limitBytes]);

const end = once(watch, 'end');
await container.destroy();
tell('end', await end);
