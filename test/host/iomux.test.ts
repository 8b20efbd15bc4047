import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, createReadStream, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate, type Instance } from '../../src/host/instance.js';
import { programPath } from '../../src/base/paths.js';
import { pattern } from '../support/bytes.js';
import { firstOutput, until } from '../support/process.js';
import { type Fifo, fifo, holdsOnly, openDescriptors, temporaryDirectory } from './help.js';

const iomux = suite('iomux in the Node host');
const directory = temporaryDirectory();
const SIGTERM = 15;
let serial = 0;

/** A job: the native iomux-spawn, with its sockets ready. */
async function job(command: string, ...options: string[]): Promise<[path: string, process: ChildProcess]> {
  const path = `${directory}/job${serial++}`;
  mkdirSync(path);
  const process = spawn(programPath('iomux-spawn'), [...options, path, 'sh', '-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
  await firstOutput(process.stdout, 'iomux-spawn');
  return [path, process];
}

/** An iomux-link in this process, its output in files. */
function link(path: string, ...options: string[]): { instance: Instance; stdout(): string; stderr(): string } {
  const name = `${directory}/link${serial++}`;
  const [stdin, stdout, stderr] = [openSync('/dev/null', 'r'), openSync(`${name}.out`, 'w'), openSync(`${name}.err`, 'w')];
  const instance = instantiate('iomux-link', { argv: ['iomux-link', ...options, path], stdio: [stdin, stdout, stderr], signals: 'call' });
  for (const fd of [stdin, stdout, stderr]) closeSync(fd);
  return { instance, stdout: () => readFileSync(`${name}.out`, 'utf8'), stderr: () => readFileSync(`${name}.err`, 'utf8') };
}

/** One whose stdout is a pipe that nobody reads until `read` is called, which tells all that comes. */
function stuckLink(path: string): { instance: Instance; read(): Promise<Buffer> } {
  const output: Fifo = fifo(directory);
  const nothing = openSync('/dev/null', 'r+');
  const instance = instantiate('iomux-link', { argv: ['iomux-link', path], stdio: [nothing, output.write, nothing], signals: 'call' });
  closeSync(nothing);
  closeSync(output.write);
  return { instance, read: () => buffer(createReadStream('', { fd: output.read })) };
}

async function ended(process: ChildProcess): Promise<number | null> {
  return process.exitCode ?? (await once(process, 'exit'))[0] as number | null;
}

iomux('a link delivers output and exit code of a native job', async () => {
  const before = openDescriptors();
  const [path, process] = await job('seq 1000; echo oops >&2; exit 42');
  const { instance, stdout, stderr } = link(path);
  assert.is(await instance.exited, 42);
  assert.is(await ended(process), 0);
  assert.is(stdout().split('\n').length, 1001);
  assert.is(stderr(), 'oops\n');
  process.stdout!.destroy();
  await holdsOnly(before);
});

iomux('twenty links of one job all get everything', async () => {
  const [path, process] = await job(`until [ -e ${directory}/all ]; do sleep 0.02; done; seq 20000`);
  const links = Array.from({ length: 20 }, () => link(path));
  writeFileSync(`${directory}/all`, '');
  for (const { instance, stdout } of links) {
    assert.is(await instance.exited, 0);
    assert.is(stdout().length, 108894);
  }
  await ended(process);
});

iomux('a link that is told to stop saves where it was, and another goes on from there', async () => {
  const [path, process] = await job(`echo first; until [ -e ${directory}/go ]; do sleep 0.02; done; echo second; exit 3`);
  const cursors = `${directory}/cursors`;
  const first = link(path, '-w', cursors);
  await until(() => first.stdout() === 'first\n', 'the first line comes');
  first.instance.signal(SIGTERM);
  assert.is(await first.instance.exited, 0);
  assert.is(statSync(cursors).size, 8);
  const second = link(path, '-w', cursors);
  writeFileSync(`${directory}/go`, 'x\n');
  assert.is(await second.instance.exited, 3);
  assert.is(second.stdout(), 'second\n');
  await ended(process);
});

iomux('a job runs in this process, too', async () => {
  const before = openDescriptors();
  const path = `${directory}/job${serial++}`;
  mkdirSync(path);
  const out = openSync(`${path}.out`, 'w');
  const nothing = openSync('/dev/null', 'r');
  const spawned = instantiate('iomux-spawn', {
    argv: ['iomux-spawn', path, 'sh', '-c', 'cat; echo done; exit 9'], stdio: [nothing, out, 2], signals: 'call',
  });
  const { instance, stdout } = link(path);
  assert.is(await instance.exited, 9);
  assert.is(await spawned.exited, 0);
  assert.is(stdout(), 'done\n');
  assert.match(readFileSync(`${path}.out`, 'utf8'), /^child_pid=\d+\nchild active\n$/);
  closeSync(out);
  closeSync(nothing);
  await holdsOnly(before);
});

iomux('two links in one process do not wait for each other', async () => {
  const size = 1 << 20;
  const [path, process] = await job(`read x; head -c ${size} /dev/zero; exit 4`, '--ring', '4M');
  const stuck = stuckLink(path), { instance, stdout } = link(path);
  process.stdin!.end('write\n');
  assert.is(await instance.exited, 4);
  assert.is(stdout().length, size);
  assert.is(process.exitCode, null);
  assert.is((await stuck.read()).length, size);
  assert.is(await stuck.instance.exited, 4);
  assert.is(await ended(process), 0);
});

iomux('two links in one process that come after the end do not wait for each other', async () => {
  const size = 1 << 20;
  const [path, process] = await job(`head -c ${size} /dev/zero; exit 4`, '--ring', '4M', '--linger', '60');
  assert.is(await link(path).instance.exited, 4);
  const first = link(path), stuck = stuckLink(path), last = link(path);
  assert.equal([await first.instance.exited, await last.instance.exited], [4, 4]);
  assert.equal([first.stdout().length, last.stdout().length], [size, size]);
  assert.is((await stuck.read()).length, size);
  assert.is(await stuck.instance.exited, 4);
  process.kill();
  assert.is(await ended(process), 0);
});

iomux('with --slow drop, a link that does not read is closed, and not another of the same process', async () => {
  const pieces = 64, pieceBytes = 32_768;
  writeFileSync(`${directory}/pattern`, pattern(pieces * pieceBytes));
  const script = `exec 3<${directory}/pattern; while read x; do dd bs=${pieceBytes} count=1 status=none <&3; done; exit 4`;
  const [path, process] = await job(script, '--slow', 'drop');
  const before = link(path), stuck = stuckLink(path), after = link(path);
  for (let piece = 1; piece <= pieces; piece++) {
    process.stdin!.write('write\n');
    await until(() => [before, after].every(({ stdout }) => stdout().length === piece * pieceBytes), `the others have ${piece} pieces`);
  }
  process.stdin!.end();
  assert.equal([await before.instance.exited, await after.instance.exited], [4, 4]);
  assert.ok((await stuck.read()).length < pieces * pieceBytes);
  assert.is(await stuck.instance.exited, 255);
  assert.is(await ended(process), 0);
});

iomux.run();
