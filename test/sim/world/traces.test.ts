import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fault, FaultPlan } from '../../../src/sim/world/index.js';
import { serving, traceOf, withWorld } from '../help.js';

const traces = suite('a world, then its trace');

/** Lines of a test's text, without their indentation. */
function lines(text: string): string { return text.trim().split('\n').map((line) => `${line.trim()}\n`).join(''); }

/** A plan that does something at the nth call of a name, counted over all processes. */
function at(name: string, nth: number, fault: Fault): FaultPlan {
  let seen = 0;
  return { at: (call) => (call.name === name && ++seen === nth ? fault : undefined) };
}

traces('wsh where nobody serves', () => withWorld((world) => {
  const trace = traceOf(world, 'wsh');
  world.start(['wsh', '--socket', '/tmp/none.sock', '/bin/true']);
  world.run();
  assert.is(trace.text, lines(`
    wsh(2): execute wsh --socket /tmp/none.sock /bin/true
    wsh(2): onStart()
    wsh(2): adoptFd(0) = 1
    wsh(2): handleType(1) = 24
    wsh(2): pathType("/tmp/none.sock") = -ENOENT
    wsh(2): connect("/tmp/none.sock") = -ENOENT
    wsh(2): print 2 "wsh: cannot connect to /tmp/none.sock: no such file or directory; is wshd running in this container? (--socket PATH)\\n"
    wsh(2): exit(255)
  `).replace(/"wsh: cannot.*/, (text) => JSON.stringify(`${(JSON.parse(text) as string).slice(0, 80)}…`)));
}));

traces('a request that the socket takes in two pieces', () => withWorld((world) => {
  const container = serving(world);
  world.files.unmark(container.socket);
  const trace = traceOf(world, 'wsh', { deliveries: false, calls: ({ name }) => name === 'write' });
  const wsh = container.wsh(['/bin/script', '-c', 'exit 7']);
  world.run(() => wsh.ended);
  assert.is(trace.text, lines(`
    wsh(4): execute wsh --socket /c/run/wshd.sock /bin/script -c "exit 7"
    wsh(4): write(2, 9656) = 4096 (fault: size 4096)
    wsh(4): write(2, 5560) = 5560
    wsh(4): exit(7)
  `));
}, { plan: at('write', 3, { size: 4096 }) }));

for (const [version, options] of [[1, []], [1, ['--tty', '24x80']], [2, []], [2, ['--tty', '24x80']]] as const) {
  traces(`the answer, before the command is started${options.length > 0 ? ', at a terminal' : ''}: protocol ${version}`, () => withWorld((world) => {
    const container = serving(world), calls = ['accept', 'send', 'spawn'];
    if (version === 1) world.files.unmark(container.socket);
    const trace = traceOf(world, container.init!.title, {
      deliveries: false, calls: ({ name, result }) => calls.includes(name) && result >= 0,
    });
    const wsh = container.wsh([...options, '/bin/script', '-c', 'exit 7']);
    world.run(() => wsh.ended);
    const order = [...trace.text.matchAll(/: (\w+)\(/g)].map(([, name]) => name);
    // The last is the record of the end.
    assert.equal(order, ['accept', 'send', 'spawn', ...version === 2 ? ['send'] : []]);
  }));
}

traces('a command, as its own process sees it', () => withWorld((world) => {
  const container = serving(world);
  const trace = traceOf(world, '-c');
  const wsh = container.wsh(['--verbose', '--user', 'vcap', '/bin/script', '-c', 'print 1 uid; print 1 cwd; print 1 descriptors; print 1 env; fork { exit 4 }; wait; die 9']);
  world.run(() => wsh.ended && wsh.stdout!.ended && wsh.stderr!.ended);
  assert.is(wsh.stdout!.text, lines(`
    1000 1000
    /home/vcap
    0 1 2
    HOME=/home/vcap USER=vcap PATH=/bin:/usr/bin
  `));
  assert.is(wsh.exitCode, 255);
  assert.is(wsh.stderr!.text, 'wsh: the command was killed by signal 9 (SIGKILL)\n');
  assert.is(trace.text.replace(/execute.*/, 'execute'), lines(`
    -c(5): execute
    -c(5): write 1 10 = 10
    -c(5): write 1 11 = 11
    -c(5): write 1 6 = 6
    -c(5): write 1 45 = 45
    -c(5): fork = 3
    -c(6): exit 4 = 0
    -c(6): exit(4)
    -c(5): wait = 0
    -c(5): die 9 = 0
    -c(5): killed(9)
  `));
}));

traces('oom of a group of version 1', () => withWorld((world) => {
  const group = world.cgroup('/cgroup/c', 1), trace = traceOf(world, 'oom', { deliveries: false });
  const oom = world.start(['oom', '/cgroup/c']);
  world.run();
  assert.not(oom.ended);
  group.outOfMemory();
  world.run();
  assert.is(trace.text, lines(`
    oom(2): execute oom /cgroup/c
    oom(2): setParentDeathSignal(9) = 0
    oom(2): pathType("/cgroup/c/memory.oom_control") = 1
    oom(2): pathType("/cgroup/c/cgroup.event_control") = 1
    oom(2): open("/cgroup/c/memory.oom_control", 0) = 1
    oom(2): read(1, 4095) = 42
    oom(2): close(1) = 0
    oom(2): open("/cgroup/c/memory.oom_control", 0) = 1
    oom(2): open("/cgroup/c/cgroup.event_control", 1) = 2
    oom(2): eventfd() = 3
    oom(2): cgroupNotify(3, 1, 2) = 3
    oom(2): watch(3, READ) = 0
    oom(2): open("/cgroup/c/memory.oom_control", 0) = 4
    oom(2): read(4, 4095) = 42
    oom(2): close(4) = 0
    oom(2): read(3, 4096) = 8
    oom(2): pathType("/cgroup/c/memory.oom_control") = 1
    oom(2): exit(0)
  `));
}));

traces('a deadline, which the clock jumps to when nothing else can happen', () => withWorld((world) => {
  const container = serving(world);
  const trace = traceOf(world, 'wshd', { calls: ({ name }) => name === 'close' });
  const silent = world.start(['wsh', '--socket', container.socket]);
  // The client says half of its request, then nothing for an hour.
  world.run(() => silent.ended);
  assert.match(trace.text, /clock 5000 ms\nwshd\(3\): onDeadline\(\)\nwshd\(3\): close\(2\) = 0\n/);
  assert.is(silent.exitCode, 255);
}, { plan: stallsAfterPiece() }));

/** wsh's request goes in two pieces, and wsh stalls behind the first. */
function stallsAfterPiece(): FaultPlan {
  return { at: ({ name, process }) => (name === 'write' && process.program === 'wsh' ? { size: 4096, stallMs: 3_600_000 } : undefined) };
}

traces('a call that fails, and a process that is killed in the middle of what it does', () => withWorld((world) => {
  const container = world.container('/c'), trace = traceOf(world, 'wshd');
  const wshd = container.start();
  world.run();
  assert.is(wshd.exitCode, 1);
  assert.match(trace.text, /loopbackUp\(\) = -EPERM \(fault: EPERM\)\n/);
  assert.is(wshd.stderr!.text, 'wshd: cannot set the loopback interface up: operation not permitted; it needs CAP_NET_ADMIN\n'
    + 'wshd: the container\'s first process ended before it served\n');
  assert.equal(world.files.list('/c/run'), []);
}, { plan: at('loopbackUp', 1, { errno: 1 }) }));

/** The first word that a container serves is lost, and its first process cannot be killed for that. */
function unheard(): FaultPlan {
  return {
    at: ({ name, process: { program, pid } }) => {
      if (program !== 'wshd') return undefined;
      // The parent, pid 2, writes too: the word to go on.
      if (name === 'kill') return { errno: 1 };
      return name === 'write' && pid !== 2 ? { errno: 12 } : undefined;
    },
  };
}

traces('a container that cannot say that it serves ends, and so does who waits for it', () => withWorld((world) => {
  const container = world.container('/c'), wshd = container.start();
  world.run();
  assert.equal([wshd.ended, wshd.exitCode], [true, 1]);
  assert.match(wshd.stderr!.text, /^wshd: the container's first process ended before it served\n/);
  assert.equal(world.processes.filter(({ title }) => title.startsWith('wshd')).length, 0);
}, { plan: unheard() }));

traces('killed before a call, a program leaves its descriptors to the kernel', () => withWorld((world) => {
  const container = serving(world);
  world.files.unmark(container.socket);
  const wsh = container.wsh(['/bin/script', '-c', 'copy'], { stdin: 'pipe' });
  world.run();
  assert.is(wsh.killedBy, 9);
  // The command's stdin has ended with wsh.
  assert.equal(world.processes.map((process) => process.title), ['wshd']);
}, { plan: at('receive', 1, { kill: 'after' }) }));

traces.run();
