/** docs/reference/wsh.md, on any host. */
import * as assert from 'uvu/assert';
import { pattern } from '../../src/sim/script/pattern.js';
import { decodeRequest } from '../../src/wire/codec.js';
import { assertPattern, endsWith } from './jobs.js';
import { Behaviours, type CaseOptions, type Connection, type Outcome, outcomeOf, runToEnd, type StartOptions, type World } from './world.js';

export const behaviours = new Behaviours('wsh');
const { add } = { add: behaviours.add.bind(behaviours) };

const SIGKILL = 9, SIGPIPE = 13, SIGTERM = 15;
const REQUEST_BYTES = 9656;
const IN_CONTAINER: CaseOptions = { needs: 'container' };

/** Runs a script in the container, with this for its input. */
async function runIn(world: World, text: string, input: Uint8Array | string = '', options: readonly string[] = []): Promise<Outcome> {
  const container = await world.container(), wsh = container.wsh([...options, ...container.script(text)]);
  wsh.stdin.write(input);
  return outcomeOf(world, wsh);
}

for (const code of [0, 1, 42, 127, 254, 255]) {
  add(`exit code ${code} passes through`, async (world) => {
    assert.equal(await runIn(world, `say 1 out; say 2 err; exit ${code}`), { code, stdout: 'out\n', stderr: 'err\n' });
  }, IN_CONTAINER);
}

for (const [signal, name] of [[2, '2 (SIGINT)'], [9, '9 (SIGKILL)'], [11, '11 (SIGSEGV)'], [40, '40']] as const) {
  add(`a command that signal ${signal} killed is 255, told when asked for`, async (world) => {
    const die = `say 1 out; die ${signal}`, told = `wsh: the command was killed by signal ${name}\n`;
    assert.equal(await runIn(world, die), { code: 255, stdout: 'out\n', stderr: '' });
    assert.equal(await runIn(world, die, '', ['-v']), { code: 255, stdout: 'out\n', stderr: told });
    assert.equal(await runIn(world, die, '', ['--signal-status']), { code: 128 + signal, stdout: 'out\n', stderr: '' });
  }, IN_CONTAINER);
}

add('the end of stdin is the end of the command\'s, and its output goes on', async (world) => {
  assert.equal(await runIn(world, 'copy; say 1 behind the end; sleep 20; say 1 later; exit 4', 'hello\n'), { code: 4, stdout: 'hello\nbehind the end\nlater\n', stderr: '' });
}, IN_CONTAINER);

add('a command that does not read its stdin', async (world) => {
  assert.is((await runIn(world, 'exit 3', new Uint8Array(1_000_000))).code, 3);
}, IN_CONTAINER);

add('a command that closes all that it has, and goes on', async (world) => {
  assert.equal(await runIn(world, 'close 0; close 1; close 2; sleep 20; exit 12', 'x'), { code: 12, stdout: '', stderr: '' });
}, IN_CONTAINER);

add('a million bytes in and out at once', async (world) => {
  const container = await world.container(), wsh = container.wsh(container.script('copy; exit 5')), bytes = pattern(1, 0, 1_000_000);
  wsh.stdin.write(bytes);
  wsh.stdin.end();
  await endsWith(world, wsh, 5);
  assertPattern(1, 0, wsh.stdout.bytes, bytes.length, 'what came back');
}, IN_CONTAINER);

add('a million bytes in and out, when nobody reads before all is written', async (world) => {
  const container = await world.container(), wsh = container.wsh(container.script('copy; exit 5')), bytes = pattern(1, 0, 1_000_000);
  wsh.stdout.pause();
  wsh.stdin.write(bytes);
  wsh.stdin.end();
  await world.pass(200);
  wsh.stdout.resume();
  await endsWith(world, wsh, 5);
  assertPattern(1, 0, wsh.stdout.bytes, bytes.length, 'what came back');
}, IN_CONTAINER);

for (const size of [1, 65_536, 65_537, 300_000]) {
  add(`${size} bytes right before the exit, to a slow reader`, async (world) => {
    const container = await world.container(), wsh = container.wsh(container.script(`write 1 ${size} 65536; write 2 ${size} 65536; exit 3`));
    wsh.stdout.pause();
    wsh.stderr.pause();
    await world.pass(100);
    wsh.stdout.resume();
    wsh.stderr.resume();
    await endsWith(world, wsh, 3);
    assertPattern(1, 0, wsh.stdout.bytes, size, 'stdout');
    assertPattern(2, 0, wsh.stderr.bytes, size, 'stderr');
  }, IN_CONTAINER);
}

add('a stream whose reader is stuck does not hold up the other', async (world) => {
  const size = 1_000_000, container = await world.container(), wsh = container.wsh(container.script(`fork { write 1 ${size} 65536 }; write 2 ${size} 65536; wait; exit 8`));
  wsh.stdout.pause();
  await world.until(() => wsh.stderr.length === size, 'all of stderr');
  assert.is(wsh.exitCode, undefined);
  wsh.stdout.resume();
  await endsWith(world, wsh, 8);
  assertPattern(1, 0, wsh.stdout.bytes, size, 'stdout');
}, IN_CONTAINER);

add('a reader that goes away ends the command', async (world) => {
  const container = await world.container(), wsh = container.wsh(['-v', ...container.script('repeat 1000000 { write 1 4096 }')]);
  await world.until(() => wsh.stdout.length > 0, 'something comes');
  wsh.stdout.close();
  await endsWith(world, wsh, 255);
  assert.match(wsh.stderr.text, `wsh: the command was killed by signal ${SIGPIPE} (SIGPIPE)\n`);
}, IN_CONTAINER);

for (const stays of ['hang', 'repeat 1000000 { write 1 100; sleep 1 }']) {
  add(`a grandchild that keeps the streams open does not delay the end: ${stays}`, async (world) => {
    const { code, stdout } = await runIn(world, `say 1 out; fork { ${stays} }; sleep 20; exit 5`);
    assert.equal([code, stdout.slice(0, 4)], [5, 'out\n']);
  }, IN_CONTAINER);
}

add('a wsh that is killed takes the command\'s readers with it', async (world) => {
  const container = await world.container(), marks = container.script('copy; exit 0');
  const wsh = container.wsh(marks);
  wsh.stdin.write('x');
  await world.until(() => wsh.stdout.length === 1, 'the command runs');
  wsh.kill(SIGKILL);
  await world.until(() => wsh.ended, 'wsh is gone');
  assert.is(wsh.killedBy, SIGKILL);
  assert.is((await runIn(world, 'exit 0')).code, 0);
}, IN_CONTAINER);

add('a signal to wsh reaches the command, and both end by it', async (world) => {
  const container = await world.container(), wsh = container.wsh(['--raise', ...container.script('say 1 ready; hang')]);
  await world.until(() => wsh.stdout.length > 0, 'the command runs');
  wsh.kill(SIGTERM);
  await world.until(() => wsh.ended, 'wsh is gone');
  assert.is(wsh.killedBy, SIGTERM);
}, IN_CONTAINER);

add('--raise: dies by the signal that killed the command, and says nothing; an exit code stays one', async (world) => {
  const container = await world.container(), killed = container.wsh(['--raise', ...container.script(`write 1 10; die ${SIGTERM}`)]);
  killed.stdin.end();
  await world.until(() => killed.ended, 'wsh ends');
  assert.equal([killed.killedBy, killed.stdout.length, killed.stderr.text], [SIGTERM, 10, '']);
  const exits = container.wsh(['--raise', ...container.script('exit 9')]);
  assert.equal(await outcomeOf(world, exits), { code: 9, stdout: '', stderr: '' });
}, IN_CONTAINER);

add('--rsh takes the rest as rsh(1) would', async (world) => {
  const container = await world.container();
  const wsh = container.wsh(['--rsh', '-4', '-n', '-t', '60', '-l', 'root', 'container', ...container.script('say 1 here; exit 6')]);
  assert.equal(await outcomeOf(world, wsh), { code: 6, stdout: 'here\n', stderr: '' });
}, IN_CONTAINER);

const NO_WSHD = 'is wshd running in this container? (--socket PATH)';

add('says that there is no wshd', async (world) => {
  const path = `${world.directory()}/wshd.sock`, outcome = await runToEnd(world, 'wsh', ['--socket', path, 'true']);
  assert.equal(outcome, { code: 255, stdout: '', stderr: `wsh: cannot connect to ${path}: no such file or directory; ${NO_WSHD}\n` });
});

/** What wsh makes of a wshd that does this. */
async function meets(world: World, talk: (connection: Connection) => void): Promise<Outcome> {
  const path = `${world.directory()}/wshd.sock`;
  await world.serve(path, talk);
  return runToEnd(world, 'wsh', ['--socket', path, 'true']);
}

const VERSION = 'wsh: wshd\'s answer is not of protocol version 1\n';
const REFUSED = 'wsh: wshd refused the request: it closed the connection without an answer\n';
const DESCRIPTORS = 'wsh: wshd\'s answer does not carry the descriptors that the protocol asks for\n';
const answers: Record<string, [bytes: number[], stderr: string]> = {
  'none': [[], REFUSED],
  'version 0': [[0, 0, 0, 0], VERSION],
  'version 2': [[2, 0, 0, 0], VERSION],
  'the other byte order': [[0, 0, 0, 1], VERSION],
  'one byte': [[1], VERSION],
  'no descriptors': [[1, 0, 0, 0], DESCRIPTORS],
};
for (const [what, [bytes, stderr]] of Object.entries(answers)) {
  add(`an answer that is none: ${what}`, async (world) => {
    const outcome = await meets(world, (connection) => {
      connection.write(Uint8Array.from(bytes));
      connection.end();
    });
    assert.equal(outcome, { code: 255, stdout: '', stderr });
  });
}

add('a wshd that does not answer is given up after half a minute', async (world) => {
  assert.match((await meets(world, () => undefined)).stderr, 'wsh: wshd did not answer within 30 seconds');
}, { notOn: { native: '30 seconds of real time; test/programs/wsh/wsh-answer.test.ts has a shorter deadline', Node: '30 seconds of real time' } });

add('the request says what was asked for', async (world) => {
  let request: Connection | undefined;
  const path = `${world.directory()}/wshd.sock`;
  await world.serve(path, (connection) => { request = connection; });
  const env = { LANG: 'de_DE.UTF-8', RLIMIT_CPU: '7 9', RLIMIT_NOFILE: '-1' };
  const wsh = world.start('wsh', ['--socket', path, '--user', 'vcap', 'echo', '', 'a b', 'é'], { env });
  await world.until(() => request?.length === REQUEST_BYTES, 'the request comes');
  request!.end();
  await endsWith(world, wsh, 255);
  const { request: decoded, refusal } = decodeRequest(request!.bytes);
  assert.ok(decoded, refusal?.reason);
  assert.equal([decoded.argv, decoded.user, decoded.lang, decoded.tty], [['echo', '', 'a b', 'é'], 'vcap', 'de_DE.UTF-8', false]);
  assert.is(decoded.limits.length, 15);
  assert.equal(decoded.limits.find(({ id }) => id === 0), { id: 0, soft: 7n, hard: 9n });
});

add('refuses limits, users and arguments that no request can hold', async (world) => {
  const nobody = ['--socket', `${world.directory()}/none.sock`];
  const cases: [string[], StartOptions, string][] = [
    [['true'], { env: { RLIMIT_CPU: 'many' } }, 'RLIMIT_CPU is not a limit'], [['x'.repeat(8192)], {}, 'the name of a command has at most 4095 bytes'],
    [['--user', 'x'.repeat(1024), 'true'], {}, '--user has at most 1023 bytes'], [['true'], { env: { LANG: 'x'.repeat(1024) } }, 'LANG has at most 1023 bytes'],
  ];
  for (const [args, options, words] of cases) {
    const { code, stderr } = await runToEnd(world, 'wsh', [...nobody, ...args], options);
    assert.is(code, 255, words);
    assert.match(stderr, words);
  }
});

add('refuses a command line that makes no sense, and shows help', async (world) => {
  for (const args of [['--unknown'], ['--socket'], ['--user']]) {
    const { code, stderr } = await runToEnd(world, 'wsh', args);
    assert.is(code, 1, args.join(' '));
    assert.match(stderr, 'wsh: invalid option, or one without its value:');
  }
  assert.is((await runToEnd(world, 'wsh', ['--help'])).code, 0);
});
