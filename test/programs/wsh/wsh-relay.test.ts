import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { argvOf, crowd, suiteOnHosts, wordsOf } from '../../support/hosts.js';
import { type Ended, run, type RunOptions } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const MINUTE_MS = 60_000;

const relay = suiteOnHosts('bytes through wsh', 'wsh');
const test = unless(noContainers, relay);
let container: TestContainer;

if (!noContainers) {
  relay.before(async () => { container = await startContainer(); });
  relay.after(() => container.destroy());
}

/** Runs a script on the host, in which `w` runs a command in the container. */
function host(script: string, options: RunOptions = {}): Promise<Ended> {
  const w = `w() { ${wordsOf('wsh')} --socket ${container.socket} -v "$@"; }; set -o pipefail; cd ${container.path}/jobs`;
  return run(['bash', '-c', `${w}; ${script}`], { timeoutMs: MINUTE_MS, ...options });
}

async function hostSays(script: string, expected: string, stderr = ''): Promise<void> {
  const ended = await host(script);
  assert.equal([ended.stdout.toString(), ended.stderr, ended.timedOut], [expected, stderr, false]);
}

/** Lines of growing numbers: what is lost, doubled or moved is seen. */
const numbers = (bytes: number): string => `seq 1 999999999 2>/dev/null | head -c ${bytes}`;

test('the end of stdin is the end of the command\'s stdin, and its output goes on', async () => {
  const ended = await container.wsh(['sh', '-c', 'cat; echo behind the end; sleep 0.05; echo later; exit 4'], { input: 'hello\n' });
  assert.equal([ended.code, ended.stdout.toString()], [4, 'hello\nbehind the end\nlater\n']);
});

test('an empty stdin', async () => {
  const ended = await container.wsh(['sh', '-c', 'cat; echo end']);
  assert.equal([ended.code, ended.stdout.toString()], [0, 'end\n']);
});

test('a command that does not read its stdin', async () => {
  const ended = await container.wsh(['sh', '-c', 'exit 3'], { input: Buffer.alloc(8 << 20) });
  assert.equal([ended.code, ended.timedOut], [3, false]);
});

test('a command that closes its stdin, stdout and stderr, and goes on', async () => {
  const ended = await container.wsh(['sh', '-c', 'exec <&- >&- 2>&-; sleep 0.1; exit 12'], { input: 'x' });
  assert.equal([ended.code, ended.timedOut], [12, false]);
});

test('stdout and stderr stay apart, each in order', async () => {
  const ended = await container.wsh(['sh', '-c', 'for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done']);
  const lines = (name: string): string => Array.from({ length: 9 }, (_, index) => `${name} ${index + 1}\n`).join('');
  assert.equal([ended.stdout.toString(), ended.stderr], [lines('out'), lines('err')]);
});

for (const [size, bytes] of [['3 MB', 3_000_000], ['100 MB', 100_000_000]] as const) {
  test(`${size} in and out at once, pipes`, async () => {
    await hostSays(`a=$(${numbers(bytes)} | sha256sum); b=$(${numbers(bytes)} | w cat | sha256sum); [ "$a" = "$b" ] && echo same $?`, 'same 0\n');
  });
}

test('3 MB in and out at once, when nobody reads before all is written', async () => {
  const script = `${numbers(3_000_000)} > in; exec 3> >(sleep 0.3; sha256sum > sum); w cat < in >&3; exec 3>&-; wait $!; sha256sum < in | cmp - sum && echo same`;
  await hostSays(script, 'same\n');
});

test('files in and out', async () => {
  await hostSays(`${numbers(20_000_000)} > in; w cat < in > out; echo $?; cmp in out && echo same`, '0\nsame\n');
});

test('files in, while the command ends early', () => hostSays('w head -c 5 < in; echo; echo $?', '1\n2\n3\n0\n'));

for (const bytes of [1, 65_536, 65_537, 1_000_000, 10_000_000]) {
  test(`a burst of ${bytes} bytes at the exit, to a slow reader`, async () => {
    await hostSays(`w sh -c '${numbers(bytes)}; exit 3' | (sleep 0.2; sha256sum); echo $?; ${numbers(bytes)} | sha256sum`, await burst(bytes));
  });
}

async function burst(bytes: number): Promise<string> {
  const { stdout } = await host(`${numbers(bytes)} | sha256sum`);
  return `${stdout.toString()}3\n${stdout.toString()}`;
}

test('a burst on stderr, too', async () => {
  await hostSays('(w sh -c "head -c 1000000 /dev/zero >&2; head -c 70000 /dev/zero; exit 3" 2>&1 >out; echo $? >code) | (sleep 0.2; wc -c); wc -c < out; cat code', '1000000\n70000\n3\n');
});

test('a burst at the exit, many times', async () => {
  const times = crowd(100);
  const loop = `for i in $(seq ${times}); do w sh -c "head -c 100000 /dev/zero; exit 3" | wc -c; done | sort | uniq -c`;
  await hostSays(`{ ${loop}; } | tr -s " "`, ` ${times} 100000\n`);
});

test('a reader that goes away ends the command, not the host', async () => {
  const ended = await host('w yes | head -1; echo ${PIPESTATUS[0]}');
  assert.equal([ended.stdout.toString(), ended.stderr, ended.timedOut], ['y\n255\n', 'wsh: the command was killed by signal 13 (SIGPIPE)\n', false]);
});

test('a reader of stderr that goes away leaves stdout alone', async () => {
  await hostSays('w sh -c "trap \'\' PIPE; sleep 0.1; seq 1 100000 >&2; seq 1 100000" 2> >(:) | sha256sum; seq 1 100000 | sha256sum', await twice('seq 1 100000 | sha256sum'));
});

async function twice(script: string): Promise<string> { return (await host(script)).stdout.toString().repeat(2); }

const closed: Record<string, [redirections: string, stdout: string]> = {
  'stdin': ['<&-', 'end\n0\n'],
  'stdout': ['>&-', '2\n'],
  'stderr': ['2>&-', 'end\n0\n'],
  'all three': ['<&- >&- 2>&-', '2\n'],
};
const testNative = unless(noContainers, relay.nativeOnly('Node opens /dev/null in the place of a standard descriptor that is closed'));
for (const [what, [redirections, stdout]] of Object.entries(closed)) {
  (redirections.includes('>&-') && what !== 'stderr' ? testNative : test)(`started without ${what}`, async () => {
    const ended = await host(`w sh -c 'cat && echo end || exit 2' ${redirections}; echo $?`);
    assert.is(ended.timedOut, false);
    // A command that cannot write its output is killed, or says what it makes of it.
    if (redirections.includes('>&- ') || redirections === '>&-') assert.match(ended.stdout.toString(), /^(2|255)\n$/);
    else assert.is(ended.stdout.toString(), stdout);
  });
}

test('appends where others append', async () => {
  await hostSays('echo before > log; { echo a; w sh -c "echo b; echo e >&2"; echo c; } >> log 2>&1; cat log', 'before\na\nb\ne\nc\n');
});

test('shares its place in a file with others', async () => {
  await hostSays('{ echo a; w sh -c "echo b; echo c"; echo d; } > log; cat log', 'a\nb\nc\nd\n');
  await hostSays('w cat < log > copy; { read first; w cat; } < log; cat copy', 'b\nc\nd\na\nb\nc\nd\n');
});

test('to /dev/null and to /dev/full', async () => {
  await hostSays('w sh -c "seq 1 1000000" > /dev/null; echo $?', '0\n');
  await hostSays('w sh -c "trap \'\' PIPE; sleep 0.05; seq 1 1000000 2>/dev/null; exit 9" > /dev/full; echo $?', '255\n',
    'wsh: what the command read or wrote was cut off: no space left on device\n');
});

// proc_pid_mem(5): nothing is mapped at 0, so that reading there fails as on a broken disk.
test('stdin that cannot be read is no end of stdin', async () => {
  await hostSays('w sh -c "cat; echo end" < /proc/$$/mem; echo $?', 'end\n255\n', 'wsh: what the command read or wrote was cut off: input/output error\n');
});

interface Told { code: number; bytes: number; sha256: string; before: boolean[]; during: boolean[][]; after: boolean[] }

const MEGABYTES = 8;
for (const kind of ['pipe', 'socket', 'file', 'terminal']) {
  for (const nonblocking of [false, true]) {
    const name = `${kind}${nonblocking ? '-nonblocking' : ''}`;
    test(`${name}: nothing is lost to a slow reader, and the flags of others' descriptors stay as they are`, async () => {
      const script = `stty raw 2>/dev/null; head -c ${MEGABYTES << 20} /dev/zero | tr "\\0" x; exit 3`;
      const ended = await run(['python3', `${packageRoot}test/programs/wshd/descriptors.py`, name, ...argvOf('wsh'), '--socket', container.socket, 'sh', '-c', script], { timeoutMs: MINUTE_MS });
      assert.is(ended.stderr, '');
      const told = JSON.parse(ended.stdout.toString()) as Told;
      assert.equal([told.code, told.bytes], [3, MEGABYTES << 20]);
      assert.is(told.sha256, createHash('sha256').update('x'.repeat(MEGABYTES << 20)).digest('hex'));
      const flags = [nonblocking, nonblocking, nonblocking];
      assert.equal([told.before, told.during, told.after], [flags, [flags], flags]);
    });
  }
}

test('two hundred at once, or twenty', async () => {
  const count = crowd(200);
  const input = Buffer.alloc(100_000, 'x');
  writeFileSync(`${container.path}/jobs/input`, input);
  await hostSays('for i in $(seq ' + count + '); do (w sh -c "cat; exit $((i % 100))" < input > out.$i; echo $? > code.$i) & done; wait; echo done', 'done\n');
  for (let i = 1; i <= count; i++) {
    assert.ok(readFileSync(`${container.path}/jobs/out.${i}`).equals(input), `output ${i}`);
    assert.is(readFileSync(`${container.path}/jobs/code.${i}`, 'utf8'), `${i % 100}\n`);
  }
});

relay.run();
