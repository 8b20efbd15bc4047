/** Messages that come in two pieces, cut at every place: the programs, in the simulated kernel, understand them the same. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileDescription, RunningProgram, World } from '../../src/sim/world/index.js';
import { lookUp } from '../../src/sim/kernel/mounts/mounts.js';
import { Listener, Socket, SocketFile } from '../../src/sim/kernel/socket.js';
import { codec, encodeRequest } from '../../src/wire/codec.js';
import { encode } from '../../src/wire/message.js';
import { serving, withWorld } from '../sim/help.js';
import { REQUEST_BYTES } from './vectors.js';

const splits = suite('every split point');
const STEPS_MAX = 10_000_000;
const STRANGER = { pidIn: () => 1_000_000 };
const scratch = new Uint8Array(1 << 16);

/** What waits on a connection: bytes, and the descriptors that came along. */
function take(socket: Socket): { bytes: Uint8Array; rights: FileDescription[]; ended: boolean } {
  const rights: FileDescription[] = [], got = socket.receive(scratch, rights);
  return { bytes: scratch.slice(0, Math.max(got, 0)), rights, ended: got === 0 };
}

function connectTo(world: World, path: string): Socket {
  const place = lookUp(world.view, path);
  if (typeof place === 'number' || !(place.node instanceof SocketFile)) throw new Error(`nobody listens on ${path}`);
  const socket = place.node.listener.connect(STRANGER);
  if (typeof socket === 'number') throw new Error(`connect: ${socket}`);
  socket.nonblocking = true;
  return socket.hold();
}

/** Sends a piece and lets everybody run until it has been read. */
function say(world: World, socket: Socket, piece: Uint8Array): void {
  if (piece.length > 0) assert.is(socket.send(piece, []), piece.length);
  assert.ok(world.run(() => socket.peer!.queue.length === 0), 'it was not read');
}

/** All that a description gives up to its end. */
function drain(world: World, description: FileDescription): string {
  description.nonblocking = true;
  let all = '';
  for (;;) {
    assert.ok(world.run(() => description.poll() !== 0), 'nothing comes');
    const got = description.read(scratch);
    if (got <= 0) return all;
    all += Buffer.from(scratch.subarray(0, got)).toString('latin1');
  }
}

const request = encodeRequest({ argv: ['/bin/script', '-c', 'write 1 5; exit 9'], user: 'vcap', lang: '', tty: false, limits: [] });
const EXIT_9 = Buffer.from(encode(codec(), 'exit-status', { fields: { 'exit-status': 9n } })).toString('latin1');

splits(`a request, cut at each of its ${REQUEST_BYTES - 1} places: the same command runs`, () => withWorld((world) => {
  const container = serving(world);
  let output: string | undefined;
  for (let at = 0; at < REQUEST_BYTES; at++) {
    const socket = connectTo(world, container.socket);
    say(world, socket, request.subarray(0, at));
    assert.is(socket.poll() & 1, 0, `answered after ${at} bytes`);
    say(world, socket, request.subarray(at));
    assert.ok(world.run(() => socket.queue.length > 0));
    const { bytes, rights } = take(socket);
    assert.is(Buffer.from(bytes).toString('hex'), '01000000');
    assert.is(rights.length, 4);
    const stdout = drain(world, rights[1]!);
    assert.is(drain(world, rights[3]!), EXIT_9, `cut at ${at}`);
    assert.is(stdout, output ??= stdout, `cut at ${at}`);
    for (const right of rights) right.drop();
    socket.drop();
  }
  assert.is(output?.length, 5);
}, { stepsMax: STEPS_MAX }));

splits('a request of which only the beginning comes, of each length: no answer, and the next one is served', () => withWorld((world) => {
  const container = serving(world);
  for (let length = 0; length < REQUEST_BYTES; length++) {
    const socket = connectTo(world, container.socket);
    if (length > 0) socket.send(request.subarray(0, length), []);
    socket.disconnect(false);
    assert.ok(world.run(() => socket.peer!.closed), `the client with ${length} bytes was not dropped`);
    assert.equal(take(socket).rights, []);
    socket.drop();
  }
  const wsh = container.wsh(['/bin/script', '-c', 'exit 3']);
  world.run(() => wsh.ended);
  assert.is(wsh.exitCode, 3);
}, { stepsMax: STEPS_MAX }));

/** A job's sockets without an iomux-spawn: what a link connects to is ours. */
class Job {
  private readonly listeners: Listener[];

  constructor(private readonly world: World, readonly directory: string) {
    this.listeners = ['stdout', 'stderr', 'status'].map((name) => {
      const listener = new Listener(16, STRANGER).hold();
      world.files.put(`${directory}/${name}.sock`, new SocketFile(listener));
      return listener;
    });
  }

  /** The three connections of a link that has been started. */
  accept(): [stdout: Socket, stderr: Socket, status: Socket] {
    assert.ok(this.world.run(() => this.listeners.every(({ waiting }) => waiting.length > 0)), 'the link does not connect');
    return this.listeners.map((listener) => (listener.accept() as Socket).hold()) as [Socket, Socket, Socket];
  }
}

/** A link whose stdout comes in these pieces, whose status comes in these. */
function link(world: World, job: Job, cursor: string, stdout: readonly Uint8Array[], status: readonly Uint8Array[]): RunningProgram {
  const program = world.start(['iomux-link', '-w', cursor, job.directory]);
  const [out, err, end] = job.accept();
  // First: neither stream is copied before the positions of both are known.
  say(world, err, encode(codec(), 'stream', { fields: { position: 0n } }));
  for (const piece of stdout) say(world, out, piece);
  for (const piece of status) say(world, end, piece);
  for (const socket of [out, err, end]) socket.drop();
  assert.ok(world.run(() => program.ended && program.stdout!.ended && program.stderr!.ended));
  return program;
}

function cut(message: Uint8Array, at: number): Uint8Array[] { return [message.subarray(0, at), message.subarray(at)]; }
function text(program: RunningProgram): string { return Buffer.from(program.stdout!.bytes).toString(); }

const CONTENT = 'the output of a command\n';
const EXIT_42 = encode(codec(), 'status', { fields: { status: BigInt(codec().exports.rawOfExit(42)) } });

splits('a stream and a status, cut at each place: a link delivers the same, ends the same, saves the same', () => withWorld((world) => {
  const job = new Job(world, '/jobs/1');
  const stream = encode(codec(), 'stream', { fields: { position: 0n, content: CONTENT } });
  const cursor = Buffer.from(encode(codec(), 'cursor', { fields: { stdout: BigInt(CONTENT.length), stderr: 0n } })).toString('hex');
  for (let at = 0; at <= stream.length; at++) {
    for (let statusAt = 0; statusAt <= EXIT_42.length; statusAt++) {
      const file = `/tmp/cursor-${at}-${statusAt}`;
      const program = link(world, job, file, cut(stream, at), cut(EXIT_42, statusAt));
      assert.equal([text(program), program.exitCode], [CONTENT, 42], `cut at ${at} and ${statusAt}`);
      assert.is(Buffer.from(world.files.read(file)).toString('hex'), cursor);
    }
  }
}));

splits('a stream that ends at each place of its header, a status that ends too soon: exit code 255', () => withWorld((world) => {
  const job = new Job(world, '/jobs/1');
  const header = encode(codec(), 'stream', { fields: { position: 0n } });
  for (let length = 0; length < header.length; length++) {
    const program = link(world, job, '/tmp/cursor', [header.subarray(0, length)], [EXIT_42.subarray(0, length)]);
    assert.is(program.exitCode, 255);
    assert.match(program.stderr!.text, /stdout: ended before its position came/);
  }
}));

splits('a cursor file on either side of the circle\'s end: what comes before it is left out, no more and no less', () => withWorld((world) => {
  const job = new Job(world, '/jobs/1');
  for (let first = -CONTENT.length - 2; first <= 2; first++) {
    for (let saved = 0; saved <= CONTENT.length; saved++) {
      const position = BigInt.asUintN(32, BigInt(first)), stdout = BigInt.asUintN(32, BigInt(first + saved));
      world.files.write('/tmp/cursor', encode(codec(), 'cursor', { fields: { stdout, stderr: 0n } }));
      const program = link(world, job, '/tmp/cursor', [encode(codec(), 'stream', { fields: { position, content: CONTENT } })], [EXIT_42]);
      assert.equal([text(program), program.exitCode, program.stderr!.text], [CONTENT.slice(saved), 42, ''], `from ${first}, saved ${saved}`);
      const end = BigInt.asUintN(32, BigInt(first + CONTENT.length));
      const expected = Buffer.from(encode(codec(), 'cursor', { fields: { stdout: end, stderr: 0n } }));
      assert.is(Buffer.from(world.files.read('/tmp/cursor')).toString('hex'), expected.toString('hex'));
    }
  }
}, { stepsMax: STEPS_MAX }));

splits.run();
