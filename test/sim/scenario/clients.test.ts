/** Clients at their worst moments: what one of wshd's does to the ends that it was given, when one of iomux-spawn's comes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FaultPlan, Guest, type Observer, type StartOptions } from '../../../src/sim/world/index.js';
import { PipeEnd } from '../../../src/sim/kernel/pipe.js';
import { ptyOf } from '../../../src/sim/kernel/tty/pty.js';
import { Peer } from '../../../src/sim/scenario/peer.js';
import type { FileDescription } from '../../../src/sim/kernel/open-file.js';
import type { Socket } from '../../../src/sim/kernel/socket.js';
import { serving, withWorld } from '../help.js';

const clients = suite('clients');

/** Fills it as whoever reads a pipe can, through /proc/self/fd, or whoever holds a master by what is echoed. */
function fill(end: FileDescription): void {
  const bytes = new Uint8Array(4096), what = end instanceof PipeEnd ? end.pipe : undefined, pty = ptyOf(end);
  while ((what ? what.write(bytes) : pty!.show(bytes)) > 0);
}

/** Once, before wshd makes the call behind an answer: fills these of the descriptors that travel with it, and `then`. */
function filler(places: readonly number[], then: () => void): Observer {
  let left = 1;
  return {
    call({ process, name, args, result }) {
      if (process.program !== 'wshd' || name !== 'send' || result !== ANSWER_BYTES || left-- === 0) return;
      const socket = (process.runner as Guest).handles.description(args[0]!) as Socket, { rights } = socket.peer!.queue.at(-1)!;
      for (const place of places) fill(rights[place]!);
      then();
    },
  };
}

const HEADER_BYTES = 4, STATUS_BYTES = 4;
const TERMINAL: StartOptions = { terminal: { rows: 24, columns: 80 } };
const EAGAIN = 11, SIGKILL = 9, SIGSTOP = 19, ANSWER_BYTES = 4;
const STDERR = 2, STATUS = 3, MASTER = 0, TERMINAL_STATUS = 1;
const cases: Readonly<Record<string, [argv: string[], places: number[], options?: StartOptions]>> = {
  'the exit status of a command that ends': [['/bin/script', '-c', 'exit 3'], [STATUS]],
  'stderr of a command that cannot be executed': [['/bin/nothing'], [STDERR]],
  'stderr and exit status for a user that there is not': [['--user', 'nobody', '/bin/script'], [STDERR, STATUS]],
  'the terminal of a user that there is not': [['--user', 'nobody', '/bin/script'], [MASTER], TERMINAL],
  'the exit status of a command at a terminal': [['/bin/script', '-c', 'exit 3'], [TERMINAL_STATUS], TERMINAL],
};

for (const [what, [argv, places, options]] of Object.entries(cases)) {
  clients(`with what it was given full, one keeps nobody else waiting: ${what}`, () => withWorld((world) => {
    const container = serving(world);
    // In protocol 2 nothing of these is written but records, into a socket that has room for them.
    world.files.unmark(container.socket);
    const hit = container.wsh(argv, options);
    // It neither reads nor goes away.
    world.observe(filler(places, () => { world.signal(hit, SIGSTOP); }));
    world.run();
    const next = container.wsh(['/bin/script', '-c', 'exit 5']);
    world.run();
    assert.is(next.exitCode, 5);
    assert.not.ok(hit.ended);
    world.signal(hit, SIGKILL);
    world.run();
    assert.is((container.init!.runner as Guest).handles.count, 1, 'the listener');
  }));
}

const STOPPED_STARTS = 'commands that their user stops before they execute keep nobody waiting, and are killed after a while';
for (const version of [1, 2]) clients(`${STOPPED_STARTS}: protocol ${version}`, () => withWorld((world) => {
  const container = serving(world), STOPPED = 70, WITH_MESSAGE = 64;
  if (version === 1) world.files.unmark(container.socket);
  let left = STOPPED;
  world.observe({ started: (process) => { if (process.parent === container.init && left-- > 0) process.receive(SIGSTOP); } });
  const stopped = Array.from({ length: STOPPED }, () => container.wsh(['/bin/script', '-c', 'exit 3']));
  world.run(() => left === 0);
  const before = world.nowMs, next = container.wsh(['/bin/script', '-c', 'exit 5']);
  world.run(() => next.ended);
  assert.equal([next.exitCode, world.nowMs], [5, before]);
  world.run(() => stopped.filter((each) => each.ended && each.stderr!.ended).length === WITH_MESSAGE - 1);
  // Those that lost their place to a later one stay stopped, as a command may that runs.
  const ended = stopped.filter((each) => each.ended);
  assert.equal([ended.length, world.nowMs - before], [WITH_MESSAGE - 1, 30_000]);
  for (const { exitCode, stderr } of ended) {
    assert.is(exitCode, 255);
    assert.match(stderr!.text, version === 1
      ? /^wshd: \/bin\/script was not executed within 30 s, and is killed; .*\n$/
      : /^wsh: cannot execute \/bin\/script: timed out; a process of its user may have stopped it\n$/);
  }
}));

clients('clients that say nothing and take all places keep others waiting for a second, and later ones for as long', () => withWorld((world) => {
  const container = serving(world), PLACES = 1_024, CROWDED_MS = 1_000, ROUNDS = 3;
  const connect = (_: unknown, index: number): Peer => Peer.connect(world, container.socket, new Uint8Array(0), true, index)!;
  const mute = Array.from({ length: ROUNDS * PLACES }, connect);
  const before = world.nowMs, next = container.wsh(['/bin/script', '-c', 'exit 5']);
  world.run(() => next.ended);
  assert.is(next.exitCode, 5);
  assert.is(world.nowMs - before, ROUNDS * CROWDED_MS);
  assert.ok(mute.every(({ ended, received }) => ended && received === 0));
  // A client alone has the whole time.
  const alone = connect(undefined, 1), since = world.nowMs;
  world.run(() => alone.ended);
  assert.is(world.nowMs - since, 5_000);
}));

clients('a link that connects while the last one is told the status is served, too', () => withWorld((world) => {
  const container = serving(world), job = container.spawn('1', ['/bin/script', '-c', 'write 1 300; exit 4']), link = container.link('1');
  const late: Peer[] = [];
  world.observe({
    call({ process, name, result }) {
      // Its command is reaped, and this is no header any more: the status. Nobody is left when its connection is closed next.
      const isStatus = process.program === 'iomux-spawn' && name === 'write' && result === STATUS_BYTES && process.children.length === 0;
      if (!isStatus || late.length > 0) return;
      for (const channel of ['stdout', 'stderr', 'status']) {
        late.push(Peer.connect(world, `${container.jobDirectory('1')}/${channel}.sock`, new Uint8Array(0), true, 1)!);
      }
    },
  });
  world.run();
  assert.equal([job.exitCode, link.exitCode, late.length], [0, 4, 3]);
  assert.equal(late.map(({ received }) => received), [HEADER_BYTES + 300, HEADER_BYTES, STATUS_BYTES]);
  assert.ok(late.every(({ ended }) => ended));
}));

clients('a link saves what it copied before it was connected to all sockets', () => {
  // Those of a first link, by which the command begins, and two of the second one's; then iomux-spawn's queue is full for a while.
  let connections = -5;
  const plan: FaultPlan = {
    at({ process, name }) {
      if (process.program !== 'iomux-link' || name !== 'connect') return undefined;
      return ++connections > 0 && connections < 8 ? { errno: EAGAIN } : undefined;
    },
  };
  return withWorld((world) => {
    const container = serving(world);
    container.spawn('1', ['/bin/script', '-c', 'write 1 300; hang']);
    container.link('1');
    world.run();
    const link = container.link('1', ['-w', '/tmp/cursor']);
    world.run();
    assert.equal([link.ended, link.stdout!.length, connections], [false, 300, 8]);
    assert.equal(world.files.read('/tmp/cursor'), Uint8Array.of(0, 0, 1, 44, 0, 0, 0, 0));
  }, { plan });
});

clients.run();
