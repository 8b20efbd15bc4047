/** One hostile guest in the Node host: PROGRAM SEED CALLS PATH…. Exit code 3 when something of the host's was reached. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProgramName } from '../../src/boundary/programs.js';
import { type Instance, instantiateModule } from '../../src/host/instance.js';
import { HOSTILE_MODULE } from './hostile.js';

/** What Node itself has open, by number; the guest's own come and go beside it. */
function descriptors(): Map<string, string> {
  const entries: [string, string][] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      entries.push([fd, readlinkSync(`/proc/self/fd/${fd}`)]);
    } catch {
      // The descriptor that listed the directory.
    }
  }
  return new Map(entries);
}

const [program = '', ...args] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(HOSTILE_MODULE));
// libuv opens some of its own with the first instance.
const first: Instance = instantiateModule(module, program as ProgramName, { argv: [program, '0', '0'], stdio: [0, 1, 2], signals: 'call' });
await first.exited;
const before = descriptors(), directory = process.cwd(), mask = process.umask();
const memory = Buffer.alloc(1 << 20, 0x5a);
await instantiateModule(module, program as ProgramName, { argv: [program, ...args], stdio: [0, 1, 2], signals: 'call' }).exited;
await new Promise((resolve) => { setTimeout(resolve, 50); });

const after = descriptors();
for (const [fd, target] of before) if (after.get(fd) !== target) fail(`descriptor ${fd} was ${target} and is ${after.get(fd) ?? 'closed'}`);
for (const [fd, target] of after) if (!before.has(fd)) fail(`descriptor ${fd} is left: ${target}`);
if (process.cwd() !== directory) fail(`the current directory is ${process.cwd()}`);
if (process.umask() !== mask) fail('the umask is another');
if (memory.some((byte) => byte !== 0x5a)) fail('memory of another was changed');

function fail(words: string): never {
  console.error(`${program}: ${words}`);
  process.exit(3);
}
