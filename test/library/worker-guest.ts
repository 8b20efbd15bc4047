/**
 * Threads that end in the middle of the library's work: `worker-guest.js DEPOT ID SEED THREADS`. Each thread starts work on the container and
 * then is terminated, exits, or fails. The main thread prints a line when all threads have ended.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Container, type Job } from '../../src/index.js';
import { Random } from '../../src/sim/kernel/random.js';

interface Task { readonly directory: string; readonly seed: number }

/** Longest time from the start of a thread's work to its end. */
const LIFE_MS_MAX = 400;

const WORK: readonly ((container: Container, job: Job) => unknown)[] = [
  (container) => container.exec(['sleep', '30']).result,
  (container) => container.exec(['sleep', '30'], { stdio: 'ignore' }).result,
  (container) => container.exec(['cat'], { tty: true, timeoutMs: 200 }).result,
  (container) => container.exec(['yes']).output({ maxBytes: Infinity }),
  (container) => container.exec(['yes'], { tty: true }).stdout!.resume(),
  async (container) => { for (;;) await container.exec(['true']).result; },
  async (container) => { for (;;) await Promise.all(Array.from({ length: 20 }, () => container.exec(['sh', '-c', 'echo x; sleep .02']).output())); },
  (_, job) => job.link().result,
  (_, job) => { job.link().stdout!.resume(); },
  async (_, job) => { for (;;) await job.link({ stdio: 'ignore' }).stop(); },
  (container) => container.watchOom(),
  (container) => container.spawn(['sleep', '30'], { start: 'linked' }),
  (container) => Container.create({ depot: container.directory.replace(/[^/]*$/, 'more'), ephemeral: true }),
  (container) => container.stop({ graceMs: 0 }),
  async (container) => { for (;;) await container.info(); },
];

async function work({ directory, seed }: Task): Promise<void> {
  const random = new Random(seed), container = await Container.open(directory), [job] = await container.jobs();
  for (let count = 1 + random.below(4); count > 0; count--) {
    void Promise.resolve(WORK[random.below(WORK.length)]!(container, job!)).catch(() => undefined);
  }
  const way = random.below(3);
  await sleep(random.below(LIFE_MS_MAX));
  if (way === 0) process.exit(3);
  if (way === 1) throw new Error('the end');
}

async function main([depot, id, seed, threads]: string[]): Promise<void> {
  const random = new Random(Number(seed));
  await Promise.all(Array.from({ length: Number(threads) }, async () => {
    const task: Task = { directory: `${depot}/${id}`, seed: random.below(2 ** 31) };
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: task });
    worker.on('error', () => undefined);
    const ended = once(worker, 'exit');
    await Promise.race([ended, sleep(100 + random.below(LIFE_MS_MAX))]);
    await worker.terminate();
    await ended;
  }));
  console.log('the process is alive');
}

if (isMainThread) await main(process.argv.slice(2));
else await work(workerData as Task);
