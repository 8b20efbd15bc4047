// A container, one command in it, and its output: the example of README.md.
import { Container } from 'warden-wasm';

const container = await Container.create({ memoryBytes: 64 << 20 });
const { exitCode, stdout } = await container.exec(['hostname']).output();
console.log(`exit code ${exitCode}, output ${stdout}`);
await container.destroy();
