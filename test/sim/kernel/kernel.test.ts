import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundary } from '../../../src/sim/guest/calls/index.js';
import { errnos, Guest, type RunningProgram, type World } from '../../../src/sim/world/index.js';
import { serving, withWorld } from '../help.js';

const kernel = suite('the simulated kernel');

/** Runs a script to its end; its output. */
function output(world: World, script: string): string {
  const program = world.start(['/bin/script', '-c', script]);
  world.run(() => program.ended && program.stdout!.ended);
  return program.stdout!.text;
}

kernel('gives orphans to the namespace\'s first process, which reaps them', () => withWorld((world) => {
  const container = serving(world), wsh = container.wsh(['/bin/script', '-c', 'fork { fork { sleep 50; exit 1 }; exit 2 }; sleep 10; exit 3']);
  world.run(() => wsh.ended);
  assert.is(wsh.exitCode, 3);
  const orphan = world.processes.find((process) => process.title === '-c')!;
  assert.is(orphan.parent, container.init);
  world.run();
  assert.ok(orphan.reaped);
  assert.equal(container.init!.children, []);
}));

kernel('kills everybody in a namespace whose first process ends', () => withWorld((world) => {
  const container = serving(world), wsh = container.wsh(['/bin/script', '-c', 'fork { hang }; hang']);
  world.run();
  assert.is(world.processes.length, 4);
  world.signal(container.init!, 9);
  world.run();
  assert.equal(world.processes, []);
  assert.is(wsh.exitCode, 255);
}));

kernel('shields a namespace\'s first process from its own, and only from them', () => withWorld((world) => {
  const container = serving(world), first = container.init!;
  for (const signal of [1, 2, 15]) first.receive(signal);
  assert.not(first.ended);
  first.receive(9, false);
  assert.not(first.ended);
  first.receive(9, true);
  assert.ok(first.ended);
}));

kernel('tells children that asked for it that their parent has died', () => withWorld((world) => {
  world.cgroup('/cgroup/c', 2);
  const server = world.start(['/bin/script', '-c', 'hang']), oom = world.start(['oom', '/cgroup/c'], { parent: server.process });
  world.run();
  world.signal(server, 15);
  assert.is(server.killedBy, 15);
  assert.is(oom.killedBy, 9);
}));

kernel('closes a pipe when its last descriptor is closed, in whichever process', () => withWorld((world) => {
  const program = world.start(['/bin/script', '-c', 'fork { sleep 100; write 1 5 }; write 1 3']);
  world.run(() => program.ended);
  world.run(() => program.stdout!.length === 3);
  assert.not(program.stdout!.ended);
  world.run();
  assert.ok(program.stdout!.ended);
  assert.is(program.stdout!.length, 8);
  assert.is(world.nowMs, 100);
}));

kernel('kills who writes to a pipe that nobody reads, unless they ignore it', () => withWorld((world) => {
  const dies = world.start(['/bin/script', '-c', 'sleep 1; write 1 1; exit 4']);
  const ignores = world.start(['/bin/script', '-c', 'ignore 13; sleep 1; write 1 1; exit 4']);
  dies.stdout!.close();
  ignores.stdout!.close();
  world.run();
  assert.is(dies.killedBy, 13);
  assert.is(ignores.exitCode, 4);
}));

kernel('lets a reader that is stuck hold up its writer, and nobody else', () => withWorld((world) => {
  const stuck = world.start(['/bin/script', '-c', 'write 1 200000']), other = world.start(['/bin/script', '-c', 'write 1 200000']);
  stuck.stdout!.pause();
  world.run();
  assert.ok(other.ended);
  assert.not(stuck.ended);
  stuck.stdout!.resume();
  world.run();
  assert.ok(stuck.ended);
  assert.is(stuck.stdout!.length, 200_000);
}));

kernel('stops and continues processes', () => withWorld((world) => {
  const program = world.start(['/bin/script', '-c', 'sleep 10; exit 5']);
  world.signal(program, 19);
  world.run();
  assert.not(program.ended);
  world.signal(program, 18);
  world.run();
  assert.is(program.exitCode, 5);
}));

kernel('runs hooks, which see the host and can make the container\'s files', () => withWorld((world) => {
  const container = serving(world, '/c', { hooks: { 'parent-after-clone': 'print 2 env', 'child-after-pivot': 'print 2 cwd' } });
  assert.ok(container.init);
}));

kernel('tells which hook failed, and leaves nothing behind', () => withWorld((world) => {
  const container = world.container('/c', { hooks: { 'child-before-pivot': 'say 2 no; exit 3' } }), wshd = container.start();
  world.run();
  assert.is(wshd.exitCode, 1);
  assert.is(wshd.stderr!.text.split('\n')[1], 'wshd: the hook /c/lib/hook-child-before-pivot.sh failed with exit code 3');
  assert.equal(world.processes, []);
  assert.equal(world.files.list('/c/run'), []);
}));

kernel('shows a container its own files only', () => withWorld((world) => {
  const container = serving(world);
  const outside = container.wsh(['/usr/bin/wsh']), shell = container.wsh([], { stdin: 'pipe' });
  shell.stdin!.write('print 1 cwd\nexit 6\n');
  world.run(() => outside.ended && shell.ended && shell.stdout!.ended && outside.stderr!.ended);
  assert.is(outside.stderr!.text, 'wsh: cannot execute /usr/bin/wsh: no such file or directory\n');
  assert.is(outside.exitCode, 255);
  assert.is(shell.stdout!.text, '/root\n');
  assert.is(shell.exitCode, 6);
}));

kernel('runs a shell at a terminal, with its size, its signals and its hangup', () => withWorld((world) => {
  const container = serving(world), wsh = container.wsh(['/bin/script'], { terminal: { rows: 24, columns: 80 } }), terminal = wsh.terminal!;
  world.run();
  terminal.type('print 1 size\r');
  world.run();
  assert.is(terminal.screen.text, 'print 1 size\r\n24 80\r\n');
  terminal.resize({ rows: 50, columns: 100 });
  terminal.type('print 1 size\r');
  world.run();
  assert.match(terminal.screen.text, /50 100\r\n$/);
  assert.not(terminal.pty.settings.cooked);
  terminal.type('\x03');
  world.run();
  assert.ok(wsh.ended);
  assert.is(wsh.exitCode, 255);
  assert.ok(terminal.pty.settings.cooked, 'the terminal is as it was');
}));

kernel('leaves a terminal to who has it open when its session\'s leader ends: why a command cannot be executed is told late, too', () => withWorld((world) => {
  const container = serving(world), wsh = container.wsh(['/bin/nothing'], { terminal: { rows: 24, columns: 80 } });
  world.run();
  assert.is(wsh.exitCode, 255);
  assert.is(wsh.terminal!.screen.text, 'wsh: cannot execute /bin/nothing: no such file or directory\r\n');
}, { plan: { at: ({ process, name }) => (process.program === 'wshd' && name === 'spawn' ? { stallMs: 100 } : undefined) } }));

kernel('ends wsh with its terminal', () => withWorld((world) => {
  const container = serving(world), wsh = container.wsh(['/bin/script', '-c', 'hang'], { terminal: { rows: 24, columns: 80 } });
  world.run();
  wsh.terminal!.hangUp();
  world.run();
  assert.is(wsh.killedBy, 1);
  assert.equal(world.processes.map((process) => process.title), ['wshd']);
}));

kernel('keeps to limits of descriptors', () => withWorld((world) => {
  const container = serving(world), init = container.init!;
  init.descriptors.limit = init.descriptors.count + 3;
  const wsh = container.wsh(['/bin/script', '-c', 'exit 2']);
  world.run(() => wsh.ended || world.nowMs > 6_000);
  assert.is(wsh.exitCode, 255);
  init.descriptors.limit = 100;
  const again = container.wsh(['/bin/script', '-c', 'exit 2']);
  world.run(() => again.ended);
  assert.is(again.exitCode, 2);
}));

kernel('says what is wrong with a script', () => withWorld((world) => {
  assert.is(output(world, 'print 1 args'), '/bin/script -c print 1 args\n');
  const program = world.start(['/bin/script', '-c', 'fork { write 1 1']);
  world.run(() => program.ended && program.stderr!.ended);
  assert.is(program.exitCode, 2);
  assert.is(program.stderr!.text, 'script: a { has no }\n');
}));

/** A call of a module's that its logic does not make. */
function call(guest: Guest, name: string, ...numbers: number[]): number {
  return guest.call(boundary.get(name)!, 0, numbers);
}

/** A text at the end of the guest's memory; its place and size. */
function text(guest: Guest, ...strings: string[]): [at: number, size: number] {
  const bytes = new TextEncoder().encode(strings.map((each) => `${each}\0`).join('')), at = guest.memoryBytes - 64 - bytes.length;
  guest.writable(at, bytes.length)!.set(bytes);
  return [at, bytes.length];
}

kernel('holds modules to the files that they may run, as the native programs are', () => withWorld((world) => {
  const job = serving(world).spawn('1', ['/bin/script']), link = world.start(['iomux-link', '/c/jobs/1']);
  const runs = (program: RunningProgram, ...files: string[]): number => {
    const guest = program.process.runner as Guest;
    assert.is(call(guest, 'spawnBegin'), 0);
    return call(guest, 'spawnFiles', ...text(guest, ...files));
  };
  assert.is(runs(job, '/usr/bin/wsh'), 0);
  assert.is(runs(job, '/bin/sh'), -errnos.EACCES);
  assert.is(runs(job, '/usr/bin/wsh', '/bin/sh'), -errnos.EACCES);
  assert.is(runs(link, '/bin/sh'), -errnos.EACCES);
}));

kernel('gives modules the descriptors that they were started with, each once', () => withWorld((world) => {
  const container = serving(world), wshd = container.init!.runner as Guest, wsh = container.wsh(['/bin/script', '-c', 'hang']);
  const guest = wsh.process.runner as Guest;
  assert.is(call(guest, 'adoptFd', 3), -errnos.EBADF, 'epoll\'s');
  assert.ok(call(guest, 'adoptFd', 1) > 0);
  assert.is(call(guest, 'adoptFd', 1), -errnos.EBADF);
  assert.ok(call(guest, 'adoptFd', 2) > 0);
  assert.ok(call(guest, 'adoptFd', 2) > 0, 'stderr stays beside');
  // The latch has taken the call from it.
  for (let fd = 0; fd < 32; fd++) assert.is(call(wshd, 'adoptFd', fd), -errnos.EPERM, `descriptor ${fd} of a wshd that serves`);
  assert.is(call(wshd, 'dropStdioAndEnvironment'), -errnos.EPERM, 'a second time');
}));

kernel('lets modules leave marks on pipes of their own', () => withWorld((world) => {
  const container = serving(world), guest = container.wsh(['/bin/script', '-c', 'hang'], { stdin: 'pipe' }).process.runner as Guest;
  assert.is(call(guest, 'tagPipe', call(guest, 'adoptFd', 0), 7), -errnos.EPERM);
  const [at] = text(guest, '12345678');
  assert.is(call(guest, 'pipe', at), 0);
  const [end] = new Int32Array(guest.bytes(at, 4)!.slice().buffer);
  for (const handle of [end!, call(guest, 'duplicate', end!)]) {
    assert.is(call(guest, 'tagPipe', handle, 9), 0);
    assert.is(call(guest, 'pipeTag', end!), 9);
  }
}));

kernel.run();
