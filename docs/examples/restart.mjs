// A job whose output is followed across restarts of this program, and what became of its memory. node restart.mjs [SECONDS]
import { Container } from 'warden-wasm';

const depot = process.env.WARDEN_DEPOT ?? '/run/warden', name = 'counter', script = 'seq 6; head -c 200M /dev/zero | tail; exit 3';
await Container.sweep(depot);
const container = await Container.open(`${depot}/${name}`).catch(() => Container.create({ depot, name, memoryBytes: 64 << 20 }));
const watch = container.watchOom();
watch.on('oom', ({ limitBytes, peakBytes }) => console.log(`out of memory: limit ${limitBytes}, peak ${peakBytes}`));
const [job = await container.spawn(['sh', '-c', `sleep 1; ${script}`])] = await container.jobs();
const link = job.link({ cursors: `${name}.${job.id}.cursors` });
setTimeout(() => link.stop(), Number(process.argv[2] ?? 60) * 1000).unref();
for await (const piece of link.stdout) process.stdout.write(piece);
const { exitCode, stopped } = await link.result;
console.log(stopped ? 'to be continued' : `the job exited with ${exitCode}`);
if (!stopped) await container.destroy();
watch.close();
