// A shell at a pty, typed at and resized by a program.
import { Container } from 'warden-wasm';

const container = await Container.create({ depot: process.env.WARDEN_DEPOT, ephemeral: true });

const shell = container.exec(['sh'], { tty: { rows: 24, columns: 80 } });
let shown = '';
shell.stdout.setEncoding('utf8').on('data', (text) => { shown += text; });
const shows = async (text) => { while (!shown.includes(text)) await new Promise((resolve) => { shell.stdout.once('data', resolve); }); };

shell.stdin.write('echo "size: $(stty size)"\n');
await shows('size: 24 80');
shell.resize({ rows: 50, columns: 132 });
shell.stdin.write('echo "size: $(stty size)"; exit 5\n');
await shows('size: 50 132');
console.log(`the shell saw both sizes, and exited with ${(await shell.result).exitCode}`);

await container.destroy();
