/**
 * Checks iomux-spawn at every call: the bytes that it reads from its command are recorded, and each connection gets exactly
 * these from its first position on. The status is sent once, is right, and comes after the end of its link's streams.
 */
import { Guest } from '../guest/guest.js';
import { patternMismatch } from '../script/pattern.js';
import { type Pipe, PipeEnd } from '../kernel/pipe.js';
import type { CallEvent } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import type { Stage, StagedJob } from '../scenario/stage.js';
import { type Credentials, Socket } from '../kernel/socket.js';
import type { Blame } from './blame.js';
import { type Checker, holds } from './checker.js';
import type { Facts } from './facts.js';
import { Recording } from './recording.js';

const STREAMS = 2, STATUS = 2, HEADER_BYTES = 4, STATUS_BYTES = 4;
const RING_BYTES = 65_536;
/** Connections beyond this number are closed at once: docs/reference/iomux-spawn.md. */
const CONNECTIONS_MAX = 1_536;

/** One connection to a job, as iomux-spawn accepted it. */
export interface Delivery {
  readonly channel: number;
  readonly socket: Socket;
  readonly who: Credentials | undefined;
  /** Position of the first byte that the connection must get. */
  readonly start: number;
  /** Bytes sent, including the header or the status. */
  sent: number;
  closed: boolean;
}

export class JobRecord {
  readonly streams = [new Recording(), new Recording()] as const;
  readonly pipes: Pipe[] = [];
  readonly deliveries: Delivery[] = [];
  readonly open = new Map<number, Delivery>();
  readonly listeners: number[] = [];
  readonly ringBytes: number;
  child: Process | undefined;
  /** It reported that its command was released. */
  isActive = false;
  /** Bytes of each stream when the child ended: read, or still in the pipe. */
  final: [number, number] | undefined;

  constructor(readonly job: StagedJob) {
    const { options } = job.plan, at = options.indexOf('--ring');
    this.ringBytes = at < 0 ? RING_BYTES : parseInt(options[at + 1]!, 10) * 1024;
  }

  get dropsSlow(): boolean { return this.job.plan.options.join(' ').includes('--slow drop'); }

  /** The connection of a program, or of a stranger, to a channel. */
  delivery(who: Credentials, channel: number): Delivery | undefined {
    return this.deliveries.find((each) => each.who === who && each.channel === channel);
  }

  /** Whether a stream has all that its command wrote until it ended, or until the last writer closed it. */
  isComplete(channel: number): boolean {
    const pipe = this.pipes[channel];
    if (pipe?.writers === 0 && pipe.length === 0) return true;
    return this.final !== undefined && this.streams[channel]!.length >= this.final[channel]!;
  }
}

export class JobsChecker implements Checker {
  private readonly records = new Map<Process, JobRecord>();

  constructor(private readonly stage: Stage, private readonly blame: Blame, private readonly facts: Facts) {}

  record(job: StagedJob): JobRecord {
    const { process } = job.program, known = this.records.get(process) ?? new JobRecord(job);
    this.records.set(process, known);
    return known;
  }

  private recordOf(process: Process): JobRecord | undefined {
    const known = this.records.get(process);
    if (known) return known;
    const job = this.stage.jobs.find(({ program }) => program.process === process);
    return job && this.record(job);
  }

  call(event: CallEvent): void {
    const { process, name, result } = event;
    if (process.program !== 'iomux-spawn' || result < 0 && name !== 'close') return;
    const record = this.recordOf(process), { runner } = process;
    if (!record || !(runner instanceof Guest)) return;
    switch (name) {
      case 'listen': record.listeners.push(result); break;
      case 'pipe': if (record.pipes.length < STREAMS) record.pipes.push(pipeAt(runner, event.args[0]!)); break;
      case 'spawn': record.child = process.children.find(({ pid }) => pid === result); break;
      case 'accept': this.accepted(record, event, runner); break;
      case 'readv': this.taken(record, event, runner); break;
      case 'write': case 'writev': this.sent(record, event, runner); break;
      case 'close': this.closing(record, event.args[0]!); break;
    }
  }

  print(process: Process, fd: number, text: string): void {
    const record = fd === 1 ? this.recordOf(process) : undefined;
    if (!record || process.program !== 'iomux-spawn') return;
    if (text === 'child active\n') record.isActive = true;
    else holds(text === `child_pid=${record.child?.pid}\n`, 'message', () => `${process.name} prints ${JSON.stringify(text)}`);
  }

  private accepted(record: JobRecord, { args, result }: CallEvent, guest: Guest): void {
    const channel = record.listeners.indexOf(args[0]!), socket = guest.handles.description(result);
    if (!(socket instanceof Socket)) return;
    const start = channel < STREAMS ? Math.max(0, record.streams[channel]!.length - record.ringBytes) : 0;
    const delivery: Delivery = { channel, socket, who: socket.credentials, start, sent: 0, closed: false };
    record.deliveries.push(delivery);
    record.open.set(result, delivery);
  }

  private taken(record: JobRecord, { process, args, result }: CallEvent, guest: Guest): void {
    const end = guest.handles.description(args[0]!);
    const channel = end instanceof PipeEnd ? record.pipes.indexOf(end.pipe) : -1, stream = record.streams[channel];
    if (!stream) return;
    for (const piece of pieces(guest, args, result)) {
      const at = channel === 0 && stream.length >= (record.job.plan.command.zeros ?? 0) ? patternMismatch(1, stream.length, piece) : -1;
      holds(at < 0, 'stream', () => `${process.name}: its command's stdout differs from what was written, at position ${stream.length + at}`);
      stream.add(piece);
    }
  }

  private sent(record: JobRecord, { process, name, args, result }: CallEvent, guest: Guest): void {
    const delivery = record.open.get(args[0]!);
    if (!delivery) return;
    const bytes = name === 'write' ? [guest.bytes(args[1]!, result)!] : pieces(guest, args, result);
    for (const piece of bytes) {
      if (delivery.channel === STATUS) this.checkStatus(record, delivery, piece, process);
      else this.checkStream(record, delivery, piece, process);
      delivery.sent += piece.length;
    }
  }

  private checkStream(record: JobRecord, delivery: Delivery, piece: Uint8Array, process: Process): void {
    const stream = record.streams[delivery.channel]!, words = (): string => `${process.name}, channel ${delivery.channel}`;
    let { sent } = delivery, skip = 0;
    for (; sent < HEADER_BYTES && skip < piece.length; sent++, skip++) {
      const expected = Math.floor(delivery.start / 256 ** (HEADER_BYTES - 1 - sent)) % 256;
      holds(piece[skip] === expected, 'position', () => `${words()}: a connection whose first byte has position ${delivery.start} gets another position`);
    }
    const position = delivery.start + sent - HEADER_BYTES, at = stream.mismatch(position, piece.subarray(skip));
    holds(at < 0, 'stream', () => `${words()}: a connection gets another byte than the command wrote at position ${position + at}`);
  }

  private checkStatus(record: JobRecord, delivery: Delivery, piece: Uint8Array, process: Process): void {
    const { child } = record, told = new DataView(piece.buffer, piece.byteOffset, piece.length);
    const once = delivery.sent === 0 && piece.length === STATUS_BYTES;
    holds(once, 'status', () => `${process.name} sends a status of ${piece.length} bytes, after ${delivery.sent} others`);
    holds(child?.ended === true, 'status', () => `${process.name} sends a status before its command has ended`);
    if (this.blame.failures(process) > 0) return;
    const status = told.getInt32(0);
    const expected = child.status;
    holds(status === expected, 'status', () => `${process.name} sends status ${status}; its command ended with ${expected}`);
    for (let channel = 0; channel < STREAMS; channel++) {
      const stream = record.delivery(delivery.who!, channel);
      const words = (): string => `${process.name} tells the status before all of channel ${channel} is sent`;
      holds(record.isComplete(channel), 'status', words);
      holds(!stream || stream.closed, 'status', words);
    }
  }

  private closing(record: JobRecord, handle: number): void {
    const delivery = record.open.get(handle);
    if (!delivery) return;
    const isRefused = record.open.size > CONNECTIONS_MAX && delivery.sent === 0;
    record.open.delete(handle);
    delivery.closed = true;
    if (isRefused) return;
    const { process } = record.job.program;
    if (this.blame.hit(process) || delivery.socket.peer?.closed !== false || record.dropsSlow) return;
    this.checkEnd(record, delivery);
  }

  /** A connection that iomux-spawn closes has received everything. */
  private checkEnd(record: JobRecord, { channel, sent, start }: Delivery): void {
    const { name } = record.job.program.process;
    if (channel === STATUS) return holds(sent === STATUS_BYTES, 'status', () => `${name} closes a link that has not received the status`);
    const all = HEADER_BYTES + record.streams[channel]!.length - start;
    holds(record.isComplete(channel), 'stream', () => `${name} ends channel ${channel} before its command has ended, or with bytes unread`);
    holds(sent === all, 'stream', () => `${name} ends a connection of channel ${channel} that has ${sent} of ${all} bytes`);
  }

  exited(process: Process): void {
    for (const record of this.records.values()) {
      if (record.child === process) record.final = [this.until(record, 0), this.until(record, 1)];
      if (record.job.program.process === process) this.jobExited(record);
    }
  }

  private until({ streams, pipes }: JobRecord, channel: number): number { return streams[channel]!.length + (pipes[channel]?.length ?? 0); }

  private jobExited(record: JobRecord): void {
    const { program } = record.job;
    if (this.blame.hit(program.process)) return;
    for (const delivery of record.open.values()) {
      holds(delivery.socket.peer?.closed !== false, 'stream', () => `${program.process.name} ends with a connection that it has not served`);
    }
    for (const name of ['stdout', 'stderr', 'status']) {
      holds(!this.stage.world.files.exists(`${record.job.directory}/${name}.sock`), 'files', () => `${program.process.name} leaves ${name}.sock`);
    }
    // A command that was released and killed before it executed was started, too.
    const started = record.child?.program !== undefined || (record.isActive && record.child?.killedBy !== undefined);
    holds(program.exitCode === (started ? 0 : 1), 'exit-code', () => `${program.process.name} ends with ${program.exitCode}`);
  }

  /** The job's wsh passed on all that the command wrote. */
  released(): void {
    for (const record of this.records.values()) this.checkCompleteness(record);
  }

  private checkCompleteness({ job, child, final }: JobRecord): void {
    if (!child?.ended || !final || this.blame.hitContainer(job.plan.container)) return;
    if (this.blame.hit(child) || this.blame.hit(job.program.process)) return;
    const { number, plan } = job, written = this.facts.written(number, 1);
    const least = plan.command.later > 0 ? Math.min(written, plan.command.stdout) : written;
    holds(final[0] >= least, 'output', () => `${child.name} passed on ${final[0]} of the ${least} bytes that its command wrote to stdout`);
    const code = this.facts.exitCode(number, plan.command);
    holds(code === undefined || child.exitCode === code, 'exit-code', () => `${child.name} ends with ${child.exitCode}, its command with ${code}`);
  }
}

function pipeAt(guest: Guest, handlesAt: number): Pipe {
  const bytes = guest.bytes(handlesAt, 4)!, handle = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
  return (guest.handles.description(handle) as PipeEnd).pipe;
}

/** The bytes that readv or writev moved, in its two buffers. */
function pieces(guest: Guest, args: readonly number[], moved: number): Uint8Array[] {
  const first = Math.min(moved, args[2]! >>> 0);
  return [guest.bytes(args[1]!, first)!, guest.bytes(args[3]!, moved - first)!];
}
