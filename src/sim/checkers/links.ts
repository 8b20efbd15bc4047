/** Checks iomux-link: its output, the position at which it begins, its cursor file, its messages, and its exit code. */
import { EXIT_UNKNOWN, HANGUP, WRITE } from '../../boundary/constants.js';
import { type FileDescription, WOULD_BLOCK } from '../kernel/open-file.js';
import { Guest } from '../guest/guest.js';
import { PipeEnd } from '../kernel/pipe.js';
import type { CallEvent } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import type { Stage, StagedLink } from '../scenario/stage.js';
import type { Blame } from './blame.js';
import { type Checker, holds } from './checker.js';
import type { JobRecord, JobsChecker } from './jobs.js';
import { Recording } from './recording.js';

const STREAMS = 2, STATUS = 2, HEADER_BYTES = 4, STATUS_BYTES = 4;
/** A cursor file is read into a buffer that is one byte too large: the size distinguishes this read from others. */
const CURSORS_BYTES = 8;
const CIRCLE = 2 ** 32;

/** The observed behaviour of one link. */
class LinkRecord {
  /** The positions read from its cursor file. */
  saved: [number, number] | undefined;
  /** The positions that it saved there last, or found there: another link may have saved since. */
  kept: [number, number] | undefined;
  /** Its connections, in the order of channels. */
  readonly sockets: (FileDescription | undefined)[] = [];
  /** Number of header bytes read, by stream. */
  readonly headers: number[] = [0, 0];
  /** Streams that ended before their header was complete. */
  readonly headless: boolean[] = [false, false];
  /** Number of bytes of each stream written to its stdout and stderr. */
  readonly delivered: number[] = [0, 0];
  /** The bytes that its readers must get, including its own messages; and how many they have. */
  readonly expected = [new Recording(), new Recording()] as const;
  readonly got: number[] = [0, 0];
  words = '';
  /** A message may be truncated when its reader is gone. */
  unclear = false;

  constructor(readonly link: StagedLink) {}
}

export class LinksChecker implements Checker {
  private readonly records = new Map<Process, LinkRecord>();

  constructor(private readonly stage: Stage, private readonly blame: Blame, private readonly jobs: JobsChecker) {
    stage.listeners.push((program, fd, bytes) => {
      const record = this.recordOf(program.process);
      if (record) this.read(record, fd - 1, bytes);
    });
  }

  private recordOf(process: Process): LinkRecord | undefined {
    if (process.program !== 'iomux-link') return undefined;
    const known = this.records.get(process);
    if (known) return known;
    const link = this.stage.links.find(({ program }) => program.process === process);
    if (!link) return undefined;
    const record = new LinkRecord(link);
    this.records.set(process, record);
    return record;
  }

  private job(record: LinkRecord): JobRecord { return this.jobs.record(this.stage.jobs[record.link.plan.job]!); }

  /** Position of the first byte that the link must deliver; undefined while the link does not know it. */
  private start(record: LinkRecord, channel: number): number | undefined {
    const delivery = this.job(record).delivery(record.link.program.process, channel);
    if (!delivery || delivery.sent < HEADER_BYTES) return undefined;
    const saved = record.saved?.[channel];
    if (saved === undefined) return delivery.start;
    return delivery.start + Math.max(0, (saved - delivery.start) | 0);
  }

  call(event: CallEvent): void {
    const { process, name, args, result } = event;
    if (process.program !== 'iomux-link') return;
    const record = this.recordOf(process), { runner } = process;
    if (!record || !(runner instanceof Guest)) return;
    if (name === 'read') this.headerRead(record, runner.handles.description(args[0]!), result);
    if (result >= 0) this.succeeded(record, runner, event);
  }

  private succeeded(record: LinkRecord, runner: Guest, { name, args, result }: CallEvent): void {
    if (name === 'read' && args[2] === CURSORS_BYTES + 1 && result === CURSORS_BYTES) {
      record.kept = record.saved = cursorsIn(runner.bytes(args[1]!, result)!);
    } else if (name === 'connect') record.sockets.push(runner.handles.description(result));
    else if (name === 'splice') this.moved(record, runner, args[1]!, result);
    else if (name === 'write') this.moved(record, runner, args[0]!, result);
    else if (name === 'rename') this.saves(record);
  }

  private headerRead({ sockets, headers, headless }: LinkRecord, from: FileDescription | undefined, result: number): void {
    const channel = from ? sockets.indexOf(from) : -1, have = headers[channel];
    // The status has no header.
    if (have === undefined || have === HEADER_BYTES || result === WOULD_BLOCK) return;
    if (result > 0) headers[channel] = Math.min(HEADER_BYTES, have + result);
    else headless[channel] = true;
  }

  /** Whether the link knows the position of a stream. */
  private knows({ headers, saved }: LinkRecord, channel: number): boolean {
    return saved !== undefined || headers[channel] === HEADER_BYTES;
  }

  private moved(record: LinkRecord, guest: Guest, handle: number, count: number): void {
    const end = guest.handles.description(handle), channel = end ? record.link.outputs.findIndex((output) => isSame(output, end)) : -1;
    if (channel < 0) return;
    const start = this.start(record, channel), { name } = record.link.program.process;
    holds(start !== undefined, 'stream', () => `${name} delivers before it knows the position`);
    const unheard = record.headers.findIndex((bytes, each) => bytes < HEADER_BYTES && !record.headless[each]);
    holds(unheard < 0, 'stream', () => `${name} delivers before it knows the position of channel ${unheard}`);
    const from = start + record.delivered[channel]!, stream = this.job(record).streams[channel]!;
    holds(from + count <= stream.length, 'stream', () => `${name} delivers ${count} bytes at ${from}, beyond the end`);
    record.expected[channel]!.add(stream.slice(from, from + count));
    record.delivered[channel]! += count;
  }

  print(process: Process, fd: number, text: string): void {
    const record = this.recordOf(process);
    if (!record) return;
    record.words += text;
    if ((record.link.outputs[fd - 1]!.poll() & (WRITE | HANGUP)) !== WRITE) record.unclear = true;
    record.expected[fd - 1]!.add(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  }

  private read(record: LinkRecord, channel: number, bytes: Uint8Array): void {
    const at = record.unclear && channel === 1 ? -1 : record.expected[channel]!.mismatch(record.got[channel]!, bytes);
    const { name } = record.link.program.process;
    holds(at < 0, 'stream', () => `${name}: byte ${record.got[channel]! + at} of its ${channel === 0 ? 'stdout' : 'stderr'} is not the command's`);
    record.got[channel]! += bytes.length;
  }

  private saves(record: LinkRecord): void {
    record.kept = cursorsIn(this.stage.world.files.read(record.link.cursorPath!));
    this.checkCursors(record);
  }

  /** At every moment, the saved positions are those of delivered bytes. */
  private checkCursors(record: LinkRecord): void {
    const { link: { program }, kept } = record;
    for (let channel = 0; channel < STREAMS; channel++) {
      const { name } = program.process;
      holds(this.knows(record, channel), 'cursor', () => `${name} saves positions without knowing that of channel ${channel}`);
      const start = record.headers[channel] === HEADER_BYTES ? this.start(record, channel)! : record.saved![channel]!;
      const position = (start + record.delivered[channel]!) % CIRCLE;
      holds(kept?.[channel] === position, 'cursor', () => `${name} saves position ${kept?.[channel]}, and has delivered up to ${position}`);
    }
  }

  exited(process: Process): void {
    const record = this.recordOf(process);
    if (!record || this.blame.failures(process) > 0 || process.killedBy !== undefined) return;
    this.checkGaps(record);
    if (this.stage.signalled.has(process)) this.checkStopped(record);
    else this.checkEnd(record);
  }

  private checkGaps(record: LinkRecord): void {
    for (let channel = 0; channel < STREAMS; channel++) {
      const saved = record.saved?.[channel], start = this.start(record, channel);
      const lost = saved === undefined || start === undefined ? 0 : (start - saved) | 0;
      const words = `${lost} bytes are lost between position ${saved} and ${(start ?? 0) % CIRCLE} `;
      const { name } = record.link.program.process;
      // The link's reader may have ended before the gap was known.
      if (lost > 0 && record.delivered[channel]! > 0) holds(record.words.includes(words), 'gap', () => `${name} does not print: ${words}`);
    }
  }

  private checkStopped(record: LinkRecord): void {
    const { program: { exitCode, process }, cursorPath } = record.link;
    // The signal may have come when the link was at its end anyway.
    if (exitCode !== 0 || cursorPath === undefined || !this.knows(record, 0) || !this.knows(record, 1)) return;
    if (record.kept) return this.checkCursors(record);
    holds(record.delivered.every((count) => count === 0), 'cursor', () => `${process.name} has saved nothing`);
  }

  private checkEnd(record: LinkRecord): void {
    const { program: { exitCode, process } } = record.link, job = this.job(record);
    const status = job.delivery(process, STATUS), told = status?.sent === STATUS_BYTES;
    const raw = told ? job.child!.status : 0, hasCode = told && (raw & 0x7f) === 0 && job.child!.program !== undefined;
    const expected = hasCode ? raw >> 8 : EXIT_UNKNOWN;
    holds(exitCode === expected, 'exit-code', () => `${process.name} ends with ${exitCode} for status ${told ? raw : 'never sent'}`);
    // How a job was killed is reported at a terminal only, or when asked for.
    holds(told || record.words !== '', 'message', () => `${process.name} ends with ${exitCode} and prints nothing`);
    // A call of iomux-spawn's that failed with EPIPE reported that this link is gone, although it is not.
    if (told && this.blame.failures(job.job.program.process) === 0) this.checkDelivered(record, job);
  }

  /** All bytes from the link's position on reached those readers that stayed. */
  private checkDelivered(record: LinkRecord, job: JobRecord): void {
    const { program: { process }, plan } = record.link;
    for (let channel = 0; channel < STREAMS; channel++) {
      if (typeof (channel === 0 ? plan.stdout : plan.stderr) === 'object') continue;
      const delivery = job.delivery(process, channel), start = this.start(record, channel);
      if (!delivery || start === undefined) continue;
      const all = Math.max(0, job.streams[channel]!.length - start);
      holds(record.delivered[channel] === all, 'stream', () => `${process.name} has delivered ${record.delivered[channel]} of ${all} bytes`);
    }
  }

  /** A link whose job still runs has received all bytes that exist. */
  quiet(): void {
    for (const record of this.records.values()) {
      const { program: { process, ended }, plan } = record.link;
      if (ended || this.blame.hit(process) || this.blame.hit(this.job(record).job.program.process)) continue;
      if (plan.stdout !== 'eager' || plan.stderr !== 'eager') continue;
      for (let channel = 0; channel < STREAMS; channel++) {
        const start = this.start(record, channel), { length } = this.job(record).streams[channel]!;
        const all = start === undefined ? 0 : Math.max(0, length - start);
        holds(record.delivered[channel] === all, 'nobody-waits', () => `${process.name} has ${record.delivered[channel]} of the ${all} bytes that there are`);
      }
    }
  }
}

/** Whether two descriptions are of the same object: a link opens its pipes anew. */
function isSame(one: FileDescription, other: FileDescription): boolean {
  return one === other || (one instanceof PipeEnd && other instanceof PipeEnd && one.pipe === other.pipe);
}

function cursorsIn(bytes: Uint8Array): [number, number] | undefined {
  if (bytes.length !== CURSORS_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [view.getUint32(0), view.getUint32(4)];
}
