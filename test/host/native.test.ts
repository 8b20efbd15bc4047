import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShimClient, SIGCHLD } from '../../src/host/shim-client.js';
import { callNamed, Entry, type NativeInstance } from '../../src/host/addon.js';
import { until } from '../support/process.js';
import { HANGUP, READ, SPAWN_DIE_WITH_PARENT, WRITE } from '../../src/boundary/constants.js';
import { holdsOnly, openDescriptors, temporaryDirectory } from './help.js';

const EPERM = 1, EBADF = 9, ECHILD = 10, EACCES = 13, EFAULT = 14;
const SIGUSR1 = 10;

const addon = suite('the addon');
const directory = temporaryDirectory();

/** A caller that notes what is delivered to it, and is ended when `use` is done. */
async function withCaller(
  use: (caller: ShimClient, delivered: [Entry, number, number][]) => Promise<void> | void,
  program = 'wsh', argv = ['wsh'],
): Promise<void> {
  const delivered: [Entry, number, number][] = [];
  const caller = new ShimClient(program, argv, (...event) => { delivered.push(event); });
  try {
    await use(caller, delivered);
  } finally {
    caller.native.end();
  }
}

const after = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

addon('refuses what would change the whole process', () => withCaller((caller) => {
  caller.put(64, '/tmp');
  const refused: [string, ...number[]][] = [
    ['raise', 15], ['setsid'], ['setProcessName', 64], ['unshareMounts'], ['bindRootAndEnter', 64], ['pivot', 64], ['unmount', 64],
    ['enterDirectory', 64], ['loopbackUp'], ['raiseNofileLimit'], ['dropStdioAndEnvironment'], ['spawnSelf'],
    ['kill', process.pid, 9], ['kill', process.ppid, 0],
    ['seal'], ['fork', 0], ['joinNamespace', 0, 0], ['unshare', 0x20000], ['execute', 0], ['openProcess', process.pid], ['signalProcess', 0, 9],
    ['placeDescriptor', 0, 0], ['takeTerminal', 0], ['setUmask', 0], ['setGroups', 0, 0], ['setUser', 1, 1], ['setCapabilities', 0],
    ['processControl', 4, 0, 0], ['setLimit', 7, 0, 0, 0, 0], ['setFilter', 0, 0, 0], ['newKeyring'], ['resetAttributes'],
    ['setScheduler', 0, 48], ['setIoPriority', 0], ['setPersonality', 0], ['setHostName', 0, 0, 0],
    ['openAt', 0, 64, 1, 0], ['makeDirectoryAt', 0, 64, 0o700], ['makeNodeAt', 0, 64, 0o10600, 0, 0], ['changeOwner', 0, 0, 0],
    ['changeMode', 0, 0], ['enterDirectoryAt', 0], ['openFileSystem', 64], ['configureFileSystem', 0, 0, 0], ['mountFileSystem', 0, 0],
    ['cloneMount', 0, 0], ['attachDeviceFilter', 0, 0, 0], ['moveMount', 0, 0], ['changeMount', 0, 0, 0, 0, 0], ['mapMount', 0, 0, 0],
  ];
  for (const [name, ...numbers] of refused) assert.is(caller.call(name, ...numbers), -EPERM, name);
}));

addon('knows no other calls', () => withCaller((caller) => assert.throws(() => caller.call('reboot'), 'the boundary has no reboot')));

addon('makes a call for nothing else than an instance', () => {
  for (const other of [{}, undefined, 7]) assert.throws(() => callNamed('setsid')!.call(other as unknown as NativeInstance), TypeError);
});

addon('answers what lies outside the memory, and handles that it did not give out', () => withCaller((caller) => {
  const size = caller.memory.byteLength;
  const [readEnd] = caller.pair('pipe');
  assert.is(caller.call('read', readEnd, size - 4, 8), -EFAULT);
  assert.is(caller.call('read', readEnd, 0xffffffff, 8), -EFAULT);
  assert.is(caller.call('pipe', size - 4), -EFAULT);
  for (const handle of [0, -1, 1, 2, 77, 1 << 20].filter((candidate) => candidate !== readEnd && candidate !== readEnd + 1)) {
    assert.is(caller.call('read', handle, 0, 8), -EBADF, `handle ${handle}`);
  }
  assert.is(caller.call('adoptFd', 3), -EBADF);
}));

addon('answers a handle that was closed like one that it never gave out', () => withCaller((caller) => {
  const [readEnd, writeEnd] = caller.pair('pipe');
  caller.must('close', readEnd);
  for (const name of ['read', 'bytesAvailable', 'handleType', 'duplicate', 'close', 'watch', 'pipeTag', 'setNonblocking']) {
    assert.is(caller.call(name, readEnd, 0, 1), -EBADF, name);
  }
  assert.is(caller.call('splice', readEnd, writeEnd, 1), -EBADF);
}));

addon('lets a program name its own paths only', () => withCaller((caller) => {
  caller.put(64, '/etc/shadow', '/tmp/given.sock');
  assert.is(caller.call('open', 64, 0), -EACCES);
  assert.is.not(caller.call('connect', 64 + '/etc/shadow'.length + 1), -EACCES);
}, 'wsh', ['wsh', '--socket', '/tmp/given.sock']));

addon('lets wsh connect to no socket that its command names', () => withCaller((caller) => {
  for (const path of ['/tmp/other.sock', 'true', '--', '/tmp/last.sock']) {
    caller.put(64, path);
    for (const name of ['connect', 'pathType']) assert.is(caller.call(name, 64), -EACCES, path);
  }
}, 'wsh', ['wsh', '--socket', '/tmp/given.sock', '--', 'true', '/tmp/other.sock', '--socket', '/tmp/last.sock']));

addon('takes an option without a value for no path', () => withCaller((caller) => {
  for (const path of ['', '/stdout.sock', '.new']) {
    caller.put(64, path);
    for (const [name, ...numbers] of [['connect', 64], ['open', 64, 0], ['open', 64, 1]] as const) {
      assert.is(caller.call(name, ...numbers), -EACCES, `${name} ${path}`);
    }
  }
}, 'iomux-link', ['iomux-link', '-v', directory]));

addon('lets a program do with a path only what it has business to do', () => withCaller((caller) => {
  const file = `${directory}/argument`;
  writeFileSync(file, 'kept');
  caller.put(64, file);
  assert.is(caller.call('pathType', 64), 1);
  for (const [name, ...numbers] of [['open', 64, 0], ['open', 64, 1], ['unlink', 64], ['listen', 64, 1, 0]] as const) {
    assert.is(caller.call(name, ...numbers), -EACCES, name);
  }
  assert.is(readFileSync(file, 'utf8'), 'kept');
  caller.must('spawnBegin');
  assert.is(caller.call('spawnFiles', 1024, caller.put(1024, '/bin/sh')), -EACCES, 'no argument is called so');
  assert.is(caller.call('spawnDirectory', 64), -EACCES);
}, 'iomux-spawn', ['iomux-spawn', directory, `${directory}/argument`]));

addon('leaves marks on pipes of its own, and changes no file\'s mode', () => withCaller((caller) => {
  const file = `${directory}/cursor`;
  writeFileSync(file, '', { mode: 0o600 });
  caller.put(64, file);
  const handle = caller.must('open', 64, 0);
  const [, writeEnd] = caller.pair('pipe');
  assert.is(caller.call('tagPipe', handle, 0o777), -EPERM);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(caller.call('tagPipe', writeEnd, 9), 0);
  assert.is(caller.call('pipeTag', writeEnd), 9);
}, 'iomux-link', ['iomux-link', '-w', `${directory}/cursor`, 'job']));

addon('gives a child no descriptor whose handle was closed after it was named', () => withCaller((caller) => {
  const [readEnd, writeEnd] = caller.pair('pipe');
  caller.must('spawnBegin');
  caller.must('spawnFiles', 1024, caller.put(1024, '/bin/true'));
  caller.must('spawnDescriptor', 5, writeEnd);
  caller.must('spawnStartPipe', readEnd);
  caller.must('close', writeEnd);
  assert.is(caller.call('spawn', 0, 512), -EBADF);
}, 'wshd', ['wshd']));

addon('takes no more handles with a message than the kernel does, however large the memory is', () => withCaller((caller) => {
  const [one] = caller.pair('socketPair');
  assert.is(caller.call('send', one, 0, 1, 0, 254), -EFAULT);
  assert.is(caller.call('receive', one, 0, 1, 0, 0xffffffff), -EFAULT);
}));

addon('delivers readiness while it lasts, and no longer than it is asked for', () => withCaller(async (caller, delivered) => {
  const [readEnd, writeEnd] = caller.pair('pipe');
  caller.must('setNonblocking', readEnd);
  caller.must('watch', readEnd, READ);
  await after(5);
  assert.equal(delivered, []);
  caller.must('write', writeEnd, 0, 3);
  await until(() => delivered.length > 1, 'it is delivered again and again');
  assert.equal(delivered[0], [Entry.Ready, readEnd, READ]);
  caller.must('watch', readEnd, 0);
  const count = delivered.length;
  await after(5);
  assert.is(delivered.length, count);
  caller.must('read', readEnd, 0, 8);
  caller.must('close', writeEnd);
  caller.must('watch', readEnd, READ);
  await until(() => delivered.length > count, 'the end is delivered');
  assert.equal(delivered[count], [Entry.Ready, readEnd, HANGUP]);
}));

addon('takes a regular file for always ready', async () => {
  const path = `${directory}/file`;
  writeFileSync(path, 'text');
  await withCaller(async (caller, delivered) => {
    caller.put(64, path);
    const file = caller.must('open', 64, 0);
    caller.must('watch', file, READ | WRITE);
    await until(() => delivered.length > 1, 'it is delivered again and again');
    assert.equal(delivered[0], [Entry.Ready, file, READ | WRITE]);
    caller.must('close', file);
    const count = delivered.length;
    await after(5);
    assert.is(delivered.length, count);
  }, 'iomux-link', ['iomux-link', '-w', path, 'job']);
});

addon('keeps one deadline', () => withCaller(async (caller, delivered) => {
  const start = performance.now();
  // The second replaces the first, which nobody waits for.
  caller.must('wakeAfter', 600_000);
  caller.must('wakeAfter', 20);
  await until(() => delivered.length > 0, 'the deadline passes');
  const elapsedMs = performance.now() - start;
  assert.ok(elapsedMs >= 19, `${elapsedMs} ms`);
  await after(30);
  assert.equal(delivered, [[Entry.Deadline, 0, 0]]);
  caller.must('wakeAfter', 10);
  caller.must('wakeAfter', -1);
  await after(20);
  assert.is(delivered.length, 1);
}));

addon('passes on the signals that its caller lets through', () => withCaller(async (caller, delivered) => {
  let reached = 0;
  const listener = (): void => { reached++; };
  process.on('SIGUSR1', listener);
  caller.must('routeSignals', 1 << (SIGUSR1 - 1), 0);
  process.kill(process.pid, 'SIGUSR1');
  await until(() => reached > 0, 'the process itself gets it');
  process.off('SIGUSR1', listener);
  // `ShimClient` asks for SIGCHLD only.
  assert.is(reached, 1);
  assert.equal(delivered, []);
}));

function spawnShell(caller: ShimClient, command: string, flags = 0): number {
  caller.must('spawnBegin');
  const files = caller.put(1024, '/bin/sh');
  caller.must('spawnFiles', 1024, files);
  caller.must('spawnArguments', 1024 + files, caller.put(1024 + files, 'sh', '-c', command));
  const pid = caller.must('spawn', flags, 512);
  caller.must('close', caller.view.getInt32(512, true));
  return pid;
}

addon('waits for its own children and no others', () => withCaller(async (caller, delivered) => {
  await withCaller(async (other) => {
    caller.must('routeSignals', 1 << (SIGCHLD - 1), 0);
    const pid = spawnShell(caller, 'exit 3');
    await until(() => delivered.length > 0, 'the signal comes');
    assert.is(other.call('wait', -1, 256), -ECHILD);
    assert.is(other.call('wait', pid, 256), -ECHILD);
    assert.is(other.call('kill', pid, 9), -EPERM);
    assert.is(caller.call('wait', -1, 256), pid);
    assert.is(caller.view.getInt32(256, true), 3 << 8);
    assert.is(caller.call('wait', -1, 256), -ECHILD);
    assert.is(caller.call('kill', pid, 0), -EPERM, 'its number may be another process\'s by now');
  });
}, 'wshd', ['wshd']));

const runs = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

addon('ends the children that die with it, and waits for the others in the end', async () => {
  let dying = 0, staying = 0;
  await withCaller((caller) => {
    dying = spawnShell(caller, 'sleep 60', SPAWN_DIE_WITH_PARENT);
    staying = spawnShell(caller, 'sleep 0.2; exit 0');
  }, 'wshd', ['wshd']);
  assert.ok(runs(staying));
  // Reaped when the next instance starts a child or ends.
  await until(async () => {
    await withCaller(() => {});
    return !runs(dying) && !runs(staying);
  }, 'both have ended, and are reaped');
});

addon('gives a child the instance\'s stdio and nothing else', async () => {
  const path = `${directory}/child.out`;
  const out = openSync(path, 'w+');
  const caller = new ShimClient('wshd', ['wshd'], () => {}, [out, out, out]);
  closeSync(out);
  const pid = spawnShell(caller, 'ls -l /proc/self/fd');
  await until(() => caller.call('wait', pid, 256) !== 0, 'it ends');
  caller.native.end();
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line.includes(' -> '));
  // The fourth is ls's own, for the directory.
  assert.is(lines.length, 4);
  for (const line of lines.slice(0, 3)) assert.ok(line.endsWith(path), line);
});

addon('answers nothing after its end, however often that comes', async () => {
  const before = openDescriptors();
  const caller = new ShimClient('wsh', ['wsh']);
  const [readEnd] = caller.pair('pipe');
  caller.must('watch', readEnd, READ);
  caller.must('wakeAfter', 1);
  caller.native.end();
  caller.native.end();
  assert.is(caller.call('read', readEnd, 0, 1), -EBADF);
  assert.is(caller.call('pipe', 0), -EBADF);
  await holdsOnly(before);
});

addon.run();
