import { chmodSync, closeSync, openSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Container, type Execution, WardenError } from '../../src/index.js';
import { isAlive, run, scratch, staysSo, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const exec = suite('container.exec');
const test = unless(noContainers, exec);
const depot = new Depot();
let container: Container;
let before: string[];

if (!noContainers) {
  exec.before(async () => {
    container = await depot.create();
    // What is loaded at the first use stays.
    await container.exec(['true']).output();
  });
  exec.after(async () => {
    await container.destroy();
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
  exec.before.each(async () => { before = await held(); });
  exec.after.each(() => holdsOnly(before));
}

const sh = (script: string, options = {}): Execution => container.exec(['sh', '-c', script], options);
/** How many processes there are beside the first. */
const others = async (): Promise<number> => (await container.info()).processes.length - 1;

async function failure(promise: Promise<unknown>): Promise<WardenError> {
  const error = await promise.then(() => undefined, (reason: unknown) => reason);
  assert.instance(error, WardenError);
  return error as WardenError;
}

test('gives streams, exit code and what was written', async () => {
  const { exitCode, signal, timedOut, stdout, stderr } = await sh('cat; echo oops >&2; exit 42', { input: 'hello' }).output();
  assert.equal([exitCode, signal, timedOut, stdout.toString(), stderr.toString()], [42, null, false, 'hello', 'oops\n']);
});

test('tells when what the command wrote could not be written', async () => {
  const full = openSync('/dev/full', 'w');
  const { code, message } = await failure(container.exec(['echo', 'lost'], { stdio: ['ignore', full, 'ignore'] }).result);
  closeSync(full);
  assert.equal([code, message], ['LOST', 'what the command read or wrote was cut off: no space left on device']);
});

test('tells the signal that a command died by', async () => {
  for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGTERM'] as const) {
    const result = await sh(`kill -${signal.slice(3)} $$`).result;
    assert.equal([result.exitCode, result.signal, result.timedOut], [null, signal, false]);
  }
});

test('runs as a user, with LANG and limits', async () => {
  const script = 'id -un; echo "$LANG"; ulimit -n; ulimit -Hn; ulimit -c';
  const { stdout } = await sh(script, { user: 'vcap', lang: 'C.UTF-8', limits: { NOFILE: { soft: 64, hard: 128 }, CORE: 0 } }).output();
  assert.is(stdout.toString(), 'vcap\nC.UTF-8\n64\n128\n0\n');
});

test('writes and reads at the same time, with backpressure both ways', async () => {
  const cat = container.exec(['cat']);
  const piece = Buffer.alloc(1 << 20, 'x');
  let read = 0, stalled = false;
  const writing = (async () => {
    for (let i = 0; i < 8; i++) if (!cat.stdin!.write(piece)) {
      stalled = true;
      await new Promise((resolve) => { cat.stdin!.once('drain', resolve); });
    }
    cat.stdin!.end();
  })();
  for await (const bytes of cat.stdout!) read += (bytes as Buffer).length;
  await writing;
  assert.equal([read, stalled, (await cat.result).exitCode], [8 << 20, true, 0]);
});

test('makes a command wait whose output nobody reads', async () => {
  const yes = sh('yes | head -c 4000000; echo done >&2');
  let done = false;
  yes.stderr!.on('data', () => { done = true; });
  yes.stdout!.once('readable', () => undefined);
  await staysSo(() => !done, 'the command waits, since nobody reads its 4 MB', 200);
  let size = 0;
  for await (const bytes of yes.stdout!) size += (bytes as Buffer).length;
  assert.equal([size, (await yes.result).exitCode], [4_000_000, 0]);
  await until(() => done, 'its last word has been read');
});

test('ends stdin without ending anything else', async () => {
  const command = sh('cat > /dev/null; echo read to the end; sleep 0.1; echo there');
  command.stdin!.end('x');
  assert.is((await command.output()).stdout.toString(), 'read to the end\nthere\n');
});

test('throws away what nobody has begun to read, and keeps what somebody has', async () => {
  assert.is((await sh('echo x; echo y >&2').result).exitCode, 0);
  const late = sh('echo late');
  await late.result;
  const pieces: Buffer[] = [];
  for await (const piece of late.stdout!) pieces.push(piece as Buffer);
  assert.is(Buffer.concat(pieces).toString(), 'late\n');
});

test('hands in descriptors, of which no byte passes JavaScript', async () => {
  const { path, remove } = scratch();
  const out = openSync(`${path}/out`, 'w');
  try {
    const command = sh('echo to a file; cat', { stdio: ['ignore', out, 'pipe'] });
    assert.equal([command.stdin, command.stdout], [null, null]);
    assert.is((await command.output()).stderr.length, 0);
    assert.is(readFileSync(`${path}/out`, 'utf8'), 'to a file\n');
  } finally {
    closeSync(out);
    remove();
  }
});

test('runs at a terminal, which can be resized', async () => {
  const command = sh('stty size; trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.05; done', { tty: { rows: 10, columns: 20 } });
  let shown = '';
  command.stdout!.setEncoding('utf8').on('data', (text: string) => { shown += text; });
  await until(() => shown.includes('ready'), 'it is ready');
  command.resize({ rows: 33, columns: 44 });
  assert.is((await command.result).exitCode, 3);
  await until(() => shown.includes('33 44'), 'the new size shows');
  assert.match(shown, /^10 20\r\nready\r\n33 44\r\n$/);
});

test('types what is given, and Ctrl-D, at a terminal', async () => {
  assert.match((await container.exec(['cat'], { tty: true, input: 'typed\n' }).output()).stdout.toString(), /typed\r\n/);
});

test('kills what takes too long when there are no descriptors left to look for it with', async () => {
  const library = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const script = `const { Container } = await import(${library}), { openSync } = await import('node:fs');
    const container = await Container.open(${JSON.stringify(container.directory)});
    const command = container.exec(['sh', '-c', 'echo; exec sleep 4244'], { timeoutMs: 1000 });
    await new Promise((resolve) => command.stdout.once('data', resolve));
    try { for (;;) openSync('/dev/null'); } catch {}
    const { timedOut } = await command.result;
    console.log(timedOut);`;
  const { code, stdout, stderr } = await run(['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]);
  assert.equal([stdout.toString(), stderr, code], ['true\n', '', 0]);
  assert.not((await container.info()).processes.some(({ argv }) => argv.includes('4244')));
});

test('rejects, and throws nothing, where the process runs out of descriptors', async () => {
  const library = JSON.stringify(new URL('../../src/index.js', import.meta.url).href);
  const script = `const { Container, WardenError } = await import(${library});
    const container = await Container.open(${JSON.stringify(container.directory)});
    const commands = Array.from({ length: 60 }, () => container.exec(['sh', '-c', 'cat; exit 3'], { input: '' }));
    const ends = await Promise.allSettled(commands.map((command) => command.output()));
    const rejected = ends.filter(({ status }) => status === 'rejected'), done = ends.filter(({ status }) => status === 'fulfilled');
    const areErrors = rejected.every(({ reason }) => reason instanceof WardenError);
    console.log(rejected.length > 0, areErrors, done.every(({ value }) => value.exitCode === 3));
    console.log((await container.exec(['echo', 'later']).output()).stdout.toString());`;
  const { code, stdout, stderr } = await run(['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]);
  assert.equal([stdout.toString(), stderr, code], ['true true true\nlater\n\n', '', 0]);
});

test('kills what takes too long, with all that it has started', async () => {
  const { exitCode, signal, timedOut } = await sh('sleep 1000 & sleep 1000', { timeoutMs: 100 }).result;
  assert.equal([exitCode, signal, timedOut], [null, 'SIGKILL', true]);
  await until(async () => await others() === 0, 'nothing is left');
});

for (const delayMs of [undefined, 0, 1, 5, 30]) {
  test(`can be aborted ${delayMs === undefined ? 'before it begins' : `after ${delayMs} ms`}`, async () => {
    const controller = new AbortController();
    if (delayMs === undefined) controller.abort();
    const command = sh('sleep 1000 & sleep 1000', { signal: controller.signal });
    if (delayMs !== undefined) setTimeout(() => controller.abort(new Error('enough')), delayMs);
    const error = await failure(command.result);
    assert.equal([error.code, error.isAborted], ['ABORTED', true]);
    await until(async () => await others() === 0, 'nothing is left');
  });
}

test('is ended by await using', async () => {
  {
    await using command = sh('sleep 1000');
    command.result.catch(() => undefined);
  }
  await until(async () => await others() === 0, 'nothing is left');
});

test('sends signals to the command', async () => {
  const command = sh('trap "echo caught; exit 5" USR1; echo ready; while :; do sleep 0.05; done');
  await new Promise((resolve) => { command.stdout!.once('data', resolve); });
  assert.ok(await command.kill('SIGUSR1') >= 1);
  assert.is((await command.result).exitCode, 5);
  assert.is(await command.kill(), 0);
});

test('sends a signal to the command alone, or to its process group, through wshd', async () => {
  // The shell outlives it, its child does not, which is a program of its own once it is ready: a copy of the shell would catch the signal.
  const script = 'trap "echo caught" USR1; sh -c "echo ready; exec sleep 1000" & wait; wait; echo "child $?"; exit 4';
  for (const group of [false, true]) {
    const command = sh(script), output = command.output();
    await new Promise((resolve) => { command.stdout!.once('data', resolve); });
    assert.is(await command.signal(group ? 'SIGUSR1' : 10, { group }), true);
    if (!group) {
      await until(async () => await others() === 2, 'shell and child are there');
      assert.is(await command.signal('SIGKILL'), true);
    }
    const { exitCode, signal } = await command.result;
    assert.equal([exitCode, signal], group ? [4, null] : [null, 'SIGKILL']);
    await output;
    assert.is(await command.signal('SIGTERM'), false);
    await container.kill('SIGKILL');
  }
  const command = sh('exec sleep 1000');
  for (const bad of ['NOSUCH', 0, 65, 1.5, undefined]) assert.is((await failure(command.signal(bad as number))).code, 'USAGE', String(bad));
  assert.is(await command.signal(64), true);
  assert.is((await command.result).signal, 'SIG64');
});

test('tells what the command used, and whether its core was dumped', async () => {
  const { usage, coreDumped, outOfMemory } = await sh('i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done').result;
  assert.ok(usage !== null && usage.userMs + usage.systemMs > 0 && usage.maxMemoryBytes > 100_000, JSON.stringify(usage));
  assert.equal([coreDumped, outOfMemory], [false, false]);
  const dumped = await sh('cd /tmp; kill -SEGV $$', { limits: { CORE: 'unlimited' } }).result;
  // Whether there is a place for it, is the machine's business: the kernel sets the bit where it tries to write one. core(5)
  assert.is(dumped.signal, 'SIGSEGV');
  assert.is(typeof dumped.coreDumped, 'boolean');
});

test('speaks protocol 1 with a wshd that knows no other', async () => {
  const socket = `${container.directory}/run/wshd.sock`;
  chmodSync(socket, 0o600);
  try {
    const command = sh('echo ready; exec sleep 1000');
    await new Promise((resolve) => { command.stdout!.once('data', resolve); });
    assert.is((await failure(command.signal('SIGTERM'))).code, 'UNSUPPORTED');
    assert.ok(await command.kill('SIGTERM') >= 1);
    const { signal, usage } = await command.result;
    assert.equal([signal, usage], ['SIGTERM', null]);
    const { exitCode, stderr } = await container.exec(['nosuch']).output();
    assert.equal([exitCode, stderr.toString()], [255, 'wshd: cannot execute nosuch: no such file or directory\n']);
    const refused = await failure(container.exec(['true'], { env: { A: 'b' } }).result);
    assert.match(refused.message, /speaks version 1 of the protocol, which does not carry --env/);
  } finally {
    chmodSync(socket, 0o1600);
  }
});

test('kills a command that writes more than is wanted', async () => {
  const error = await failure(sh('yes').output({ maxBytes: 100_000 }));
  assert.equal([error.code, error.isUsage], ['USAGE', true]);
});

test('runs 200 at once', async () => {
  const outputs = await Promise.all(Array.from({ length: 200 }, (_, index) => container.exec(['echo', String(index)]).output()));
  for (const [index, { exitCode, stdout }] of outputs.entries()) assert.equal([exitCode, stdout.toString()], [0, `${index}\n`]);
});

test('says what is wrong with what it is asked for', async () => {
  const bad = [
    { user: '' }, { tty: { rows: 0, columns: 1 } }, { timeoutMs: -1 }, { limits: { CPU: 1.5 } },
    { input: 'x', stdio: 'ignore' as const },
  ];
  for (const options of bad) {
    assert.is((await failure(container.exec(['true'], options).result)).code, 'USAGE');
  }
  assert.match((await failure(container.exec(['x'.repeat(9_000)]).result)).message, /at most 4095 bytes/);
  assert.is((await failure(container.exec(['true'], { user: 'u'.repeat(1_100) }).result)).code, 'USAGE');
  const unknown = await failure(container.exec(['nosuch']).output());
  assert.equal([unknown.code, unknown.message], ['EXEC_FAILED', 'cannot execute nosuch: no such file or directory']);
  const user = await failure(container.exec(['true'], { user: 'nobody-known' }).result);
  assert.equal([user.code, user.message], ['EXEC_FAILED', 'no such user in the container\'s /etc/passwd: nobody-known']);
});

test('tells of a container that ends under a command, and of one that has ended', async () => {
  const doomed = await depot.create();
  try {
    const running = doomed.exec(['sleep', '1000']), { pid } = await doomed.info();
    await until(async () => (await doomed.info()).processes.some(({ argv }) => argv[0] === 'sleep'), 'it runs');
    process.kill(pid!, 'SIGKILL');
    const { exitCode, signal } = await running.result;
    assert.equal([exitCode, signal], [null, null]);
    await until(() => !isAlive(pid!), 'the container has ended');
    const error = await failure(doomed.exec(['true']).result);
    assert.equal([error.code, error.isEnded], ['ENDED', true]);
    assert.match(error.message, 'is wshd running in this container?');
    assert.is((await doomed.info()).state, 'ended');
  } finally {
    await doomed.destroy();
  }
});

test('gives up on a wshd that does not answer, when asked to', async () => {
  const stuck = await depot.create(), { pid } = await stuck.info();
  try {
    process.kill(pid!, 'SIGSTOP');
    assert.ok((await stuck.exec(['true'], { timeoutMs: 100 }).result).timedOut);
  } finally {
    process.kill(pid!, 'SIGCONT');
    await stuck.destroy();
  }
});

exec.run();
