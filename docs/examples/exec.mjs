// Commands in a container: their output, their input, their streams, their end.
import { Container } from 'warden-wasm';

const container = await Container.create({ depot: process.env.WARDEN_DEPOT, hostname: 'example', ephemeral: true });

const { exitCode, stdout } = await container.exec(['sh', '-c', 'echo hello from $(hostname); exit 7']).output();
console.log(`${stdout}exit code ${exitCode}`);

const sorted = await container.exec(['sort'], { user: 'vcap', input: 'pear\napple\n' }).output();
console.log(String(sorted.stdout).trimEnd());

const counting = container.exec(['seq', '3']);
for await (const piece of counting.stdout) process.stdout.write(`piece: ${String(piece).replaceAll('\n', ' ')}\n`);
console.log((await counting.result).exitCode);

console.log((await container.exec(['sh', '-c', 'kill -9 $$']).result).signal);
console.log((await container.exec(['sleep', '60'], { timeoutMs: 100 }).result).timedOut);

await container.destroy();
