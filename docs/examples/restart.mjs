// A job whose output is followed across restarts of this program, and a report of its memory. node restart.mjs [SECONDS]
import { Container } from 'warden-wasm';

const depot = process.env.WARDEN_DEPOT ?? '/run/warden', name = 'counter', script = 'seq 6; head -c 200M /dev/zero | tail; exit 3';
await Container.sweep(depot);
const container = await Container.open(`${depot}/${name}`).catch(() => Container.create({ depot, id: name, memoryBytes: 64 << 20 }));
const [job = await container.spawn(['sh', '-c', `sleep 1; ${script}`])] = await container.jobs();
const link = job.link({ cursors: `${name}.${job.id}.cursors` });
setTimeout(() => link.stop(), Number(process.argv[2] ?? 60) * 1000).unref();
for await (const piece of link.stdout) process.stdout.write(piece);
const { exitCode, stopped } = await link.result;
if (stopped) {
  console.log('to be continued');
} else {
  // The kernel counts: an event between two runs would be missed by watchOom(), which reports from its start on.
  const { oomKills, limitBytes, peakBytes } = await container.memory();
  if (oomKills > 0) console.log(`out of memory: limit ${limitBytes}, peak ${peakBytes}`);
  console.log(`the job exited with ${exitCode}`);
  await container.destroy();
}
