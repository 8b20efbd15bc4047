import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot, programPath } from '../../src/base/paths.js';
import type { Outcome } from '../../src/conformance/case.js';
import { Endpoint } from '../../src/conformance/endpoint.js';
import { checkIomux } from '../../src/conformance/iomux.js';
import { checkWsh } from '../../src/conformance/wsh.js';
import { checkWshd } from '../../src/conformance/wshd.js';
import { exitStatus } from '../../src/conformance/wshd-client.js';
import { serving } from '../../src/conformance/wshd-server.js';
import { noContainers, startContainer } from '../support/container.js';
import { startShell, stopAll } from '../support/iomux.js';
import { ended, openFiles, processesWith, run, scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';

const check = suite('warden wire check');
const onLinux = unless(process.platform === 'linux' ? undefined : 'not Linux', check);
const inContainers = unless(noContainers, check);
const directory = scratch();
check.after.each(stopAll);
check.after(() => directory.remove());

function failures(outcomes: readonly Outcome[]): string[] {
  return outcomes.filter(({ holds }) => holds === false).map(({ name, detail }) => `${name}: ${detail}`);
}
function names(outcomes: readonly Outcome[], holds: boolean): string[] {
  return outcomes.filter((outcome) => outcome.holds === holds).map(({ name }) => name);
}

inContainers('our wshd keeps every rule, and the daemon\'s descriptors are counted', async () => {
  const container = await startContainer();
  try {
    const outcomes = await checkWshd(container.socket);
    assert.equal(failures(outcomes), []);
    assert.equal(outcomes.filter(({ holds }) => holds === null), []);
    assert.ok(outcomes.length >= 45);
  } finally {
    await container.destroy();
  }
});

onLinux('our wsh keeps every rule', async () => {
  const outcomes = await checkWsh(programPath('wsh'));
  assert.equal(failures(outcomes), []);
  assert.ok(outcomes.length >= 30);
});

onLinux('our iomux-spawn keeps every rule', async () => {
  const job = await startShell(directory.directory(), 'seq 100000; echo err >&2; sleep 1; seq 10; exit 42');
  const outcomes = await checkIomux(job.directory, 20_000);
  assert.equal(failures(outcomes), []);
  assert.ok(outcomes.every(({ holds }) => holds === true));
});

onLinux('a job that does not end in time: what needs its end is not tried', async () => {
  const job = await startShell(directory.directory(), 'echo here; sleep 60');
  const outcomes = await checkIomux(job.directory, 200);
  assert.equal(failures(outcomes), []);
  assert.ok(outcomes.some(({ holds, detail }) => holds === null && /still ran after 0.2 s/.test(detail ?? '')));
});

onLinux('a program that is no wsh is found out', async () => {
  const program = `${directory.path}/no-wsh`;
  writeFileSync(program, '#!/bin/sh\nexit 0\n');
  chmodSync(program, 0o755);
  const outcomes = await checkWsh(program);
  assert.ok(names(outcomes, false).includes('exit codes 0 to 255 are the command\'s'));
  assert.equal(names(outcomes, true), []);
});

/** An iomux-spawn of one stream's worth, with the given bytes. */
async function fakeIomux(path: string, header: Buffer, status: Buffer): Promise<{ close(): void }> {
  const open: Socket[] = [];
  const servers: Server[] = await Promise.all(['stdout', 'stderr', 'status'].map((channel) => new Promise<Server>((resolve) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      open.push(socket);
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(channel === 'status' ? status : Buffer.concat([header, Buffer.from('output\n')]));
    });
    server.listen(`${path}/${channel}.sock`, () => resolve(server));
  })));
  return {
    close: () => {
      for (const socket of open) socket.destroy();
      for (const server of servers) server.close();
    },
  };
}

onLinux('an iomux-spawn of the other byte order, that all may connect to, is found out', async () => {
  const path = directory.directory();
  const fake = await fakeIomux(path, Buffer.from([0, 0, 0, 0]), Buffer.from([0, 0x2a, 0, 0]));
  for (const channel of ['stdout', 'stderr', 'status']) chmodSync(`${path}/${channel}.sock`, 0o777);
  const outcomes = await checkIomux(path, 5_000);
  fake.close();
  assert.equal(names(outcomes, false).filter((name) => !/behind the end/.test(name)), [
    'they are their owner\'s only', 'four bytes, big-endian, a wait status, and then the end of file',
  ]);
});

onLinux('an iomux-spawn without a header is found out', async () => {
  const path = directory.directory();
  let serial = 0;
  const servers = ['stdout', 'stderr', 'status'].map((channel) => createServer((socket) => {
    socket.on('error', () => undefined);
    // Each gets another beginning, which is what bytes without a position look like.
    socket.end(channel === 'status' ? Buffer.alloc(4) : `${'x'.repeat(serial++ % 3)}output`);
  }).listen(`${path}/${channel}.sock`));
  const outcomes = await checkIomux(path, 5_000);
  for (const server of servers) server.close();
  assert.ok(failures(outcomes).some((failure) => /the same position holds the same bytes/.test(failure)));
});

onLinux('an iomux-spawn that closes at once is found out; what has no position is not compared', async () => {
  const path = directory.directory();
  const servers = ['stdout', 'stderr', 'status'].map((channel) => createServer((socket) => { socket.on('error', () => undefined).end(); }).listen(`${path}/${channel}.sock`));
  const outcomes = await checkIomux(path, 5_000);
  for (const server of servers) server.close();
  assert.ok(failures(outcomes).includes('each link gets four bytes first: a position: the first link: no stream came'));
  assert.not.match(JSON.stringify(outcomes), /NaN/);
  assert.is(outcomes.filter(({ holds, detail }) => holds === null && /got no position/.test(detail ?? '')).length, 8);
});

onLinux('a wshd that answers with the wrong version, or not at all, is found out, and the rest is not tried', async () => {
  for (const [answer, words] of [[Buffer.from([2, 0, 0, 0]), /not of protocol version 1/], [Buffer.alloc(0), /no response came/]] as const) {
    const path = `${directory.directory()}/wshd.sock`;
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(answer));
    }).listen(path);
    const outcomes = await checkWshd(path);
    server.close();
    assert.equal(names(outcomes, true), []);
    assert.match(failures(outcomes)[0]!, words);
    assert.is(failures(outcomes).length, 1);
  }
});

onLinux('a wshd whose answer has no end is found out in time, whether it comes by the byte or in masses', async () => {
  for (const [piece, pauseMs, words] of [[Buffer.of(1), 100, /no end within 10 s/], [Buffer.alloc(1 << 16), 0, /no end after \d+ bytes/]] as const) {
    const path = `${directory.directory()}/wshd.sock`;
    const server = createServer((socket) => {
      const send = (): void => { if (!socket.destroyed) socket.write(piece, () => setTimeout(send, pauseMs)); };
      socket.on('error', () => undefined).once('data', send);
    }).listen(path);
    const outcomes = await checkWshd(path);
    server.close();
    assert.match(failures(outcomes)[0]!, words);
    assert.equal(outcomes.filter(({ holds }) => holds !== null).length, 1);
  }
});

onLinux('a wshd that gives wrong exit codes is asked for all the rest', async () => {
  const path = `${directory.directory()}/wshd.sock`, endpoint = new Endpoint('wshd', [path]), listener = endpoint.listen(path);
  const wrong = serving(async (ends) => { await endpoint.write(ends.status, exitStatus(77)); });
  const asked = checkWshd(path, { only: 'required' });
  const serve = async (): Promise<void> => {
    for (let socket; (socket = await endpoint.accept(listener, asked)) !== undefined;) {
      // The first connection is none but a question whether anybody is there.
      if ((await endpoint.receive(socket)).ended) endpoint.close(socket);
      else await wrong({ endpoint }, socket);
    }
  };
  const [outcomes] = await Promise.all([asked, serve()]);
  endpoint.end();
  assert.ok(names(outcomes, false).length > 15);
  assert.ok(names(outcomes, true).includes('a good request is answered with version 1, and then the connection is closed'));
  assert.not.ok(outcomes.some(({ detail }) => /does not answer/.test(detail ?? '')));
});

onLinux('a wsh that never ends, or says no end of things, is found out, and the rest is not tried', async () => {
  for (const [script, words] of [['exec sleep 600', /ends$/], ['exec yes', /no end after \d+ bytes/]] as const) {
    const program = `${directory.directory()}/wsh`;
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
    const outcomes = await checkWsh(program);
    assert.match(failures(outcomes)[0]!, words);
    assert.equal(outcomes.filter(({ holds }) => holds !== null).length, 1);
  }
});

onLinux('a job that writes without end costs no more memory than is compared of it', async () => {
  const job = await startShell(directory.directory(), 'exec yes');
  const before = process.memoryUsage().arrayBuffers;
  const outcomes = await checkIomux(job.directory, 3_000);
  assert.equal(failures(outcomes), []);
  const kept = process.memoryUsage().arrayBuffers - before;
  assert.ok(kept < 300 << 20, `${kept} bytes kept`);
});

const warden = `${packageRoot}build/js/src/cli/warden.cjs`;

onLinux('the command: a table, JSON, exit codes', async () => {
  const text = await run([process.execPath, warden, 'wire', 'check', '--wsh', '/bin/true']);
  assert.is(text.code, 1);
  assert.match(text.stdout.toString(), /^FAILS +request +required +without arguments/m);
  assert.match(text.stdout.toString(), /wsh \/bin\/true: 0 hold, \d+ fail, 0 not tried\n$/);
  const json = await run([process.execPath, warden, 'wire', 'check', '--json', '--only', 'required', '--wsh', programPath('wsh')], { timeoutMs: 30_000 });
  assert.is(json.code, 0);
  const { holds, fails, cases } = JSON.parse(json.stdout.toString()) as { holds: number; fails: number; cases: Outcome[] };
  assert.is(fails, 0);
  assert.is(holds, cases.length);
  assert.ok(cases.every(({ level }) => level === 'required'));
});

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Starts the check, interrupts it once it is at work, and holds it to its end. */
async function interrupted(args: readonly string[], signal: NodeJS.Signals, isAtWork: () => boolean): Promise<void> {
  const temporary = directory.directory();
  const child = spawn(process.execPath, [warden, 'wire', 'check', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: temporary } });
  const result = ended(child);
  await until(isAtWork, 'the check is at work');
  child.kill(signal);
  const { code, stdout, stderr } = await result;
  assert.equal({ code, stdout: stdout.toString(), stderr }, { code: 128 + constants.signals[signal], stdout: '', stderr: '' });
  assert.equal(readdirSync(temporary), []);
}

onLinux('interrupted while it checks a wsh: nothing is left of its directory, or of the wsh', async () => {
  for (const [index, signal] of SIGNALS.entries()) {
    const program = `${directory.directory()}/wsh`, seconds = 86_001 + index, started = (): boolean => processesWith(`sleep ${seconds}`).length > 0;
    writeFileSync(program, `#!/bin/sh\nexec sleep ${seconds}\n`);
    chmodSync(program, 0o755);
    await interrupted(['--wsh', program], signal, started);
    await until(() => !started(), 'the wsh is gone');
  }
});

onLinux('interrupted while it waits for the end of a job: it leaves at once', async () => {
  const job = await startShell(directory.directory(), 'echo here; sleep 60');
  // The four links that it makes to status.sock.
  const linked = (): boolean => openFiles(job.pid).filter((file) => file.startsWith('socket:')).length > 12;
  await interrupted(['--iomux', job.directory], 'SIGINT', linked);
});

onLinux('interrupted while it waits for a wshd that does not answer: it leaves at once', async () => {
  const path = `${directory.directory()}/wshd.sock`;
  let requests = 0;
  const server = createServer((socket) => { socket.on('error', () => undefined).once('data', () => { requests++; }); }).listen(path);
  await interrupted(['--socket', path], 'SIGTERM', () => requests > 0);
  server.close();
});

onLinux('a directory whose sockets have names that are too long is left behind by nobody', async () => {
  const temporary = `${directory.path}/${'long'.repeat(30)}`;
  mkdirSync(temporary);
  const { code, stderr } = await run([process.execPath, warden, 'wire', 'check', '--wsh', '/bin/true'], { env: { ...process.env, TMPDIR: temporary } });
  assert.is(code, 1);
  assert.match(stderr, /^warden wire check: cannot listen on .*ENAMETOOLONG\n$/);
  assert.equal(readdirSync(temporary), []);
});

const mistakes: [args: string[], code: number, words: RegExp][] = [
  [[], 2, /what is to be checked/],
  [['--socket', 'a', '--wsh', 'b'], 2, /what is to be checked/],
  [['--socket', '/nonexistent'], 2, /there is no socket \/nonexistent/],
  [['--iomux', '/nonexistent'], 2, /there is no directory/],
  [['--iomux', '/', '--timeout', '0'], 2, /--timeout "0" is not/],
  [['--wsh', '/'], 2, /there is no program \//],
  [['--only', 'some'], 2, /Allowed choices are required, ours/],
  [['--iomux', '/'], 1, /there is no socket \/\/?stdout.sock/],
];
for (const [args, code, words] of mistakes) {
  onLinux(`check ${args.join(' ')}: exit code ${code}, one sentence`, async () => {
    const result = await run([process.execPath, warden, 'wire', 'check', ...args]);
    assert.is(result.code, code);
    assert.match(result.stderr, words);
    assert.is(result.stderr.trim().split('\n').length, 1);
    assert.is(result.stdout.length, 0);
  });
}

check.run();
