/** Ring, positions, cursors and relay of assembly/ under random commands, beside a model that keeps everything. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../tools/build/asc.js';

const streams = suite('ring, positions and relay');
const EAGAIN = 11;
const SOURCE = 1, TARGET = 2;
const READ = 1, WRITE = 2;
/** What `handleType` says of a socket that can be read and written: nothing that is spliced. */
const A_SOCKET = 4 + 8 + 16;
const CIRCLE = 2n ** 32n;

interface Streams {
  memory: WebAssembly.Memory;
  beginRing(size: number, head: bigint): void;
  ringHead(): bigint;
  ringOldest(): bigint;
  ringRoom(at: bigint): number;
  ringFill(handle: number, most: number): number;
  ringDrain(handle: number, at: bigint): number;
  putCursor(stdout: bigint, stderr: bigint): number;
  savedStdout(): number;
  savedStderr(): number;
  between(from: number, to: number): number;
  beginRelay(from: number, to: number): void;
  pump(): number;
  delivered(): bigint;
  moved(): bigint;
  limitToPending(): void;
}

/** What the module's calls meet: a source with `waiting` bytes, a target that takes `room`. */
class Outside {
  waiting: number[] = [];
  sourceEnded = false;
  room = 0;
  taken: number[] = [];
  watched = new Map<number, number>();
  closed: number[] = [];
  constructor(private readonly memory: () => WebAssembly.Memory) {}

  read(at: number, size: number): number {
    if (this.waiting.length === 0) return this.sourceEnded ? 0 : -EAGAIN;
    const piece = this.waiting.splice(0, size);
    new Uint8Array(this.memory().buffer).set(piece, at);
    return piece.length;
  }

  write(at: number, size: number): number {
    const count = Math.min(size, this.room);
    if (count === 0) return size === 0 ? 0 : -EAGAIN;
    this.taken.push(...new Uint8Array(this.memory().buffer, at, count));
    this.room -= count;
    return count;
  }
}

/** Both places of readv and writev, one after the other, as the kernel fills them. */
function both(call: (at: number, size: number) => number, at: number, size: number, thenAt: number, thenSize: number): number {
  const done = size > 0 ? call(at, size) : 0;
  if (done < size) return done;
  const more = thenSize > 0 ? call(thenAt, thenSize) : 0;
  return more < 0 && done > 0 ? done : done + more;
}

const ENTRY = 'test/wire/assembly/streams.ts';
const built = new WebAssembly.Module(await compile(ENTRY));

function instance(compiled: WebAssembly.Module): { module: Streams; outside: Outside } {
  const outside = new Outside(() => module.memory);
  const shim = {
    read: (_handle: number, at: number, size: number) => outside.read(at, size),
    write: (_handle: number, at: number, size: number) => outside.write(at, size),
    readv: (_handle: number, ...places: [number, number, number, number]) => both((at, size) => outside.read(at, size), ...places),
    writev: (_handle: number, ...places: [number, number, number, number]) => both((at, size) => outside.write(at, size), ...places),
    splice: () => { throw new Error('nothing here is spliced'); },
    bytesAvailable: () => outside.waiting.length,
    handleType: () => A_SOCKET,
    watch: (handle: number, events: number) => { outside.watched.set(handle, events); return 0; },
    close: (handle: number) => { outside.closed.push(handle); return 0; },
  };
  const module = new WebAssembly.Instance(compiled, { shim, wasi_snapshot_preview1: { fd_write: () => 0 } }).exports as unknown as Streams;
  return { module, outside };
}

/** The result of a call that moves bytes. */
function moved(nothingToDo: boolean, blocks: boolean, count: number): number {
  if (nothingToDo) return 0;
  return blocks ? -EAGAIN : count;
}

/** Every byte of a stream by its position. */
function byteAt(position: bigint): number { return Number(position % 251n); }
function bytes(from: bigint, count: number): number[] { return Array.from({ length: count }, (_, index) => byteAt(from + BigInt(index))); }

interface Model { head: bigint; readers: { start: bigint; at: bigint }[] }
interface Real { module: Streams; outside: Outside; size: number }
type Step = fc.Command<Model, Real>;

function command(name: string, check: (model: Model) => boolean, run: (model: Model, real: Real) => void): Step {
  return { check, run, toString: () => name };
}

/** As iomux-spawn asks: nobody loses what it has not got. */
function room(model: Model, { module, size }: Real): number {
  return model.readers.reduce((least, { at }) => Math.min(least, module.ringRoom(at)), size);
}

const fill = fc.nat(80).map((count) => command(`fill ${count}`, () => true, (model, real) => {
  const { module, outside } = real, most = room(model, real);
  outside.waiting = bytes(model.head, count);
  const got = module.ringFill(SOURCE, most);
  assert.is(got, moved(most === 0, count === 0, Math.min(count, most)));
  model.head += BigInt(Math.max(got, 0));
  assert.is(module.ringHead(), model.head);
}));
const join = fc.constant(command('join', ({ readers }) => readers.length < 4, (model, { module, size }) => {
  const start = module.ringOldest();
  assert.is(start, model.head > BigInt(size) ? model.head - BigInt(size) : 0n);
  model.readers.push({ start, at: start });
}));
const drain = fc.tuple(fc.nat(3), fc.nat(80)).map(([index, most]) => command(`drain ${index} ${most}`, ({ readers }) => index < readers.length,
  (model, { module, outside }) => {
    const reader = model.readers[index]!, left = Number(model.head - reader.at);
    Object.assign(outside, { room: most, taken: [] });
    const sent = module.ringDrain(TARGET, reader.at);
    assert.is(sent, moved(left === 0, most === 0, Math.min(left, most)));
    assert.equal(outside.taken, bytes(reader.at, Math.max(sent, 0)));
    reader.at += BigInt(Math.max(sent, 0));
  }));
const leave = fc.nat(3).map((index) => command(`leave ${index}`, ({ readers }) => index < readers.length, (model) => {
  model.readers.splice(index, 1);
}));
/** A link that stops here, and one that takes its place with the cursor that it saved. */
const resume = fc.nat(3).map((index) => command(`resume ${index}`, ({ readers }) => index < readers.length, (model, { module }) => {
  const reader = model.readers[index]!, oldest = module.ringOldest();
  const at = module.putCursor(reader.at, oldest);
  const file = new DataView(module.memory.buffer, at);
  assert.is(BigInt(file.getUint32(0)), reader.at % CIRCLE);
  const skip = module.between(Number(BigInt.asUintN(32, oldest)), module.savedStdout());
  // What a new connection sends from the ring's oldest byte on, less what was delivered: exactly where the old one stopped.
  assert.is(oldest + BigInt(skip), reader.at);
  assert.is(BigInt(module.savedStderr() >>> 0), oldest % CIRCLE);
}));
const starts = fc.oneof(
  fc.constant(0n), fc.bigInt({ min: CIRCLE - 200n, max: CIRCLE + 10n }),
  fc.bigInt({ min: 2n ** 31n - 100n, max: 2n ** 31n + 100n }), fc.bigInt({ min: 5n * CIRCLE - 100n, max: 5n * CIRCLE }),
);

function ringHolds(compiled: WebAssembly.Module): void {
  const commands = fc.commands([fill, fill, join, drain, drain, leave, resume], { maxCommands: 60 });
  fc.assert(fc.property(starts, fc.constantFrom(1, 2, 8, 64), commands, (head, size, steps) => {
    fc.modelRun(() => {
      const real: Real = { ...instance(compiled), size };
      real.module.beginRing(size, head);
      return { model: { head, readers: [] }, real };
    }, [first(size), ...steps]);
  }), { numRuns: 300 });
}

/** A ring that is full, so that what it holds is known. */
function first(size: number): Step {
  return command('full', () => true, (model, { module, outside }) => {
    outside.waiting = bytes(model.head, size);
    assert.is(module.ringFill(SOURCE, size), size);
    model.head += BigInt(size);
  });
}

streams('a ring gives each reader every byte once and in order, wherever on the circle of 2^32, and cursors lead back to it', () => {
  ringHolds(built);
});

streams('distances on the circle: exact up to 2 GiB either way', () => {
  const { module } = instance(built);
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 40n }), fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }), (from, step) => {
    assert.is(BigInt(module.between(Number(BigInt.asUintN(32, from)), Number(BigInt.asUintN(32, from + step)))), step);
  }));
});

const OPEN = 0, ENDED = 1;
interface Relayed { sent: number; isEnding: boolean }
type RelayStep = fc.Command<Relayed, Real>;
const relaySteps: fc.Arbitrary<RelayStep>[] = [
  fc.nat(3000).map((count): RelayStep => ({
    check: ({ isEnding }) => !isEnding, toString: () => `say ${count}`,
    run: (model, { outside }) => {
      for (const byte of bytes(BigInt(model.sent), count)) outside.waiting.push(byte);
      model.sent += count;
    },
  })),
  fc.nat(3000).map((count): RelayStep => ({
    check: () => true, toString: () => `room ${count}`,
    run: (_model, { outside }) => { outside.room += count; },
  })),
  fc.constant<RelayStep>({
    check: () => true, toString: () => 'end',
    run: (model, { outside }) => { outside.sourceEnded = model.isEnding = true; },
  }),
  fc.constant<RelayStep>({ check: () => true, toString: () => 'pump', run: pumpAndCheck }),
];

function pumpAndCheck(model: Relayed, { module, outside }: Real): void {
  const flow = module.pump();
  assert.equal(outside.taken, bytes(0n, outside.taken.length), 'what came is not what was sent');
  assert.is(module.delivered(), BigInt(outside.taken.length));
  const kept = Number(module.moved()) - outside.taken.length;
  assert.is(kept + outside.waiting.length + outside.taken.length, model.sent, 'bytes are gone');
  if (flow === ENDED) {
    assert.ok(outside.sourceEnded && outside.taken.length === model.sent, 'it ended too soon');
    assert.equal(new Set(outside.closed), new Set([SOURCE, TARGET]));
    return;
  }
  assert.is(flow, OPEN);
  // Either it waits to read and holds nothing back, or it waits until what it holds can be written: never for both.
  assert.equal([outside.watched.get(SOURCE), outside.watched.get(TARGET)], kept === 0 ? [READ, 0] : [0, WRITE]);
}

function relayHolds(compiled: WebAssembly.Module): void {
  fc.assert(fc.property(fc.commands(relaySteps, { maxCommands: 60 }), (commands) => {
    fc.modelRun(() => {
      const real: Real = { ...instance(compiled), size: 0 };
      real.module.beginRelay(SOURCE, TARGET);
      return { model: { sent: 0, isEnding: false }, real };
    }, commands);
  }), { numRuns: 200 });
}

streams('a relay delivers everything once and in order, and waits for one side at a time', () => relayHolds(built));

streams('a relay that is limited to what is pending takes just that, and ends', () => {
  fc.assert(fc.property(fc.nat(5000), fc.nat(5000), fc.nat(5000), (before, pending, later) => {
    const { module, outside } = instance(built);
    module.beginRelay(SOURCE, TARGET);
    outside.room = before;
    outside.waiting = bytes(0n, before);
    assert.is(module.pump(), OPEN);
    outside.waiting.push(...bytes(BigInt(before), pending));
    module.limitToPending();
    outside.waiting.push(...bytes(BigInt(before + pending), later));
    outside.room = pending + later;
    assert.is(module.pump(), ENDED);
    assert.equal(outside.taken, bytes(0n, before + pending));
  }), { numRuns: 100 });
});

const RING = 'assembly/lib/ring.ts', RELAY = 'assembly/lib/relay.ts', STREAM = 'assembly/wire/stream.ts';
const mistakes: [name: string, file: string, from: string, to: string, holds: (compiled: WebAssembly.Module) => void][] = [
  ['a wrap that is off by one', RING, 'straight = min(length, this.size - at)', 'straight = min(length, this.size - at - 1)', ringHolds],
  ['a ring that forgets one byte too many', RING, 'this.head - this.size : 0', 'this.head - this.size + 1 : 0', ringHolds],
  ['positions of 31 bits', STREAM, 'bswap<u32>(<u32>position)', 'bswap<u32>(<u32>position & 0x7fffffff)', ringHolds],
  ['a relay that waits for both sides', RELAY, 'watch(this.to, source ? 0 : WRITE)', 'watch(this.to, WRITE)', relayHolds],
  ['a relay that drops what was not taken', RELAY, 'if (sent > 0) this.start += sent;', 'if (sent > 0) this.start = this.end;', relayHolds],
];
for (const [name, file, from, to, holds] of mistakes) {
  streams(`${name} would be found`, async () => {
    const mistaken = new WebAssembly.Module(await compile(ENTRY, [{ file, from, to }]));
    assert.throws(() => holds(mistaken), /Property failed/);
  });
}

streams.run();
