/** The rings of iomux-spawn as they can be seen from outside: what it reads of its command's pipes, and what its links get of that. */
import type { CallEvent } from '../../sim/kernel/events.js';
import type { FileDescription } from '../../sim/kernel/open-file.js';
import { type Pipe, PipeEnd } from '../../sim/kernel/pipe.js';
import type { Process } from '../../sim/kernel/process.js';
import { Listener, Socket } from '../../sim/kernel/socket.js';
import { Guest } from '../../sim/guest/guest.js';
import { Changes } from './changes.js';
import type { Ring } from './recording.js';

/** What `--ring` is by default: docs/reference/iomux-spawn.md. */
const RING_BYTES = 65_536;
const STREAMS = ['stdout', 'stderr'] as const;
/** A link is told first, in so many bytes, the position that its stream begins at. docs/reference/protocol.md §4 */
const HEADER_BYTES = 4;

interface Link { readonly channel: number; readonly socket: Socket; readonly position: Changes; sent: number }

interface Begun { readonly stream: number; readonly start: number }

class SpawnRecord {
  readonly pipes: Pipe[] = [];
  readonly listeners: Listener[] = [];
  readonly heads = [new Changes(), new Changes()] as const;
  readonly links: [Link[], Link[]] = [[], []];
  /** Accepted connections: their stream, and the position at which each begins. */
  readonly accepted = new Map<Socket, Begun>();
  constructor(readonly size: number) {}
}

export class RingRecorder {
  private readonly records = new Map<Process, SpawnRecord>();

  executed(process: Process): void {
    if (process.program !== 'iomux-spawn') return;
    const at = process.argv.indexOf('--ring'), size = at < 0 ? RING_BYTES : sizeOf(process.argv[at + 1] ?? '');
    this.records.set(process, new SpawnRecord(size));
  }

  /** iomux-spawn listens on its sockets and makes its command's pipes in the order of the streams. */
  called({ process, name, args, result }: CallEvent): void {
    const record = this.records.get(process), { runner } = process;
    if (!record || result < 0 || !(runner instanceof Guest)) return;
    const made = runner.handles.description(result);
    if (name === 'listen' && made instanceof Listener) record.listeners.push(made);
    if (name === 'pipe' && record.pipes.length < STREAMS.length) keepPipe(record, runner, args[0]!);
    if (name !== 'accept' || !(made instanceof Socket)) return;
    const stream = record.listeners.findIndex((listener) => listener === runner.handles.description(args[0]!));
    const head = record.heads[stream];
    if (head) record.accepted.set(made, { stream, start: Math.max(0, head.last - record.size) });
  }

  /** `bytes` above 0 were sent, below 0 read. */
  moved(process: Process, end: FileDescription, channel: number, bytes: number, event: number): void {
    const record = this.records.get(process);
    if (!record) return;
    if (end instanceof PipeEnd && bytes < 0) {
      const head = record.heads[record.pipes.indexOf(end.pipe)];
      head?.set(event, head.last - bytes);
    }
    if (!(end instanceof Socket) || bytes <= 0) return;
    const begun = record.accepted.get(end), links = begun && record.links[begun.stream]!;
    if (!links) return;
    let link = links.find((each) => each.socket === end);
    if (!link) links.push(link = { channel, socket: end, position: new Changes(), sent: 0 });
    link.sent += bytes;
    link.position.set(event, begun.start + Math.max(0, link.sent - HEADER_BYTES));
  }

  rings(): Ring[] {
    return [...this.records].flatMap(([{ pid }, record]) => STREAMS.map((stream, index): Ring => ({
      pid, stream, size: record.size, head: record.heads[index]!.course(),
      links: record.links[index]!.map(({ channel, position }) => ({ channel, position: position.course() })),
    })));
  }
}

/** "64K", "1M" or bytes. */
function sizeOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([KM]?)$/.exec(text) ?? [];
  const factor = { '': 1, 'K': 1 << 10, 'M': 1 << 20 }[unit] ?? 1;
  return Number(digits) * factor || RING_BYTES;
}

/** `at`: where the module's handle of the read end is stored. */
function keepPipe(record: SpawnRecord, guest: Guest, at: number): void {
  const bytes = guest.bytes(at, 4);
  const end = bytes && guest.handles.description(new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true));
  if (end instanceof PipeEnd) record.pipes.push(end.pipe);
}
