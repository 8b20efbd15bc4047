/** Pipes, socket pairs with descriptors on the way, listeners, event counters, splice, capacity. test/replay/linux/sequences/descriptors.c */
import { Counter } from '../../../src/sim/kernel/cgroup.js';
import { EADDRINUSE, EBADF, ECONNREFUSED, ENOTSOCK, EINVAL, ENOTCONN } from '../../../src/sim/kernel/errno.js';
import type { FileDescription } from '../../../src/sim/kernel/open-file.js';
import { Pipe, PipeEnd } from '../../../src/sim/kernel/pipe.js';
import { Listener, Socket } from '../../../src/sim/kernel/socket.js';
import { splice } from '../../../src/sim/kernel/splice.js';
import { chosen, hash, type Kind, often, type Operation, type Played, sizeOf, type Step, type Subject } from './sequence.js';
import { buffer, Slots } from './slots.js';

const ADDRESSES = 3, RIGHTS_MAX = 3;
class Descriptors extends Slots implements Subject {
  private readonly listeners = new Map<number, Listener>();
  private readonly splicer = { spliced: undefined };
  private readonly operations: readonly Operation[];

  constructor() {
    super();
    this.operations = [
      () => this.pipe(), () => this.pair(), (a, b) => this.listen(a, b), (a) => this.connect(a), ...often(2, (a) => this.accept(a)),
      ...often(4, (a, b) => this.read(a, b)), ...often(4, (a, b) => this.write(a, b)),
      ...often(2, (a, b, c) => this.send(a, b, c)), ...often(3, (a, b) => this.receive(a, b)),
      ...often(4, (a, b, c) => this.splice(a, b, c)), (a) => this.close(a), (a) => this.duplicate(a), (a) => this.available(a),
      ...often(2, (a) => this.poll(a)), (a, b) => this.resize(a, b), (a) => this.shutdown(a), (a, b) => this.mode(a, b),
      (a) => this.reopen(a), (a, b) => this.counter(a, b),
    ];
  }

  play([operation, a, b, c]: Step): Played | undefined { return chosen(this.operations, operation)!(a, b, c); }

  private two(name: string, make: () => readonly [FileDescription, FileDescription]): Played | undefined {
    const free = this.freeSlots(2);
    if (!free) return undefined;
    for (const [index, description] of make().entries()) this.put(free[index]!, description);
    return { line: `${name} ${free.join(' ')}`, result: '0' };
  }

  private pipe(): Played | undefined {
    return this.two('pipe', () => {
      const pipe = new Pipe();
      return [new PipeEnd(pipe, true), new PipeEnd(pipe, false)];
    });
  }

  private pair(): Played | undefined { return this.two('pair', () => Socket.pair()); }

  private listen(a: number, b: number): Played | undefined {
    const address = a % ADDRESSES, backlog = b % 6 - 1;
    return this.made((slot) => `listen ${slot} ${address} ${backlog}`, () => {
      const there = this.listeners.get(address);
      if (there && !there.closed) return -EADDRINUSE;
      const listener = new Listener(backlog, { pidIn: () => 1 });
      this.listeners.set(address, listener);
      return listener;
    });
  }

  private connect(a: number): Played | undefined {
    const address = a % ADDRESSES;
    return this.made((slot) => `connect ${slot} ${address}`, () => (
      this.listeners.get(address)?.connect({ pidIn: () => 1 }) ?? -ECONNREFUSED));
  }

  private accept(a: number): Played | undefined {
    const from = this.slotOf(a), description = from === undefined ? undefined : this.open.get(from);
    if (!description) return undefined;
    return this.made((slot) => `accept ${slot} ${from}`, () => {
      if (description instanceof Listener) return description.accept();
      return description instanceof Socket ? -EINVAL : -ENOTSOCK;
    });
  }

  private send(a: number, b: number, c: number): Played | undefined {
    return this.on(a, (description, slot) => {
      const size = sizeOf(b), count = c % (RIGHTS_MAX + 1);
      if (!this.stream.has(size)) return undefined;
      const rights = Array.from({ length: count }, (_, index) => this.slotOf((c >> 2) + index * 7)!)
        // Linux collects sockets that only their own queues refer to; the simulation does not.
        .filter((right) => !(this.open.get(right) instanceof Socket || this.open.get(right) instanceof Listener));
      const line = ['send', slot, size, ...rights].join(' '), bytes = this.stream.next(size);
      if (!(description instanceof Socket)) return { line, result: String(description instanceof Listener ? -ENOTCONN : -ENOTSOCK) };
      return { line, result: String(description.send(bytes, rights.map((right) => this.open.get(right)!))) };
    });
  }

  private receive(a: number, b: number): Played | undefined {
    const free = this.freeSlots(RIGHTS_MAX);
    return free && this.on(a, (description, slot) => {
      const size = sizeOf(b), first = free[0]!, line = `receive ${slot} ${size} ${first}`, rights: FileDescription[] = [];
      if (free.some((each, index) => each !== first + index)) return undefined;
      if (!(description instanceof Socket)) return { line, result: `${description instanceof Listener ? -EINVAL : -ENOTSOCK} 0 0` };
      const got = description.receive(buffer.subarray(0, size), rights);
      for (const [index, right] of rights.entries()) {
        this.put(first + index, right);
        right.drop();
      }
      return { line, result: `${got} ${got > 0 ? hash(buffer.subarray(0, got)) : 0} ${rights.length}` };
    });
  }

  private splice(a: number, b: number, c: number): Played | undefined {
    return this.on(a, (from, fromSlot) => this.on(b, (to, toSlot) => {
      const size = sizeOf(c);
      return { line: `splice ${fromSlot} ${toSlot} ${size}`, result: String(splice(from, to, size, this.splicer)) };
    }));
  }

  private duplicate(a: number): Played | undefined {
    return this.on(a, (description, from) => this.made((slot) => `duplicate ${slot} ${from}`, () => description));
  }

  private available(a: number): Played | undefined {
    return this.on(a, (description, slot) => ({ line: `available ${slot}`, result: String(description.pending()) }));
  }

  private resize(a: number, b: number): Played | undefined {
    return this.on(a, (description, slot) => {
      const size = [0, 1, 4096, 4097, 8192, 16_384, 65_536, 100_000, 1 << 20, (1 << 20) + 1, -1][b % 11]!;
      return { line: `resize ${slot} ${size}`, result: String(description instanceof PipeEnd ? description.pipe.resize(size) : -EBADF) };
    });
  }

  private shutdown(a: number): Played | undefined {
    return this.on(a, (description, slot) => {
      if (!(description instanceof Socket)) return undefined;
      description.shutDown();
      return { line: `shutdown ${slot}`, result: '0' };
    });
  }

  private mode(a: number, b: number): Played | undefined {
    return this.on(a, (description, slot) => {
      if (!(description instanceof PipeEnd)) return undefined;
      if (b % 2 === 0) return { line: `mode ${slot}`, result: String(description.mode) };
      description.mode = b >> 1 & 0o777;
      return { line: `setmode ${slot} ${b >> 1 & 0o777}`, result: '0' };
    });
  }

  private reopen(a: number): Played | undefined {
    return this.on(a, (description, from) => (
      description instanceof PipeEnd ? this.made((slot) => `reopen ${slot} ${from}`, () => description.reopen()) : undefined));
  }

  private counter(a: number, b: number): Played | undefined {
    const slot = this.slotOf(a), description = slot === undefined ? undefined : this.open.get(slot);
    if (!(description instanceof Counter)) return this.made((free) => `counter ${free}`, () => new Counter());
    const value = new Uint8Array(8);
    new DataView(value.buffer).setUint32(0, b, true);
    return { line: `add ${slot} ${b}`, result: String(description.write(value)) };
  }
}

export const descriptors: Kind = { name: 'descriptors', stepsMax: 60, fresh: 3000, patience: [], begin: () => new Descriptors() };
