/** What a wshd must do, and what ours does beyond it: docs/reference/protocol.md §1 to §3, docs/reference/wshd.md. */
import { randomBytes } from 'node:crypto';
import { codec, UNLIMITED } from '../wire/codec.js';
import { type Case, type Choice, expect, Failure, type Level, type Outcome, runCases, Skipped, sleep } from './case.js';
import { descriptorsOf, processListeningAt } from './daemon.js';
import { SIGKILL, WAIT_MS } from './endpoint.js';
import { badRequests } from './bad-requests.js';
import { exitStatus, judge, WshdClient } from './wshd-client.js';

type WshdCase = Case<WshdClient>;

const READS = 'pipe, to read', WRITES = 'pipe, to write';
const SIGTERM = 15;
const LIMIT_CORE = 4, LIMIT_NOFILE = 7;
const ROOT_PATH = '/sbin:/bin:/usr/sbin:/usr/bin', USER_PATH = '/bin:/usr/bin';
/** More than a wshd needs to find out that a client has gone, or to close what it has made. */
const AT_REST_MS = 2_000, LOOK_AGAIN_MS = 20;
const GONE_CLIENTS = 50, CLIENTS_AT_ONCE = 20;

function rule(about: string, level: Level, name: string, run: WshdCase['run']): WshdCase { return { about, level, name, run }; }

const answers: WshdCase[] = [
  rule('answer', 'required', 'a good request is answered with version 1, and then the connection is closed', async (wshd) => {
    const { bytes, handles } = await wshd.converse(wshd.shell('exit 0'));
    wshd.endpoint.close(...handles);
    judge('response', bytes);
  }),
  rule('answer', 'required', 'without a terminal: the ends of four pipes: stdin to write; stdout, stderr, exit status to read', async (wshd) => {
    const handles = await wshd.served(wshd.shell('exit 0'));
    const kinds = handles.map((handle) => wshd.endpoint.describe(handle));
    wshd.endpoint.close(...handles);
    expect('the descriptors', kinds, [WRITES, READS, READS, READS]);
  }),
  rule('answer', 'required', 'with a terminal: a pty\'s master, and the end of a pipe to read the exit status from', async (wshd) => {
    const handles = await wshd.served(wshd.shell('exit 0', { tty: true }), true);
    const kinds = handles.map((handle) => wshd.endpoint.describe(handle));
    wshd.endpoint.close(...handles);
    expect('the descriptors', kinds, ['terminal, to read and write', READS]);
  }),
  rule('answer', 'required', 'it comes before the command has ended', async (wshd) => {
    const [stdin, stdout, stderr, status] = await wshd.served(wshd.shell('read line; exit 3')) as [number, number, number, number];
    await wshd.endpoint.write(stdin, Buffer.from('go on\n'));
    const code = await wshd.endpoint.drain(status, 'the exit status');
    wshd.endpoint.close(stdin, stdout, stderr, status);
    expect('the exit status', code, exitStatus(3));
  }),
];

const EXIT_CODES = [0, 1, 2, 42, 126, 127, 128, 137, 254, 255];
const endings: WshdCase[] = [
  rule('ending', 'required', `exit codes ${EXIT_CODES.join(', ')}: four bytes, then end of file`, async (wshd) => {
    for (const code of EXIT_CODES) expect(`exit ${code}`, (await wshd.run(wshd.shell(`exit ${code}`))).status, exitStatus(code));
  }),
  ...[SIGTERM, SIGKILL].map((signal) => rule('ending', 'required', `killed by signal ${signal}: end of file without a byte`, async (wshd) => {
    expect('the exit status', (await wshd.run(wshd.shell(`kill -${signal} $$`))).status, Buffer.alloc(0));
  })),
  rule('ending', 'ours', 'killed: the signal\'s number is left on the pipe', async (wshd) => {
    expect('the number', (await wshd.run(wshd.shell(`kill -${SIGKILL} $$`))).mark, SIGKILL);
  }),
  rule('ending', 'required', 'a command that there is not: exit code 255, and words on its stderr', async (wshd) => {
    const { stderr, status } = await wshd.run(wshd.request(['/nonexistent/command']));
    expect('the exit status', status, exitStatus(255));
    if (stderr.length === 0) throw new Failure('nothing is said on stderr');
  }),
  rule('ending', 'required', 'a user that there is not: exit code 255, and words on its stderr', async (wshd) => {
    const { stderr, status } = await wshd.run(wshd.shell('exit 0', { user: 'no-such-user' }));
    expect('the exit status', status, exitStatus(255));
    if (stderr.length === 0) throw new Failure('nothing is said on stderr');
  }),
];

const ARGUMENTS = ['', 'with  spaces', 'a\nline', '$HOME "quoted" \'too\'', 'h\u00e9llo \u4e16\u754c', '-c', 'x'.repeat(4000)];
const effects: WshdCase[] = [
  rule('effect', 'required', 'arguments arrive as they are: empty ones, spaces, lines, quotes, UTF-8, 4,000 bytes', async (wshd) => {
    const { stdout } = await wshd.run(wshd.request(['/bin/sh', '-c', 'printf "%s\\0" "$@"', 'sh', ...ARGUMENTS]));
    expect('the arguments', stdout.toString().split('\0').slice(0, -1), ARGUMENTS);
  }),
  rule('effect', 'required', 'without arguments: the login shell, which reads its commands from stdin', async (wshd) => {
    expect('the exit status', (await wshd.run(wshd.request([]), Buffer.from('exit 9\n'))).status, exitStatus(9));
  }),
  rule('effect', 'required', 'stdin reaches the command, and its end too', async (wshd) => {
    const input = randomBytes(1 << 18);
    const { stdout, status } = await wshd.run(wshd.request(['cat']), input);
    expect('the exit status', status, exitStatus(0));
    if (!stdout.equals(input)) throw new Failure(`cat gave back ${stdout.length} of ${input.length} bytes, or others`);
  }),
  rule('effect', 'required', 'stdout and stderr are kept apart', async (wshd) => {
    const { stdout, stderr } = await wshd.run(wshd.shell('echo out; echo err >&2'));
    expect('what came', [stdout.toString(), stderr.toString()], ['out\n', 'err\n']);
  }),
  rule('effect', 'required', 'root\'s environment: HOME, USER, PATH, and LANG when it is given', async (wshd) => {
    const script = 'echo "$USER $PATH ${HOME:+home} ${LANG-none}"';
    expect('without LANG', await wshd.output(script), `root ${ROOT_PATH} home none\n`);
    expect('with LANG', await wshd.output(script, { lang: 'en_US.UTF-8' }), `root ${ROOT_PATH} home en_US.UTF-8\n`);
  }),
  rule('effect', 'required', 'nothing else is in it', async (wshd) => {
    const { stdout, status } = await wshd.run(wshd.request(['env']));
    if (!status.equals(exitStatus(0))) throw new Skipped('the container has no env(1)');
    expect('the variables', stdout.toString().split('\n').slice(0, -1).map((line) => line.replace(/=.*/, '')).sort(), ['HOME', 'PATH', 'USER']);
  }),
  rule('effect', 'required', 'a user of the container\'s /etc/passwd: ids, groups, HOME, PATH, current directory', async (wshd) => {
    const { name, uid, gid, home } = await anyUser(wshd);
    const script = 'echo "$(id -u) $(id -g) $(id -G) $USER $PATH $HOME $(pwd)"';
    expect(`as ${name}`, await wshd.output(script, { user: name }), `${uid} ${gid} ${gid} ${name} ${USER_PATH} ${home} ${home}\n`);
  }),
  rule('effect', 'required', 'resource limits are set: NOFILE 64 of 128, CORE 0', async (wshd) => {
    const limits = [{ id: LIMIT_NOFILE, soft: 64n, hard: 128n }, { id: LIMIT_CORE, soft: 0n, hard: 0n }];
    expect('the limits', await wshd.output('echo "$(ulimit -Sn) $(ulimit -Hn) $(ulimit -Sc)"', { limits }), '64 128 0\n');
  }),
  rule('effect', 'required', 'a command has descriptors 0, 1 and 2 and no other', async (wshd) => {
    const script = '[ -d /proc/$$/fd ] || exit 99; for fd in $(seq 3 64); do [ -e /proc/$$/fd/$fd ] && echo $fd; done; exit 0';
    const { stdout, status } = await wshd.run(wshd.request(['/bin/sh', '-c', script]));
    if (status.equals(exitStatus(99))) throw new Skipped('the container has no /proc');
    expect('others', stdout.toString().trim(), '');
  }),
  rule('effect', 'required', 'a command leads a session of its own', async (wshd) => {
    const script = '[ -r /proc/$$/stat ] || exit 99; read -r line < /proc/$$/stat; set -- ${line##*) }; [ "$4" = $$ ]';
    const { status } = await wshd.run(wshd.shell(script));
    if (status.equals(exitStatus(99))) throw new Skipped('the container has no /proc');
    expect('the test\'s exit status', status, exitStatus(0));
  }),
  rule('effect', 'required', 'at a terminal: all three are that terminal, and it controls the command', async (wshd) => {
    const script = '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo yes > /dev/tty && exit 6';
    const { output, status } = await wshd.runAtTerminal(wshd.shell(script, { tty: true }));
    expect('what came', [output, status.toString('hex')], ['yes\r\n', exitStatus(6).toString('hex')]);
  }),
  rule('effect', 'ours', 'a request without limits leaves them alone', async (wshd) => {
    expect('the exit status', (await wshd.run(wshd.shell('exit 4', { limits: [] }))).status, exitStatus(4));
  }),
  rule('effect', 'ours', 'a limit that cannot be set: exit code 255, and words on its stderr', async (wshd) => {
    const { stderr, status } = await wshd.run(wshd.shell('exit 0', { limits: [{ id: LIMIT_NOFILE, soft: UNLIMITED, hard: 1n }] }));
    expect('the exit status', status, exitStatus(255));
    if (stderr.length === 0) throw new Failure('nothing is said on stderr');
  }),
];

interface User { name: string; uid: string; gid: string; home: string }

async function anyUser(wshd: WshdClient): Promise<User> {
  const lines = await wshd.output('while IFS=: read -r n p u g i h s; do [ "$u" != 0 ] && [ -d "$h" ] && echo "$n:$u:$g:$h"; done < /etc/passwd; :');
  const [name, uid, gid, home] = lines.split('\n')[0]!.split(':');
  if (!name || !uid || !gid || !home) throw new Skipped('the container\'s /etc/passwd has no user but root with a home directory');
  return { name, uid, gid, home };
}

function refused(name: string, ...pieces: Uint8Array[]): WshdCase {
  return rule('bad request', 'ours', `${name}: closed without an answer`, async (wshd) => {
    const { bytes, handles } = await wshd.converse(...pieces);
    wshd.endpoint.close(...handles);
    expect('the answer', [bytes.toString('hex'), handles.length], ['', 0]);
    await wshd.serves();
  });
}

/** What a wshd that trusts its clients may not survive: these come last. */
const hardening: WshdCase[] = [
  rule('good request', 'ours', 'in pieces: of 1, 3, 4,088, 1 byte and the rest, or byte by byte', async (wshd) => {
    const request = wshd.shell('exit 5');
    const cuts = [0, 1, 4, 4092, 4093, request.length];
    const pieces = cuts.slice(1).map((end, index) => request.subarray(cuts[index], end));
    expect('the exit status', await statusOf(wshd, pieces), exitStatus(5));
    expect('the exit status, byte by byte', await statusOf(wshd, Array.from(request, (byte) => Buffer.of(byte))), exitStatus(5));
  }),
  rule('good request', 'ours', 'what stands in padding, behind a text\'s end and in limits that are not used does not matter', async (wshd) => {
    const { padded } = badRequests(codec());
    expect('the exit status', await statusOf(wshd, [padded]), exitStatus(0));
  }),
  ...badRequests(codec()).bad.map(({ name, bytes }) => refused(name, bytes)),
  rule('clients', 'ours', `${CLIENTS_AT_ONCE} at once: each gets its own command's exit status`, async (wshd) => {
    const codes = await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, (_, code) => wshd.run(wshd.shell(`sleep 0.1; exit ${code}`))));
    for (const [code, { status }] of codes.entries()) expect(`of client ${code}`, status, exitStatus(code));
  }),
  rule('clients', 'ours', `${GONE_CLIENTS} that leave without waiting for their answer`, async (wshd) => {
    const request = wshd.shell('exit 0');
    for (let count = 0; count < GONE_CLIENTS; count++) {
      const socket = wshd.endpoint.connect(wshd.path);
      await wshd.endpoint.write(socket, request.subarray(0, Math.round(request.length * count / (GONE_CLIENTS - 1))));
      wshd.endpoint.close(socket);
    }
    await wshd.serves();
  }),
  rule('clients', 'ours', 'one that leaves while its command writes: the command is told, and ends', async (wshd) => {
    wshd.endpoint.close(...await wshd.served(wshd.shell('trap "" PIPE; while echo x; do :; done 2>/dev/null; exit 0')));
    await wshd.serves();
  }),
  rule('clients', 'ours', 'descriptors that come with a request are closed', async (wshd) => {
    const socket = wshd.endpoint.connect(wshd.path), pipe = wshd.endpoint.pipe();
    await wshd.endpoint.send(socket, wshd.shell('exit 0').subarray(0, 100), [pipe[1]]);
    wshd.endpoint.close(socket, pipe[1]);
    // The end of the pipe comes when the last holder of its other end has closed it.
    wshd.endpoint.unblock(pipe[0]);
    expect('what the pipe holds', await wshd.endpoint.drain(pipe[0], 'the pipe'), Buffer.alloc(0));
    wshd.endpoint.close(pipe[0]);
  }),
  rule('clients', 'ours', 'one that says nothing, and one that says half, delay nobody, and are dropped after a while', async (wshd) => {
    const mute = wshd.endpoint.connect(wshd.path), half = wshd.endpoint.connect(wshd.path);
    await wshd.endpoint.write(half, wshd.shell('exit 0').subarray(0, 5000));
    await wshd.serves();
    // Both are dropped at about the same time, so the second wait is short.
    for (const socket of [mute, half]) expect('what they get', (await wshd.answer(socket)).bytes, Buffer.alloc(0));
    wshd.endpoint.close(mute, half);
  }),
];

async function statusOf(wshd: WshdClient, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const handles = await wshd.served(pieces);
  try {
    return await wshd.endpoint.drain(handles.at(-1)!, 'the exit status');
  } finally {
    wshd.endpoint.close(...handles);
  }
}

/** The cases on the wshd at this socket. */
export async function checkWshd(path: string, choice: Choice = {}): Promise<Outcome[]> {
  const wshd = new WshdClient(path);
  try {
    // Whoever cannot be asked at all is no question of rules.
    wshd.endpoint.close(wshd.endpoint.connect(path));
    const pid = processListeningAt(path);
    const before = pid === undefined ? 0 : await countAtRest(pid);
    const cases = [...answers, ...endings, ...effects, ...hardening, leak(pid, before)];
    return await runCases(wshd, cases, choice, () => wshd.answers());
  } finally {
    wshd.endpoint.end();
  }
}

function leak(pid: number | undefined, before: number): WshdCase {
  return rule('clients', 'ours', 'after all that the daemon has as many descriptors open as before', async () => {
    if (pid === undefined) throw new Skipped('its process is not known: it is not this machine\'s, or not ours to see');
    if (before === 0) throw new Skipped(`the descriptors of process ${pid} are not ours to see`);
    const until = Date.now() + WAIT_MS;
    let now = await countAtRest(pid);
    while (now !== before && Date.now() < until) now = await countAtRest(pid);
    expect(`descriptors of process ${pid}`, now, before);
  });
}

/** Descriptors once their number has not changed for a while. */
async function countAtRest(pid: number): Promise<number> {
  const until = Date.now() + AT_REST_MS;
  let count = descriptorsOf(pid).length;
  for (let unchanged = 0; unchanged < 5 && Date.now() < until;) {
    await sleep(LOOK_AGAIN_MS);
    const now = descriptorsOf(pid).length;
    unchanged = now === count ? unchanged + 1 : 0;
    count = now;
  }
  return count;
}
