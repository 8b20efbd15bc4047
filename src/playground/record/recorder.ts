/** An observer that keeps a run as a recording: what is seen of it at every event. */
import { errnoName } from '../../sim/kernel/errno.js';
import type { CallEvent, Delivery, Observer } from '../../sim/kernel/events.js';
import { Kernel } from '../../sim/kernel/kernel.js';
import type { FileDescription } from '../../sim/kernel/open-file.js';
import type { Process } from '../../sim/kernel/process.js';
import { Guest } from '../../sim/guest/guest.js';
import { Trace } from '../../sim/world/trace.js';
import type { Scenario } from '../../sim/scenario/scenario.js';
import type { Outcome } from '../../sim/campaign/run-scenario.js';
import { layoutOf } from './layout.js';
import { CALLER_PID, Machine } from './machine.js';
import { type Moment, momentOf } from './pictures.js';
import { Changes } from './changes.js';
import { type Flows, FAULT, Kind, type Recording } from './recording.js';
import { RingRecorder } from './rings.js';

/** More events are not kept: a run of so many is a scenario that goes round in circles. */
const EVENTS_MAX = 250_000;

const READS: ReadonlySet<string> = new Set(['read', 'readv', 'receive']);
const WRITES: ReadonlySet<string> = new Set(['write', 'writev', 'send']);
/** Of a script's step: "write 1 4096", "read 512". */
const SCRIPT_MOVE = /^(write (\d+)|read) /;

interface Movement { end: FileDescription | undefined; bytes: number; descriptors?: number }

export class Recorder implements Observer {
  private machine: Machine | undefined;
  private kernel: Kernel | undefined;
  private readonly trace = new Trace();
  private readonly lines: string[] = [];
  private readonly kinds: number[] = [];
  private readonly pids: number[] = [];
  private readonly timesMs: number[] = [];
  private readonly names = new Map<number, string>();
  private readonly channels = new Map<string, number>();
  private readonly fills: Changes[] = [];
  private readonly flows: Record<'event' | 'pid' | 'channel' | 'bytes' | 'descriptors', number[]> = { event: [], pid: [], channel: [], bytes: [], descriptors: [] };
  private readonly moments: Moment[] = [];
  private readonly momentAt: number[] = [];
  private readonly rings = new RingRecorder();
  private seen = 0;
  private lastMoment = '';

  private get isFull(): boolean { return this.lines.length >= EVENTS_MAX; }

  /** Keeps the line that the trace has just written, and what goes with it. */
  private keep(kind: number, process: Process | undefined, moves: readonly Movement[] = [], words?: string): void {
    const line = words ?? this.trace.lines.at(-1) ?? '';
    this.trace.lines.length = 0;
    if (this.isFull || !this.kernel) return;
    this.kinds.push(kind);
    this.pids.push(process?.pid ?? (kind === Kind.OUTSIDE as number ? CALLER_PID : 0));
    this.timesMs.push(this.kernel.nowMs);
    if (process) this.keepName(process);
    for (const move of moves) this.move(process, move);
    this.lines.push(line);
    this.look();
  }

  private keepName({ pid, title }: Process): void { this.names.set(pid, title || this.names.get(pid) || 'process'); }

  private channel(id: string): number {
    let at = this.channels.get(id);
    if (at === undefined) {
      this.channels.set(id, at = this.channels.size);
      this.fills.push(new Changes());
    }
    return at;
  }

  private move(process: Process | undefined, { end, bytes, descriptors = 0 }: Movement): void {
    const id = end && this.machine!.channelOf(end);
    if (!end || id === undefined) return;
    const event = this.lines.length, channel = this.channel(id);
    this.fills[channel]!.set(event, this.machine!.fillOf(end));
    if (bytes === 0 && descriptors === 0) return;
    this.flows.event.push(event);
    this.flows.pid.push(process?.pid ?? CALLER_PID);
    this.flows.channel.push(channel);
    this.flows.bytes.push(bytes);
    this.flows.descriptors.push(descriptors);
    if (process) this.rings.moved(process, end, channel, bytes, event);
  }

  /** A new moment, where the picture is another one. */
  private look(): void {
    const machine = this.machine!, seen = machine.fingerprint();
    if (seen === this.seen && this.moments.length > 0) return;
    this.seen = seen;
    const moment = momentOf(machine.snapshot(), machine.places()), key = JSON.stringify(moment);
    if (key === this.lastMoment) return;
    this.lastMoment = key;
    this.moments.push(moment);
    this.momentAt.push(this.moments.length === 1 ? 0 : this.lines.length - 1);
  }

  private momentsOfFlows(): Int32Array {
    const { moments, momentAt, flows } = this, last = new Map<string, number>(), names = [...this.channels.keys()];
    let next = 0;
    return Int32Array.from(flows.event, (event, at) => {
      for (; next < moments.length && momentAt[next]! <= event; next++) {
        const shown = moments[next]!.lines.flatMap(({ words }) => words.map(({ channel }) => channel));
        for (const name of shown.flatMap((channel) => [channel, ...channel.split('-')])) last.set(name, next);
      }
      return last.get(names[flows.channel[at]!]!) ?? -1;
    });
  }

  // --- what happens

  started(process: Process): void {
    if (this.kernel) return;
    if (!(process.machine instanceof Kernel)) throw new Error('a recorder looks at a kernel');
    this.kernel = process.machine;
    this.machine = new Machine(process.machine);
  }

  call(event: CallEvent): void {
    this.machine!.note(event);
    this.rings.called(event);
    this.trace.call(event);
    this.keep(Kind.CALL + (event.fault ? FAULT : 0), event.process, movesOf(event));
  }

  deliver(delivery: Delivery): void {
    this.trace.deliver(delivery);
    this.keep(Kind.ENTRY, delivery.process);
  }

  script(process: Process, step: string, result: number): void {
    this.trace.script(process, step, result);
    const [, word, fd] = SCRIPT_MOVE.exec(step) ?? [];
    const end = word === undefined ? undefined : process.descriptors.get(Number(fd ?? 0));
    this.keep(Kind.SCRIPT, process, result > 0 ? [{ end, bytes: fd === undefined ? -result : result }] : []);
  }

  print(process: Process, fd: number, text: string, result: number): void {
    this.trace.print(process, fd, text);
    this.keep(Kind.PRINT, process, [{ end: process.descriptors.get(fd), bytes: Math.max(0, result) }]);
  }

  outside(end: FileDescription, call: 'read' | 'write' | 'close', _size: number, result: number): void {
    const moved = call === 'close' ? 0 : result, shown = moved < 0 ? `-${errnoName(-moved)}` : String(moved);
    this.names.set(CALLER_PID, 'caller');
    const words = `caller(${CALLER_PID}): ${call}${call === 'close' ? '' : ` = ${shown}`}`;
    this.keep(Kind.OUTSIDE, undefined, [{ end, bytes: call === 'read' ? -Math.max(0, moved) : Math.max(0, moved) }], words);
  }

  executed(process: Process): void {
    this.trace.executed(process);
    this.rings.executed(process);
    this.keep(Kind.EXECUTE, process);
  }

  exited(process: Process): void {
    this.trace.exited(process);
    this.keep(Kind.END, process);
  }

  trapped(process: Process, words: string): void {
    this.trace.trapped(process, words);
    this.keep(Kind.TRAP, process);
  }

  clock(nowMs: number): void {
    this.trace.clock(nowMs);
    this.keep(Kind.CLOCK, undefined);
  }

  // --- the whole

  finish(scenario: Scenario, { steps, violation }: Outcome): Recording {
    const { flows } = this;
    const flowsKept: Flows = {
      event: Int32Array.from(flows.event), pid: Int32Array.from(flows.pid), channel: Int32Array.from(flows.channel),
      bytes: Int32Array.from(flows.bytes), descriptors: Uint8Array.from(flows.descriptors), moment: this.momentsOfFlows(),
    };
    return {
      scenario, steps, violation, isCut: this.isFull, lines: this.lines,
      kinds: Uint8Array.from(this.kinds), pids: Int32Array.from(this.pids), timesMs: Float64Array.from(this.timesMs),
      processes: [...this.names].map(([pid, name]) => ({ pid, name })), channels: [...this.channels.keys()],
      flows: flowsKept, fills: this.fills.map((fill) => fill.course()), rings: this.rings.rings(),
      moments: this.moments, momentAt: Int32Array.from(this.momentAt), layout: layoutOf(this.moments),
    };
  }
}

/** Bytes that a call has moved between its process and a channel. */
function movesOf({ process: { runner }, name, args, result }: CallEvent): Movement[] {
  if (!(runner instanceof Guest) || result <= 0) return [];
  const end = runner.handles.description(args[0]!);
  if (name === 'splice') return [{ end, bytes: -result }, { end: runner.handles.description(args[1]!), bytes: result }];
  if (READS.has(name)) return [{ end, bytes: -result, descriptors: name === 'receive' ? received(runner, args) : 0 }];
  return WRITES.has(name) ? [{ end, bytes: result, descriptors: name === 'send' ? args[4]! : 0 }] : [];
}

/** Of the handles that `receive` has stored, those that are some. */
function received(guest: Guest, args: readonly number[]): number {
  const bytes = guest.bytes(args[3]!, args[4]! * 4);
  if (!bytes) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: args[4]! }, (_, index) => view.getInt32(index * 4, true)).filter((handle) => handle >= 0).length;
}
