// Failures, and how a program distinguishes them.
import { Container, WardenError } from 'warden-wasm';

const print = (error) => {
  if (!(error instanceof WardenError)) throw error;
  const why = ['isUsage', 'isNotFound', 'isEnded', 'isAborted', 'timedOut'].filter((name) => error[name]);
  console.log(`${error.code} (${why}): ${error.message.split(/[;:,]/)[0]}`);
};

await Container.create({ id: 'an id with spaces' }).catch(print);
await Container.open('/nowhere').catch(print);

const container = await Container.create({ depot: process.env.WARDEN_DEPOT, ephemeral: true });
await container.exec(['true'], { workdir: '' }).result.catch(print);
await container.exec(['sleep', '60'], { signal: AbortSignal.timeout(100) }).result.catch(print);
await container.exec(['nosuch']).result.catch(print);

process.kill((await container.info()).pid, 'SIGKILL');
while ((await container.info()).state === 'serving') await new Promise((resolve) => { setTimeout(resolve, 10); });
await container.exec(['true']).result.catch(print);

await container.destroy();
