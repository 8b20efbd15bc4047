/**
 * Writes down what happens in a simulated run so that it can be made to happen on Linux, in the same order, by
 * test/replay/linux: a line each, words with a space between, bytes as hexadecimal digits. What a container's start
 * does to namespaces and mounts is left out; its processes see the paths that their root lies at.
 */
import { type CallEvent, type FileDescription, Guest, type Observer, type Process } from '../../src/sim/world/index.js';
import { EPIPE } from '../../src/sim/kernel/errno.js';
import { lookUp, pathOf } from '../../src/sim/kernel/mounts/mounts.js';
import { type Pipe, PipeEnd } from '../../src/sim/kernel/pipe.js';
import { SIGPIPE } from '../../src/sim/kernel/signals.js';
import { EXIT_NOT_STARTED, FileType } from '../../src/boundary/constants.js';

/** Where a replayed process finds and leaves what calls take and give. */
const IN = 65_536, OUT = 1 << 20;

/** Not done on Linux: they need to be PID 1 or change namespaces, and what they answer depends on where they are. */
const left = new Set([
  'wakeAfter', 'realpath', 'unshareMounts', 'bindRootAndEnter', 'pivot', 'unmount', 'makeDirectory', 'removeDirectory',
  'enterDirectory', 'loopbackUp', 'setProcessName', 'raiseNofileLimit', 'setParentDeathSignal', 'raise', 'eventfd',
  'cgroupNotify', 'watchMemoryEvents', 'setRawMode', 'restoreTermios',
]);

interface Encoded { args: (string | number)[]; input?: Uint8Array; outSize?: number; expected?: Uint8Array; result?: string }

const encoder = new TextEncoder();

function hex(bytes: Uint8Array): string { return bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'); }

/** FNV-1a, as driver.c has it. */
function hash(bytes: Uint8Array): number {
  let value = 2166136261;
  for (const byte of bytes) value = Math.imul(value ^ byte, 16777619);
  return value >>> 0;
}

export class Recorder implements Observer {
  readonly lines: string[] = [];
  private readonly ids = new Map<Process, number>();
  /** Who started whom; none for what the machine itself did. */
  private readonly starters = new Map<Process, Process>();
  private readonly executedOnes = new Set<Process>();
  private readonly slots = new Map<Pipe, { reader: number; writer: number }>();
  /** Its own step is its end. */
  private dying: Process | undefined;
  private lastSlot = 0;
  private lastStarted: Process | undefined;
  /** Ends that a call has caused; they are looked for behind it. */
  private readonly causedEnds: number[] = [];

  /** `directory`: where on Linux the simulated root lies; `program`: what Linux executes instead of scripts and modules. */
  constructor(private readonly directory: string, private readonly program: string, private readonly control: string) {}

  id(process: Process): number { return this.ids.get(process)!; }

  private add(...words: (string | number)[]): void { this.lines.push(words.join(' ')); }

  private addCall(process: Process, name: string, result: string | number, encoded: Encoded): void {
    const { args, input = new Uint8Array(0), expected } = encoded, padded = [...args, 0, 0, 0, 0, 0].slice(0, 5);
    const outSize = encoded.outSize ?? (expected?.length ?? 0);
    this.add('call', this.id(process), name, encoded.result ?? result, expected ? hash(expected) : '-', ...padded,
      IN, hex(input), OUT, outSize);
    this.addCausedEnds();
  }

  private addCausedEnds(): void { for (const id of this.causedEnds.splice(0)) this.add('gone', id); }

  // --- processes

  started(process: Process): void {
    this.ids.set(process, this.ids.size + 1);
    this.lastStarted = process;
    const { parent } = process;
    if (parent && this.ids.has(parent)) this.starters.set(process, parent);
    else this.startOutside(process);
  }

  private startOutside(process: Process): void {
    this.executedOnes.add(process);
    const slots = [0, 1, 2].map((fd) => this.slotFor(process.descriptors.get(fd)!));
    this.add('start', this.id(process), ...slots);
    for (const slot of slots) this.add('close', slot);
  }

  private slotFor(description: FileDescription): number {
    if (!(description instanceof PipeEnd)) {
      this.add('null', ++this.lastSlot);
      return this.lastSlot;
    }
    const { pipe } = description, slots = this.slots.get(pipe) ?? { reader: ++this.lastSlot, writer: ++this.lastSlot };
    if (!this.slots.has(pipe)) this.add('pipe', slots.reader, slots.writer);
    this.slots.set(pipe, slots);
    return description.canRead ? slots.reader : slots.writer;
  }

  executed(process: Process): void {
    const starter = this.starters.get(process);
    if (!starter) return;
    this.executedOnes.add(process);
    this.add('execute', this.id(process), this.id(starter));
    if (process.program) this.addCall(process, 'IGNORE', 0, { args: [SIGPIPE] });
    // Orphans of a container come to its first process.
    if (process.isInit) this.addCall(process, 'REAPER', 0, { args: [] });
  }

  exited(process: Process): void {
    const id = this.id(process), { status, killedBy } = process;
    if (!this.executedOnes.has(process)) {
      if (status >> 8 !== EXIT_NOT_STARTED) throw new Error('a process that did not execute ends with 255');
      this.add('fail', id, this.id(this.starters.get(process)!));
    } else if (killedBy !== undefined && this.dying === process) {
      this.dying = undefined;
      this.add('gone', id);
    } else if (killedBy !== undefined) {
      this.causedEnds.push(id);
    } else {
      this.add('exit', id, status >> 8);
      this.addCausedEnds();
    }
  }

  // --- events

  collected(process: Process, watched: readonly { handle: number; wanted: number; events: number }[]): void {
    for (const { handle, wanted, events } of watched) {
      const description = (process.runner as Guest).handles.description(handle);
      if (description?.alwaysReady) continue;
      this.addCall(process, 'POLL', events, { args: [handle, wanted] });
    }
  }

  deliver({ process, entry, first }: { process: Process; entry: string; first: number }): void {
    if (entry === 'onSignal') this.addCall(process, 'SIGNAL', first, { args: [first] });
  }

  print(process: Process, fd: number, text: string, result: number): void {
    this.addCall(process, 'PRINT', result, { args: [fd], input: encoder.encode(text) });
  }

  script(process: Process, step: string, result: number, bytes?: Uint8Array): void {
    const [op = '', first = '0'] = step.split(' ');
    // A step that is the process's end has no answer.
    if (op === 'die' || (op === 'write' && result === -EPIPE && !process.runner!.ignores(SIGPIPE))) {
      this.dying = process;
      this.add('deadly', this.id(process), op === 'die' ? 'DIE' : 'WRITE', first, IN, bytes ? hex(bytes) : '-');
      return;
    }
    switch (op) {
      case 'write': return this.addCall(process, 'WRITE', result, { args: [first], input: bytes! });
      case 'read': return this.addCall(process, 'READ', result, { args: [Number(first)], expected: bytes! });
      case 'close': case 'ignore': return this.addCall(process, op.toUpperCase(), 0, { args: [first] });
      case 'wait': return this.addCall(process, 'WAIT', 0, { args: [] });
      case 'fork': return this.forked(process);
    }
  }

  private forked(process: Process): void {
    const child = this.lastStarted!;
    this.executedOnes.add(child);
    this.addCall(process, 'FORK', `s${this.id(child)}`, { args: [] });
    this.add('accept', this.id(child));
  }

  outside(end: FileDescription, what: 'read' | 'write' | 'close', size: number, result: number, bytes: Uint8Array): void {
    const slots = this.slots.get((end as PipeEnd).pipe)!, slot = end.canRead ? slots.reader : slots.writer;
    if (what === 'close') this.add('close', slot);
    else if (what === 'read') this.add('read', slot, size, result, hash(bytes));
    else this.add('write', slot, result, hex(bytes));
  }

  // --- calls

  call(event: CallEvent): void {
    // On Linux every wshd's socket has the sign of protocol 2.
    if (left.has(event.name) || (event.name === 'pathType' && event.result === FileType.SOCKET)) return;
    const guest = event.process.runner;
    if (!(guest instanceof Guest)) throw new Error('a call of nobody\'s');
    this.addCall(event.process, event.name, event.result, this.encode(guest, event));
  }

  private encode(guest: Guest, event: CallEvent): Encoded {
    switch (event.name) {
      case 'read': case 'write': case 'readv': case 'writev': case 'splice': return this.encodeStream(guest, event);
      case 'spawnFiles': case 'spawnArguments': case 'spawnEnvironment': case 'spawnBlock': case 'spawnGroups': case 'spawn': case 'wait': case 'waitUsage': case 'kill': case 'peerPid': case 'setsid':
        return this.encodeProcess(guest, event);
      default: return this.encodeFile(guest, event);
    }
  }

  private encodeStream(guest: Guest, event: CallEvent): Encoded {
    const { result } = event, [a, b, c, d, e] = five(event.args), limit = event.size ?? Infinity;
    const bytes = (at: number, size: number): Uint8Array => guest.bytes(at, Math.max(size, 0))!.slice();
    switch (event.name) {
      case 'read': return { args: [a, OUT, Math.min(c, limit)], expected: bytes(b, result) };
      case 'write': return { args: [a, IN, Math.min(c, limit)], input: bytes(b, Math.min(c, limit)) };
      case 'readv': {
        const first = Math.min(c, limit), second = Math.min(e, limit - first), got = Math.max(result, 0);
        const both = Buffer.concat([bytes(b, Math.min(got, first)), bytes(d, got - Math.min(got, first))]);
        return { args: [a, OUT, first, OUT + first, second], expected: both };
      }
      case 'writev': {
        const first = Math.min(c, limit), second = Math.min(e, limit - first);
        return { args: [a, IN, first, IN + first, second], input: Buffer.concat([bytes(b, first), bytes(d, second)]) };
      }
      default: return { args: [a, b, Math.min(c, limit)] };
    }
  }

  private encodeFile(guest: Guest, { name, args, result, process }: CallEvent): Encoded {
    const [a, b, c, d, e] = five(args);
    const bytes = (at: number, size: number): Uint8Array => guest.bytes(at, size)!.slice();
    const pair = (): Encoded => ({ args: [OUT], outSize: 8, ...(result === 0 ? { expected: bytes(a, 8) } : {}) });
    const path = (at: number): Uint8Array => encoder.encode(`${this.linuxPath(process, guest.string(at)!)}\0`);
    switch (name) {
      case 'pipe': case 'socketPair': return pair();
      case 'listen': return { args: [IN, b, c], input: path(a) };
      case 'connect': case 'pathType': case 'unlink': case 'spawnDirectory': return { args: [IN], input: path(a) };
      // The kernel's own: arguments of the program that Linux executes. Those of the simulated one are in the request.
      case 'sealedFile': return strings(['replay', this.control, 'process']);
      case 'windowSize': return { args: [a, OUT], outSize: 8 };
      case 'open': return { args: [IN, b], input: path(a) };
      case 'rename': return { args: [IN, IN + path(a).length], input: Buffer.concat([path(a), path(b)]) };
      case 'send': return { args: [a, IN, c, IN + c, e], input: Buffer.concat([bytes(b, c), bytes(d, e * 4)]) };
      case 'receive': {
        const whole = result === c ? { expected: Buffer.concat([bytes(b, c), bytes(d, e * 4)]) } : {};
        return { args: [a, OUT, c, OUT + c, e], outSize: c + e * 4, ...whole };
      }
      default: return { args: [...args] };
    }
  }

  private encodeProcess(guest: Guest, { name, args, result, process }: CallEvent): Encoded {
    const [a, b] = five(args), bytes = (at: number, size: number): Uint8Array => guest.bytes(at, size)!.slice();
    switch (name) {
      case 'spawnFiles': return this.files(process, bytes(a, b));
      case 'spawnArguments': return strings(['replay', this.control, 'process']);
      case 'spawnBlock': return { args: [a, strings(['replay', this.control, 'process']).input!.length, 0] };
      case 'spawnGroups': return { args: [IN, b], input: bytes(a, b * 4) };
      case 'spawnEnvironment': return { args: [IN, b], input: bytes(a, b) };
      case 'spawn': return { args: [a, OUT], ...(result > 0 ? { expected: bytes(b, 4), result: `s${this.id(this.lastStarted!)}` } : {}) };
      case 'wait': return {
        args: [a === -1 ? -1 : this.numbered(process, a), OUT],
        ...(result > 0 ? { expected: bytes(b, 4), result: this.numbered(process, result) } : {}),
      };
      case 'waitUsage': return {
        // The status alone: a simulated process takes no time.
        args: [a === -1 ? -1 : this.numbered(process, a), OUT],
        ...(result > 0 ? { expected: bytes(b, 4), result: this.numbered(process, result) } : {}),
      };
      case 'kill': return { args: [a < 0 ? `-${this.numbered(process, -a)}` : this.numbered(process, a), b] };
      case 'peerPid': return { args: [a], ...(result > 0 ? { result: this.numbered(process, result) } : {}) };
      default: return { args: [], ...(result > 0 ? { result: `p${this.id(process)}` } : {}) };
    }
  }

  private files(process: Process, list: Uint8Array): Encoded {
    const names = new TextDecoder().decode(list).split('\0').slice(0, -1);
    return strings(names.map((name) => (typeof lookUp(process.view, name) === 'number' ? `${this.directory}/nothing` : this.program)));
  }

  /** "p3": the process that has this number in the eyes of another. */
  private numbered(process: Process, pid: number): string {
    const found = [...this.ids.keys()].find((one) => one.pidIn(process.namespace) === pid);
    return found ? `p${this.id(found)}` : String(pid);
  }

  private linuxPath(process: Process, path: string): string {
    const { view } = process, inside = view.root.node !== process.machine.init.view.root.node;
    const from = path.startsWith('/') ? '/' : `${pathOf(view, view.directory)}/`;
    return `${this.directory}${inside ? '/c/root' : ''}${from}${path}`.replaceAll(/\/+/g, '/');
  }
}

function strings(list: readonly string[]): Encoded {
  const input = encoder.encode(list.map((text) => `${text}\0`).join(''));
  return { args: [IN, input.length], input };
}

/** A call's arguments, with 0 for those that it does not have. */
function five(args: readonly number[]): [number, number, number, number, number] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  return [a, b, c, d, e];
}
