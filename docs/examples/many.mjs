// A hundred commands at once, no process on the host for any of them; and a job that twenty links follow.
import { Container } from 'warden-wasm';

const container = await Container.create({ depot: process.env.WARDEN_DEPOT, ephemeral: true });

const squares = await Promise.all(Array.from({ length: 100 }, async (_, n) => {
  const { stdout } = await container.exec(['expr', String(n), '*', String(n)]).output();
  return Number(stdout);
}));
console.log(`sum of the squares: ${squares.reduce((sum, square) => sum + square, 0)}`);

const job = await container.spawn(['seq', '1000'], { start: 'linked' });
const sizes = await Promise.all(Array.from({ length: 20 }, async () => {
  let size = 0;
  for await (const piece of job.link().stdout) size += piece.length;
  return size;
}));
console.log(`bytes that the links got: ${[...new Set(sizes)].join(', ')}`);

await container.destroy();
