import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate, type InstanceOptions } from '../../src/host/instance.js';
import { FakeWshd } from './fake-wshd.js';
import { fifo, holdsOnly, openDescriptors, temporaryDirectory } from './help.js';

const wsh = suite('wsh in the Node host');
const directory = temporaryDirectory();
let serial = 0;

/** Runs wsh with files for its stdio. */
async function run(argv: string[], input = '', options: Partial<InstanceOptions> = {}): Promise<[number, string, string]> {
  const name = `${directory}/${serial++}`;
  writeFileSync(`${name}.in`, input);
  const stdio = [openSync(`${name}.in`, 'r'), openSync(`${name}.out`, 'w'), openSync(`${name}.err`, 'w')] as const;
  try {
    const code = await instantiate('wsh', { argv: ['wsh', ...argv], stdio, ...options }).exited;
    return [code, readFileSync(`${name}.out`, 'utf8'), readFileSync(`${name}.err`, 'utf8')];
  } finally {
    for (const fd of stdio) closeSync(fd);
  }
}

async function withWshd<Result>(command: string, use: (socket: string) => Promise<Result>): Promise<Result> {
  const socket = `${mkdtempSync(`${directory}/`)}/wshd.sock`;
  const wshd = new FakeWshd(socket, command);
  try {
    return await use(socket);
  } finally {
    wshd.close();
  }
}

wsh('runs a command and ends with its exit code', async () => {
  const result = await withWshd('cat; echo oops >&2; exit 42', (socket) => run(['--socket', socket, 'x'], 'hello\n'));
  assert.equal(result, [42, 'hello\n', 'oops\n']);
});

wsh('tells a death by a signal', async () => {
  const [code, , stderr] = await withWshd('kill -9 $$', (socket) => run(['--socket', socket, '-v', 'x']));
  assert.is(code, 255);
  assert.match(stderr, 'wsh: the command was killed');
});

wsh('says why it cannot reach a wshd', async () => {
  const [code, , stderr] = await run(['--socket', `${directory}/none.sock`, 'x']);
  assert.is(code, 255);
  assert.match(stderr, 'no such file or directory');
});

wsh('refuses what its command line may not hold', async () => {
  const [code, , stderr] = await run(['--nonsense']);
  assert.is(code, 1);
  assert.match(stderr, '--nonsense');
});

wsh('sees the environment that it is given, not the process\'s', async () => {
  const [code, , stderr] = await run(['x'], '', { env: { RLIMIT_CPU: 'many' } });
  assert.is(code, 255);
  assert.match(stderr, 'RLIMIT_CPU');
});

wsh('runs a hundred times at once, and leaves nothing open', async () => {
  const before = openDescriptors();
  await withWshd('cat; exit 7', async (socket) => {
    const runs = Array.from({ length: 100 }, (_, index) => run(['--socket', socket, 'x'], `${index}\n`));
    for (const [index, result] of (await Promise.all(runs)).entries()) assert.equal(result, [7, `${index}\n`, '']);
  });
  await holdsOnly(before);
});

wsh('moves 64 MB in and out at once between pipes', async () => {
  const [input, output] = [fifo(directory), fifo(directory)];
  const feeder = spawn('head', ['-c', '64M', '/dev/zero'], { stdio: ['ignore', input.write, 'inherit'] });
  const counter = spawn('wc', ['-c'], { stdio: [output.read, 'pipe', 'inherit'] });
  const ends = Promise.all([once(feeder, 'exit'), once(counter, 'close')]);
  let counted = '';
  counter.stdout!.on('data', (text) => { counted += text; });
  const code = await withWshd('cat', async (socket) => {
    const instance = instantiate('wsh', { argv: ['wsh', '--socket', socket, 'x'], stdio: [input.read, output.write, 2] });
    input.close();
    output.close();
    return instance.exited;
  });
  await ends;
  assert.is(code, 0);
  assert.is(Number(counted), 64 << 20);
});

wsh('stops where it stands', async () => {
  const before = openDescriptors();
  await withWshd('sleep 60', async (socket) => {
    const name = `${directory}/stop`;
    writeFileSync(name, '');
    const fd = openSync(name, 'r+');
    const instance = instantiate('wsh', { argv: ['wsh', '--socket', socket, 'x'], stdio: [fd, fd, fd] });
    setTimeout(() => instance.stop(), 50);
    assert.is(await instance.exited, 255);
    closeSync(fd);
  });
  await holdsOnly(before);
});

wsh.run();
