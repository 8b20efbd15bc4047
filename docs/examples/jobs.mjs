// A job that outlives the process that started it. Its second link continues where the first stopped.
import { Container } from 'warden-wasm';

const container = await Container.create({ depot: process.env.WARDEN_DEPOT });
const { id } = await container.spawn(['sh', '-c', 'for i in 1 2 3 4; do echo line $i; sleep 0.2; done; exit 42'], { start: 'linked' });

// Any process may pick both up, by the container's directory and the job's id.
const job = await (await Container.open(container.directory)).job(id);
const first = job.link();
for await (const piece of first.stdout) {
  console.log(`first link: ${String(piece).trimEnd()}`);
  break;
}
await first.stop();

const second = job.link({ cursors: first.cursors });
for await (const rest of second.stdout) process.stdout.write(`second link: ${rest}`);
console.log(`exit code ${(await second.result).exitCode}`);

await container.destroy();
