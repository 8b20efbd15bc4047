/** What a trap costs: docs/internals/architecture.md, "When something traps". The exhaustive run has one at every call. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Fault, type FaultPlan, Guest } from '../../../src/sim/world/index.js';
import { serving, withWorld } from '../help.js';

const traps = suite('traps');

/** The first call of that name traps; only of that program. */
function trapAt(program: string, name: string): FaultPlan {
  let left = 1;
  return { at: (call) => (call.process.program === program && call.name === name && left-- > 0 ? { trap: true } : undefined) };
}

const EAGAIN = 11, EMFILE = 24;
const IN_BOTH = ['spawnBegin', 'pipe', 'send', 'open', 'spawnUser', 'spawn'];
const WHILE_SERVING = [
  ...[...IN_BOTH, 'spawnArguments', 'duplicate'].map((name) => [1, name] as const), ...[...IN_BOTH, 'receive', 'spawnBlock'].map((name) => [2, name] as const),
];

for (const [version, name] of WHILE_SERVING) {
  traps(`protocol ${version}: one at ${name} costs the client that is being served its command, and nobody else anything`, () => {
    let isServing = false;
    const trap = trapAt('wshd', name), plan: FaultPlan = { at: (call) => (isServing ? trap.at(call) : undefined) };
    return withWorld((world) => {
      const container = serving(world);
      if (version === 1) world.files.unmark(container.socket);
      const other = container.wsh(['/bin/script', '-c', 'copy; exit 4'], { stdin: 'pipe' });
      world.run();
      isServing = true;
      const hit = container.wsh(['--verbose', '/bin/script', '-c', 'exit 3']);
      world.run();
      assert.is(hit.exitCode, 255);
      assert.match(hit.stderr!.text, /^wsh: /);
      const next = container.wsh(['/bin/script', '-c', 'exit 5']);
      other.stdin!.end();
      world.run();
      assert.is(next.exitCode, 5);
      assert.is(other.exitCode, 4);
      assert.is((container.init!.runner as Guest).handles.count, 1, 'the listener');
    }, { plan });
  });
}

traps('one in a second try costs only the client whose turn it was: others that wait for theirs get it', () => {
  let isServing = false, pipes = 0;
  // Both find no descriptors; then the first of them meets a trap.
  const faults: Readonly<Record<number, Fault>> = { 1: { errno: EMFILE }, 2: { errno: EMFILE }, 3: { trap: true } };
  const plan: FaultPlan = { at: ({ process, name }) => (isServing && process.program === 'wshd' && name === 'pipe' ? faults[++pipes] : undefined) };
  return withWorld((world) => {
    const container = serving(world);
    isServing = true;
    const both = [1, 2].map(() => container.wsh(['/bin/script', '-c', 'exit 3']));
    world.run(() => both.every(({ ended }) => ended));
    assert.equal(both.map(({ exitCode }) => exitCode).sort(), [255, 3]);
    assert.ok(world.nowMs < 1000, `after ${world.nowMs} ms`);
  }, { plan });
});

traps('one while accepting is resumed leaves that to be tried again', () => {
  let isServing = false, reads = 0, accepts = 0, listener = 0, hits = 0;
  /** The first handle whose watch ends is the listener; the module traps when it watches that again. */
  const watched = (handle: number, events: number): Fault | undefined => {
    if (listener !== 0) return handle === listener && hits++ === 0 ? { trap: true } : undefined;
    if (events === 0) listener = handle;
    return undefined;
  };
  const plan: FaultPlan = {
    at: ({ process, name, args }) => {
      if (!isServing || process.program !== 'wshd') return undefined;
      // The request is not there yet when its client is accepted, and then nobody else can be.
      if (name === 'read' && reads++ === 0) return { errno: EAGAIN };
      if (name === 'accept' && ++accepts === 2) return { errno: EMFILE };
      return name === 'watch' ? watched(args[0]!, args[1]!) : undefined;
    },
  };
  return withWorld((world) => {
    const container = serving(world);
    isServing = true;
    const first = container.wsh(['/bin/script', '-c', 'exit 3']);
    world.run();
    assert.is(first.exitCode, 3);
    assert.ok(hits > 0, 'the trap was met');
    const next = container.wsh(['/bin/script', '-c', 'exit 5']);
    world.run();
    assert.is(next.exitCode, 5);
  }, { plan });
});

traps('one in wsh leaves the terminal as it was', () => withWorld((world) => {
  const wsh = serving(world).wsh(['/bin/script', '-c', 'hang'], { terminal: { rows: 24, columns: 80 } });
  world.run();
  assert.is(wsh.exitCode, 255);
  assert.ok(wsh.terminal!.pty.settings.cooked);
  assert.match(wsh.terminal!.screen.text, /wsh: the module trapped/);
}, { plan: trapAt('wsh', 'copyWindowSize') }));

traps('one in iomux-spawn takes its command and its sockets along', () => withWorld((world) => {
  const container = serving(world), job = container.spawn('1', ['/bin/script', '-c', 'hang']);
  world.run(() => world.files.exists('/c/jobs/1/status.sock'));
  const link = container.link('1');
  world.run(() => job.ended);
  world.run();
  assert.is(job.exitCode, 1);
  assert.equal(world.files.list('/c/jobs/1'), []);
  assert.is(link.exitCode, 255);
  assert.equal(world.processes.map(({ title }) => title), [container.init!.title]);
}, { plan: trapAt('iomux-spawn', 'peerPid') }));

traps.run();
