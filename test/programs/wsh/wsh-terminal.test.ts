import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { argvOf, suiteOnHosts, wordsOf } from '../../support/hosts.js';
import { processesWith, uniqueSleep, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Terminal, type TerminalOptions } from '../../support/terminal.js';

const terminals = suiteOnHosts('wsh at a terminal', 'wsh');
const test = unless(noContainers, terminals);
let container: TestContainer;

if (!noContainers) {
  terminals.before(async () => { container = await startContainer(); });
  terminals.after(() => container.destroy());
}

/** Somebody works at a terminal at which wsh runs this command. */
async function at(args: string[], work: (terminal: Terminal) => Promise<void>, options: TerminalOptions = {}): Promise<void> {
  await atHost([...argvOf('wsh'), '--socket', container.socket, ...args], work, options);
}

async function atHost(argv: string[], work: (terminal: Terminal) => Promise<void>, options: TerminalOptions = {}): Promise<void> {
  const terminal = new Terminal(argv, options);
  try {
    await work(terminal);
  } finally {
    await terminal.close();
  }
}

/** The terminal's settings when nothing has changed them. */
async function plainSettings(): Promise<number[]> {
  let settings: number[] = [];
  await atHost(['sleep', '60'], async (terminal) => { settings = await terminal.settings(); });
  return settings;
}

const LFLAG = 3, ICANON = 2, ECHO = 8, ISIG = 1;
function isRaw(settings: number[]): boolean { return (settings[LFLAG]! & (ICANON | ECHO | ISIG)) === 0; }

test('raw while the command runs, as before when it has ended', () => at(['sh', '-c', 'echo ready; read line; exit 42'], async (terminal) => {
  await terminal.sees('ready');
  assert.ok(isRaw(await terminal.settings()), 'the terminal is not raw');
  terminal.type('\r');
  assert.is(await terminal.ends(), 42);
  assert.equal(terminal.settingsLeft, await plainSettings());
}));

test('with -T or -n no pty, -t takes -T back', async () => {
  for (const [options, said] of [[['-T'], 'not a tty'], [['-n'], 'not a tty'], [['-T', '-t'], '/dev/pts/']] as const) {
    await at([...options, 'sh', '-c', 'tty; echo err >&2'], async (terminal) => {
      await terminal.sees(said);
      assert.is(await terminal.ends(), 0, options.join(' '));
    });
  }
});

test('a pty that the command closes and opens again is not at its end', async () => {
  const script = 'exec 3<>"$(tty)"; t=$(tty); exec 3>&- </dev/null >/dev/null 2>/dev/null; sleep 0.3; exec >"$t"; echo after; seq 20000; exit 5';
  const ended = await container.wsh(['--tty', '24x80', 'sh', '-c', script]);
  assert.is(ended.code, 5);
  const lines = String(ended.stdout).split('\r\n');
  assert.equal([lines[0], lines.length, lines.at(-2)], ['after', 20_002, '20000']);
});

test('with --tty, a pty of that size without a terminal, and an end of stdin that ends nothing', async () => {
  const ended = await container.wsh(['--tty', '7x33', '--', 'sh', '-c', 'tty; stty size; read line; echo "[$line]"; sleep 0.1; echo there'], { input: 'typed\n' });
  assert.equal([ended.code, ended.stderr], [0, '']);
  assert.match(ended.stdout.toString(), /^\/dev\/pts\/\d+\r\n7 33\r\n(typed\r\n)?\[typed\]\r\nthere\r\n$|^typed\r\n/);
  for (const size of ['24', '24x', 'x80', '0x80', '24x65536', '24x80x', '-1x80']) {
    const refused = await container.wsh(['--tty', size, 'true']);
    assert.equal([refused.code, /--tty/.test(refused.stderr)], [1, true], size);
  }
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
  test(`as before when ${signal} has ended wsh`, () => at(['sh', '-c', 'echo ready; sleep 1000'], async (terminal) => {
    await terminal.sees('ready');
    terminal.kill(signal);
    assert.is(await terminal.ends(), -({ SIGTERM: 15, SIGINT: 2, SIGHUP: 1, SIGQUIT: 3 })[signal]);
    assert.equal(terminal.settingsLeft, await plainSettings());
  }));
}

test('as before when a signal has killed the command', () => at(['sh', '-c', 'echo ready; kill -9 $$'], async (terminal) => {
  assert.is(await terminal.ends(), 255);
  await terminal.sees('wsh: the command was killed by signal 9 (SIGKILL)');
  assert.equal(terminal.settingsLeft, await plainSettings());
}));

test('never touched when wshd cannot be reached', () => atHost([...argvOf('wsh'), '--socket', '/nowhere', 'true'], async (terminal) => {
  assert.is(await terminal.ends(), 255);
  await terminal.sees('wsh: cannot connect to /nowhere');
  assert.equal(terminal.settingsLeft, await plainSettings());
}));

test('odd settings come back, too', () => atHost(['sh', '-c', `stty -echo -icanon min 7 intr ^G; ${wordsOf('wsh')} --socket ${container.socket} true; echo $?`], async (terminal) => {
  await terminal.sees('0');
  await terminal.ends();
  const left = terminal.settingsLeft!;
  assert.is(left[LFLAG]! & (ICANON | ECHO), 0);
  assert.ok((left[LFLAG]! & ISIG) !== 0, 'raw settings are left');
  assert.ok(left.includes(7), 'the interrupt character is another');
}));

test('the size at the start, and after each resize', async () => {
  await at(['sh', '-c', 'while stty size; do sleep 0.02; done'], async (terminal) => {
    await terminal.sees('31 97');
    terminal.resize(40, 120);
    await terminal.sees('40 120');
    terminal.resize(7, 9);
    await terminal.sees('7 9');
  }, { rows: 31, columns: 97 });
});

test('a resize is told to the command', async () => {
  const script = 'trap \'[ "$(stty size)" = "44 120" ] && exit 6\' WINCH; echo ready; while :; do sleep 0.02; done';
  await at(['bash', '-c', script], async (terminal) => {
    await terminal.sees('ready');
    // bash may lose a signal that comes while it handles one: there are more.
    let rows = 44;
    await until(() => {
      terminal.resize(rows = rows === 44 ? 43 : 44, 120);
      return terminal.hasEnded;
    }, 'the command sees its terminal change');
    assert.is(await terminal.ends(), 6);
  });
});

test('the command has a terminal of its own, which is the user\'s', () => at(
  ['--user', 'vcap', 'sh', '-c', 'tty; stat -c "owner %u" $(tty); ls /proc/self/fd | tr "\\n" " "; ps -o tpgid= -p $$ | tr -d " "; echo shell $$'],
  async (terminal) => {
    await terminal.sees(/\/dev\/pts\/\d+/);
    await terminal.sees('owner 10001');
    await terminal.sees('0 1 2 3 ');
    const told = /(\d+)\s+shell (\d+)/.exec(await terminal.sees(/\d+\s+shell \d+/))!;
    assert.is(told[1], told[2], 'the shell is not in the foreground');
    assert.is(await terminal.ends(), 0);
  },
));

test('Ctrl-C is the command\'s, not wsh\'s', () => at(['sh', '-c', 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.02; done'], async (terminal) => {
  await terminal.sees('ready');
  terminal.type('\x03');
  await terminal.sees('caught');
  assert.is(await terminal.ends(), 3);
}));

test('Ctrl-C kills a command that does nothing about it', () => at(['sh', '-c', 'echo ready; exec sleep 1000'], async (terminal) => {
  await terminal.sees('ready');
  terminal.type('\x03');
  assert.is(await terminal.ends(), 255);
  await terminal.sees('wsh: the command was killed by signal 2 (SIGINT)');
}));

test('Ctrl-\\ likewise', () => at(['sh', '-c', 'echo ready; exec sleep 1000'], async (terminal) => {
  await terminal.sees('ready');
  terminal.type('\x1c');
  await terminal.sees('signal 3 (SIGQUIT)');
  assert.is(await terminal.ends(), 255);
}));

test('Ctrl-D is the end of the command\'s input', () => at(['sh', '-c', 'cat; echo "end $?"'], async (terminal) => {
  terminal.type('hello\r');
  await terminal.sees('hello\r\nhello');
  terminal.type('\x04');
  await terminal.sees('end 0');
  assert.is(await terminal.ends(), 0);
}));

test('job control in a shell', () => at(['env', 'PS1=$ ', 'bash', '--norc', '-i'], async (terminal) => {
  await terminal.sees('$ ');
  const sleep = uniqueSleep();
  terminal.type(`${sleep}\r`);
  await terminal.sees(`${sleep}\r\n`);
  await until(() => processesWith(sleep).length > 0, 'sleep runs');
  terminal.type('\x1a');
  await terminal.sees('Stopped');
  terminal.type('fg\r');
  await terminal.sees(`fg\r\n${sleep}`);
  terminal.type('\x03');
  await terminal.sees('$ ');
  terminal.type('sleep 2000 & jobs; kill %1; wait; echo "exit $?"\r');
  await terminal.sees('Running');
  await terminal.sees('exit 0');
  terminal.type('exit 21\r');
  assert.is(await terminal.ends(), 21);
}));

test('the user\'s login shell, when no command is given', () => at(['--user', 'vcap'], async (terminal) => {
  terminal.type('echo $0 in $(pwd) as $USER; exit 5\r');
  await terminal.sees('/bin/bash in /home/vcap as vcap');
  assert.is(await terminal.ends(), 5);
}));

/** Where a program of the host lies for a container that has only the host's /usr. */
function inUsr(path: string): string | undefined {
  const real = existsSync(path) ? realpathSync(path) : '';
  return real.startsWith('/usr/') ? real : undefined;
}

const vi = inUsr('/usr/bin/vim') ?? inUsr('/usr/bin/vi'), top = inUsr('/usr/bin/top');
const testVi = unless(noContainers ?? (vi === undefined ? 'no vi here' : undefined), terminals);
const testTop = unless(noContainers ?? (top === undefined ? 'no top here' : undefined), terminals);

testVi('vi draws, redraws when the terminal gets another size, and writes its file', () => at(
  ['env', 'TERM=xterm', vi!, '-u', 'NONE', '-i', 'NONE', '-n', '/tmp/text'],
  async (terminal) => {
    await terminal.sees('/tmp/text');
    terminal.type('isome words\x1b');
    await terminal.sees('some words');
    terminal.resize(17, 60);
    // The tildes below the text, down to the last line but one, in the new width: those of the first size may still come.
    await terminal.sees(/\x1b\[16;1H~ {59}\x1b/);
    terminal.type(':echo "size=" . &lines . "x" . &columns\r');
    await terminal.sees('size=17x60');
    terminal.type(':wq\r');
    assert.is(await terminal.ends(), 0);
    assert.is(readFileSync(`${container.path}/root/tmp/text`, 'utf8'), 'some words\n');
    assert.equal(terminal.settingsLeft, await plainSettings());
  },
));

testTop('top draws, redraws, and quits', () => at(['env', 'TERM=xterm', top!, '-d', '60'], async (terminal) => {
  await terminal.sees('Tasks:');
  await terminal.sees('PID');
  terminal.resize(15, 70);
  await terminal.sees('Tasks:');
  terminal.type('q');
  assert.is(await terminal.ends(), 0);
}));

test('a paste of 1 MB, raw', () => at(['sh', '-c', 'stty raw -echo; echo ready; head -c 1048576 | sha256sum'], async (terminal) => {
  const paste = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
  await terminal.sees('ready');
  terminal.type(paste);
  await terminal.sees(createHash('sha256').update(paste).digest('hex'), 60_000);
  assert.is(await terminal.ends(), 0);
}));

/** Lines of 64 bytes, each another. */
function linesOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `${String(index).padStart(63, '.')}\n`).join('');
}

// What comes back of an echo is nobody's promise here: the kernel (drivers/tty/n_tty.c, ECHO_DISCARD_WATERMARK) drops what
// is not read while 3.7 KB more are typed.
test('a paste of 1 MB in lines, with echo', () => at(['sh', '-c', 'cat > /tmp/pasted; echo "end $?"'], async (terminal) => {
  const paste = linesOf(1 << 14);
  terminal.type(`${paste}\x04`);
  await terminal.sees('end 0', 60_000);
  assert.is(await terminal.ends(), 0);
  assert.ok(readFileSync(`${container.path}/root/tmp/pasted`, 'utf8') === paste, 'not what was pasted');
}));

test('the echo of 1 MB, whole, when no more is typed than the kernel keeps of it', () => at(['sh', '-c', 'echo ready; cat > /tmp/typed; echo "end $?"'], async (terminal) => {
  const text = linesOf(1 << 14), pieceBytes = 48 * 64;
  // Before it is there, the outer terminal echoes, too.
  await terminal.sees('ready\r\n');
  for (let typed = 0; typed < text.length; typed += pieceBytes) {
    const piece = text.slice(typed, typed + pieceBytes);
    terminal.type(piece);
    // The container's terminal adds a carriage return to each line.
    await terminal.sees(piece.replaceAll('\n', '\r\n'));
  }
  terminal.type('\x04');
  assert.is(await terminal.ends(), 0);
  assert.ok(readFileSync(`${container.path}/root/tmp/typed`, 'utf8') === text, 'not what was typed');
  assert.ok(terminal.shown.toString('latin1') === `ready\r\n${text.replaceAll('\n', '\r\n')}end 0\r\n`, 'not the echo of what was typed');
}));

test('10 MB of output', () => at(['sh', '-c', 'stty raw; seq 1 9999999 2>/dev/null | head -c 10000000; exit 3'], async (terminal) => {
  assert.is(await terminal.ends(60_000), 3);
  assert.is(terminal.shown.length, 10_000_000);
  assert.ok(terminal.shown.toString('latin1').startsWith('1\n2\n3\n'));
}));

test('stopped with SIGTSTP the terminal is as before, continued it is raw and has the new size', async () => {
  const script = 'echo ready; while ! read -t 0; do stty size; sleep 0.02; done; read line; echo "got $line"; exit 8';
  await at(['bash', '-c', script], async (terminal) => {
    await terminal.sees('ready');
    terminal.kill('SIGTSTP');
    await until(() => terminal.stops === 1, 'wsh stops');
    assert.equal(await terminal.settings(), await plainSettings());
    terminal.resize(11, 22);
    terminal.kill('SIGCONT');
    await until(() => terminal.continues === 1, 'wsh goes on');
    await terminal.sees('11 22');
    assert.ok(isRaw(await terminal.settings()), 'the terminal is not raw again');
    terminal.type('word\r');
    await terminal.sees('got word');
    assert.is(await terminal.ends(), 8);
    assert.equal(terminal.settingsLeft, await plainSettings());
  });
});

test('stopped and continued twice', () => at(['sh', '-c', 'echo ready; read line; exit 9'], async (terminal) => {
  await terminal.sees('ready');
  for (let round = 1; round <= 2; round++) {
    terminal.kill('SIGTSTP');
    await until(() => terminal.stops === round, 'wsh stops');
    terminal.kill('SIGCONT');
    await until(() => terminal.continues === round, 'wsh goes on');
  }
  await until(async () => isRaw(await terminal.settings()), 'the terminal is raw again');
  terminal.type('\r');
  assert.is(await terminal.ends(), 9);
  assert.equal(terminal.settingsLeft, await plainSettings());
}));

for (const signalled of [true, false]) {
  const sleep = uniqueSleep();
  test(`a line that breaks ends wsh and the command, ${signalled ? 'with' : 'without'} a signal`, () => at(['sh', '-c', `echo ready; exec ${sleep}`], async (terminal) => {
    await terminal.sees('ready');
    terminal.hangUp(signalled);
    assert.is(await terminal.ends(), -1);
    await until(() => processesWith(sleep).length === 0, 'the command ends');
  }));
}

test('a wsh that is killed takes the command with it', () => {
  const sleep = uniqueSleep();
  return at(['sh', '-c', `echo ready; exec ${sleep}`], async (terminal) => {
    await terminal.sees('ready');
    terminal.kill('SIGKILL');
    await until(() => processesWith(sleep).length === 0, 'the command ends');
  });
});

for (const background of ['sleep 1000 &', 'nohup sleep 1000 &', 'setsid sleep 1000 &', 'setsid -f sh -c "while echo y; do sleep 0.001; done";', 'setsid -f yes;']) {
  test(`what stays in the background does not delay the end: ${background}`, () => at(['sh', '-c', `${background} echo out; exit 4`], async (terminal) => {
    assert.is(await terminal.ends(), 4);
    if (!background.includes('yes')) await terminal.sees('out');
  }));
}

test('all that was written at the end is shown, whoever stays', () => {
  const loop = `for i in $(seq 30); do ${wordsOf('wsh')} --socket ${container.socket} sh -c 'setsid -f sleep 1000; stty raw; head -c 50000 /dev/zero | tr "\\0" x'; done`;
  return atHost(['sh', '-c', loop], async (terminal) => {
    assert.is(await terminal.ends(60_000), 0);
    assert.is(terminal.shown.toString('latin1').replace(/[^x]/g, '').length, 30 * 50_000);
  });
});

test('stdout somewhere else', () => atHost(['sh', '-c', `${wordsOf('wsh')} --socket ${container.socket} printf 'to a file' > ${container.path}/jobs/out; echo "code $?"`], async (terminal) => {
  await terminal.sees('code 0');
  assert.is(readFileSync(`${container.path}/jobs/out`, 'utf8'), 'to a file');
}));

test('no terminal for the command when stdin is none', () => atHost(['sh', '-c', `echo word | ${wordsOf('wsh')} --socket ${container.socket} sh -c 'tty; cat; tty <&1'`], async (terminal) => {
  await terminal.sees('not a tty');
  await terminal.sees('word');
  await terminal.sees('not a tty');
}));

terminals.run();
