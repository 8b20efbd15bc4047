/** What a wsh must do, and what ours does beyond it: docs/reference/protocol.md §1 to §3, docs/reference/wsh.md. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { codec, encodeRequest, type Request, UNLIMITED } from '../wire/codec.js';
import { encode } from '../wire/message.js';
import { defaultLimits } from '../wire/request.js';
import { type Case, type Choice, expect, Failure, type Level, type Outcome, runCases } from './case.js';
import { type Answering, answering, type Ends, type Ran, type Reply, response, serving, WshdServer } from './wshd-server.js';
import { exitStatus } from './wshd-client.js';
import { DESCRIPTORS_MAX, type Endpoint, SIGKILL } from './endpoint.js';

type WshCase = Case<WshdServer>;

function rule(about: string, level: Level, name: string, run: WshCase['run']): WshCase { return { about, level, name, run }; }

/** A command that ends at once. */
function ending(status: Uint8Array, mark?: number): Reply {
  return serving(async (ends, endpoint) => {
    if (mark !== undefined) endpoint.mark(ends.status, mark);
    await endpoint.write(ends.status, status);
  });
}

const EXITS: Reply = ending(exitStatus(0));

function sends(name: string, args: readonly string[], wanted: Partial<Request>, env: Record<string, string> = {}): WshCase {
  return rule('request', 'required', name, async (server) => {
    const { request, handles } = await server.run(args, EXITS, { env });
    expect('descriptors with it', handles, 0);
    const expected = encodeRequest({ argv: [], user: '', lang: '', tty: false, limits: defaultLimits(codec()), ...wanted });
    const at = expected.findIndex((byte, index) => byte !== request[index]);
    if (at >= 0 || request.length !== expected.length) throw new Failure(`${request.length} bytes, other than the protocol's from offset ${at} on`);
  });
}

function limitsWith(changed: Record<number, [soft: bigint, hard: bigint]>): Request['limits'] {
  return defaultLimits(codec()).map((limit) => {
    const [soft, hard] = changed[limit.id] ?? [limit.soft, limit.hard];
    return { id: limit.id, soft, hard };
  });
}

const LIMIT_CPU = 0, LIMIT_CORE = 4, LIMIT_NOFILE = 7;
const LIMIT_VARIABLES = { RLIMIT_NOFILE: '64 128', RLIMIT_CORE: '-1', RLIMIT_CPU: '7' };
const TOO_LONG = ['x'.repeat(4096), 'y'.repeat(4096)];

const requests: WshCase[] = [
  sends('without arguments: the protocol\'s bytes, with fifteen limits at their defaults', [], {}),
  sends('arguments, --user and LANG', ['--user', 'vcap', '/bin/sh', '-c', 'echo "h\u00e9llo"; exit 7', ''], {
    argv: ['/bin/sh', '-c', 'echo "h\u00e9llo"; exit 7', ''], user: 'vcap', lang: 'en_US.UTF-8',
  }, { LANG: 'en_US.UTF-8' }),
  sends('limits from the environment: "64 128", "-1", "7"', ['true'], {
    argv: ['true'], limits: limitsWith({ [LIMIT_NOFILE]: [64n, 128n], [LIMIT_CORE]: [UNLIMITED, UNLIMITED], [LIMIT_CPU]: [7n, 7n] }),
  }, LIMIT_VARIABLES),
  sends('--rsh: the user of -l, and HOST skipped', ['--rsh', '-l', 'vcap', 'host', 'rsync', '--server'], { argv: ['rsync', '--server'], user: 'vcap' }),
  ...[
    ['arguments that do not fit', TOO_LONG, {}], ['a user name of 32 bytes', ['--user', 'u'.repeat(32), 'true'], {}],
    ['a LANG of 1,024 bytes', ['true'], { LANG: 'l'.repeat(1024) }], ['a limit that is no number', ['true'], { RLIMIT_NOFILE: 'many' }],
  ].map(([name, args, env]) => rule('request', 'required', `${name as string}: exit code 255, and nothing is sent`, async (server) => {
    const { end, request, stderr } = await server.run(args as string[], EXITS, { env: env as Record<string, string> });
    expect('its end, and what was sent', [end, request.length], ['exit code 255', 0]);
    if (stderr === '') throw new Failure('nothing is said on stderr');
  })),
  rule('request', 'required', 'at a terminal: asks for one, relays both ways, ends as the command does', atTerminal),
];

async function atTerminal(server: WshdServer): Promise<void> {
  const { endpoint } = server;
  const [user, slave] = endpoint.pty(), [master, command] = endpoint.pty(), [fromStatus, status] = endpoint.pipe();
  for (const ours of [user, command, status]) endpoint.unblock(ours);
  const child = server.start([], {}, [slave, slave, slave], true);
  endpoint.close(slave);
  try {
    const { request } = await server.serve(child, async (_, socket) => {
      await endpoint.send(socket, response(), [master, fromStatus]);
      endpoint.close(socket, master, fromStatus);
    });
    const expected = encodeRequest({ argv: [], user: '', lang: '', tty: true, limits: defaultLimits(codec()) });
    expect('whether the request asks for a terminal', request.equals(expected), true);
    await endpoint.write(command, Buffer.from('prompt'));
    const shown = await endpoint.read(user);
    expect('what the user sees', shown?.toString(), 'prompt');
    await endpoint.write(user, Buffer.from('key\n'));
    expect('what the command reads', (await endpoint.read(command))?.toString(), 'key\n');
    await endpoint.write(status, exitStatus(9));
    // Nothing is opened from here on, so the second close of the two below finds nothing.
    endpoint.close(command, status);
    expect('its raw wait status', await child.ended, codec().exports.rawOfExit(9));
  } finally {
    child.kill(SIGKILL);
    endpoint.close(user, command, status);
  }
}

function endsWith(name: string, level: Level, reply: Reply, code: number, then: (ran: Ran) => void = () => undefined): WshCase {
  return rule(level === 'required' && code !== 255 ? 'ending' : 'bad answer', level, `${name}: exit code ${code}`, async (server) => {
    const ran = await server.run(['true'], reply);
    expect('its end', ran.end, `exit code ${code}`);
    then(ran);
  });
}

const CODES = 256;
const endings: WshCase[] = [
  rule('ending', 'required', 'exit codes 0 to 255 are the command\'s', async (server) => {
    for (let code = 0; code < CODES; code++) expect(`of ${code}`, (await server.run(['true'], ending(exitStatus(code)))).end, `exit code ${code}`);
  }),
  rule('ending', 'required', 'the command was killed: exit code 255', async (server) => {
    expect('its end', (await server.run(['true'], ending(new Uint8Array(0)))).end, 'exit code 255');
  }),
  rule('ending', 'ours', 'the signal that is left on the pipe is told on stderr with -v', async (server) => {
    const { stderr } = await server.run(['-v', 'true'], ending(new Uint8Array(0), SIGKILL));
    if (!stderr.includes('SIGKILL')) throw new Failure(`stderr says ${JSON.stringify(stderr)}`);
  }),
  rule('ending', 'required', 'nobody listens: exit code 255, and words on stderr', async (server) => {
    // The last --socket counts.
    const { end, stderr } = await server.run(['--socket', `${server.path}.none`, 'true'], EXITS);
    expect('its end', end, 'exit code 255');
    if (stderr === '') throw new Failure('nothing is said on stderr');
  }),
];

const OUTPUT_BYTES = 1 << 20, LOOP_BYTES = 3 << 20;

/** What comes in goes out again, until the end. */
async function echo(ends: Ends, endpoint: Endpoint): Promise<void> {
  for (let piece; (piece = await endpoint.read(ends.stdin)) !== undefined;) await endpoint.write(ends.stdout, piece);
  await endpoint.write(ends.status, exitStatus(0));
}

/** A command that does not read on before what it has read is taken from it. */
function passes(name: string, level: Level, size: number, isSlowNonBlocking = false): WshCase {
  return rule('relay', level, name, async (server) => {
    const input = randomBytes(size);
    const { end, stdout } = await server.run(['cat'], serving(echo), { input, isSlowNonBlocking });
    expect('its end', end, 'exit code 0');
    if (!stdout.equals(input)) throw new Failure(`${stdout.length} of ${size} bytes came back, or others`);
  });
}

const relays: WshCase[] = [
  rule('relay', 'required', 'stdout and stderr are passed on apart and in full, 1 MiB each, before it ends', async (server) => {
    const [out, err] = [randomBytes(OUTPUT_BYTES), Buffer.from(randomBytes(OUTPUT_BYTES / 2).toString('hex'))];
    const { end, stdout, stderr } = await server.run(['true'], serving(async (ends, endpoint) => {
      await Promise.all([endpoint.write(ends.stdout, out), endpoint.write(ends.stderr, err)]);
      await endpoint.write(ends.status, exitStatus(3));
    }));
    expect('its end', end, 'exit code 3');
    if (!stdout.equals(out)) throw new Failure(`${stdout.length} of ${out.length} bytes came on stdout, or others`);
    if (stderr !== err.toString()) throw new Failure(`${stderr.length} of ${err.length} bytes came on stderr, or others`);
  }),
  passes('stdin is passed on, and its end too', 'required', 1000),
  passes('3 MiB through a command that writes before it reads on: nobody waits for ever', 'ours', LOOP_BYTES),
  passes('a stdout that its parent made non-blocking and reads slowly: nothing is lost', 'ours', OUTPUT_BYTES, true),
];

/** The replaced descriptor belongs to the server, which closes what it sent. */
function instead(index: number, make: (server: Answering) => number): Reply {
  return answering(response(), (theirs, server) => theirs.map((handle, at) => (at === index ? make(server) : handle)));
}

function statusOf(value: bigint): Uint8Array { return encode(codec(), 'exit-status', { fields: { 'exit-status': value } }); }

const answers: WshCase[] = [
  endsWith('the connection is closed without an answer', 'required', async ({ endpoint }, socket) => endpoint.close(socket), 255),
  endsWith('version 0', 'required', answering(response(0)), 255),
  endsWith('version 2', 'required', answering(response(2)), 255),
  endsWith('no descriptors', 'required', answering(response(), () => []), 255),
  endsWith('three descriptors', 'required', answering(response(), (theirs) => theirs.slice(0, 3)), 255),
  endsWith('half of the answer\'s bytes', 'ours', answering(response().subarray(0, 2)), 255),
  endsWith('five descriptors', 'ours', answering(response(), (theirs) => [...theirs, theirs[3]!]), 255),
  endsWith('as many descriptors as a message can carry', 'ours', answering(response(), (theirs) => Array.from({ length: DESCRIPTORS_MAX }, (_, at) => theirs[at % 4]!)), 255),
  endsWith('two descriptors, as for a terminal', 'ours', answering(response(), (theirs) => theirs.slice(2)), 255),
  endsWith('stdin\'s and stdout\'s ends exchanged', 'ours', answering(response(), ([a, b, c, d]) => [b!, a!, c!, d!]), 255),
  ...['stdin', 'stdout', 'stderr', 'the exit status'].map((name, index) => (
    endsWith(`a socket instead of ${name}'s pipe`, 'ours', instead(index, (server) => server.endpoint.socketPair()[0]), 255)
  )),
  endsWith('exit status 256', 'ours', ending(statusOf(256n)), 255),
  endsWith('exit status -1', 'ours', ending(statusOf(-1n)), 255),
  endsWith('half of an exit status', 'ours', ending(exitStatus(5).subarray(0, 2)), 255),
];

/** A program is started anew each time, and one bad end says nothing about the next case; but one that never ends, or says no end of things, does. */
function comesToAnEnd(server: WshdServer): Promise<boolean> { return server.run(['true'], EXITS).then(() => true, () => false); }

/** The cases on this program, which is ended with whatever ends them. */
export async function checkWsh(program: string, choice: Choice = {}): Promise<Outcome[]> {
  const directory = mkdtempSync(`${tmpdir()}/warden-wire-`);
  let server: WshdServer | undefined;
  try {
    const ours = server = new WshdServer(resolve(program), `${directory}/wshd.sock`);
    return await runCases(ours, [...requests, ...endings, ...relays, ...answers], choice, () => comesToAnEnd(ours));
  } finally {
    server?.end();
    rmSync(directory, { recursive: true, force: true });
  }
}
