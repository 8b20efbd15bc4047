/** An observer that writes a trace of a run: one line an event, as strace(1) does. */
import { errnoName } from '../kernel/errno.js';
import { Guest } from '../guest/guest.js';
import type { CallEvent, Delivery, Fault, Observer } from '../kernel/events.js';
import type { Process } from '../kernel/process.js';
import { HANGUP, READ, WRITE } from '../../boundary/constants.js';

/**
 * How each argument of a call is shown: h a handle, n a number, - nothing (an address), s the string at the address, p the two handles
 * stored there, l the strings there (it takes two numbers), e events, w the raw status stored there, 1 the handle stored there,
 * r the handles there (it takes two numbers), u an unsigned number.
 */
const shapes: Readonly<Record<string, string>> = {
  read: 'h-n', write: 'h-n', readv: 'h-n-n', writev: 'h-n-n', splice: 'hhn', bytesAvailable: 'h', duplicate: 'h',
  close: 'h', handleType: 'h', adoptFd: 'n', pipe: 'p', setNonblocking: 'h', setPipeSize: 'hn', tagPipe: 'hn',
  pipeTag: 'h', watch: 'he', wakeAfter: 'n', routeSignals: 'uu', listen: 'snn', accept: 'h', connect: 's', connectDatagrams: 's',
  listenDatagrams: 's', makeLink: 'ss',
  socketPair: 'p', peerPid: 'h', send: 'h-nr', receive: 'h-nr', open: 'sn', pathType: 's', sealedFile: '-n', rename: 'ss', unlink: 's',
  realpath: 's-n', spawnBegin: '', spawnFiles: 'l', spawnSelf: '', spawnArguments: 'l', spawnEnvironment: 'l',
  spawnDescriptor: 'nh', spawnUser: 'uu', spawnLimit: 'nuuuu', spawnDirectory: 's', spawnBlock: 'hnn', spawnGroups: '-n', spawnUmask: 'n', spawnOwner: 'u',
  spawnStartPipe: 'h', spawn: 'n1',
  wait: 'nw', waitUsage: 'nw', kill: 'nn', raise: 'n', isIgnored: 'n', setsid: '', setParentDeathSignal: 'n', setProcessName: 's',
  raiseNofileLimit: '',
  dropStdioAndEnvironment: '', unshareMounts: '', bindRootAndEnter: 's', pivot: 's', unmount: 's', makeDirectory: 'sn',
  removeDirectory: 's', enterDirectory: 's', loopbackUp: '', openPty: 'p', setRawMode: 'h', restoreTermios: 'h',
  seal: '', fork: 'u', joinNamespace: 'hu', unshare: 'u', execute: 'n', openProcess: 'n', signalProcess: 'hn', placeDescriptor: 'nh',
  takeTerminal: 'h', setUmask: 'n', setGroups: '-n', setUser: 'uu', setCapabilities: '-', processControl: 'nnn', setLimit: 'nuuuu',
  setFilter: 'n-n', setScheduler: '-n', setIoPriority: 'n', setPersonality: 'n', newKeyring: '',
  setHostName: '-nn', openAt: 'hsnn', makeDirectoryAt: 'hsn', makeNodeAt: 'hsnnn', makeLinkAt: 'shs',
  removeAt: 'hsn', renameAt: 'hss', statAt: 'hs-', readLinkAt: 'hs-n', readDirectory: 'h-n', changeOwner: 'huu', changeMode: 'hn',
  enterDirectoryAt: 'h', openFileSystem: 's', configureFileSystem: 'hss', mountFileSystem: 'hn', cloneMount: 'hn', moveMount: 'hh',
  changeMount: 'hnnnn', mapMount: 'hnh',
  copyWindowSize: 'hh', windowSize: 'h-', setWindowSize: 'hnn', eventfd: '', cgroupNotify: 'hhh', watchMemoryEvents: 'ss',
  attachDeviceFilter: 'h-n',
};

/** Longer texts are truncated. */
const TEXT_CHARACTERS_MAX = 80;

function quoted(text: string): string {
  return JSON.stringify(text.length > TEXT_CHARACTERS_MAX ? `${text.slice(0, TEXT_CHARACTERS_MAX)}…` : text);
}

/** "READ|HANGUP" */
function eventNames(events: number): string {
  const names = [[READ, 'READ'], [WRITE, 'WRITE'], [HANGUP, 'HANGUP']] as const;
  return names.filter(([bit]) => (events & bit) !== 0).map(([, name]) => name).join('|') || '0';
}

/** "exit(3)" or "killed(9)", of a raw wait status. */
function statusName(status: number): string { return (status & 0x7f) === 0 ? `exit(${status >> 8})` : `killed(${status & 0x7f})`; }

class Arguments {
  constructor(private readonly guest: Guest, private readonly event: CallEvent) {}

  private number(at: number): number | undefined {
    const bytes = this.guest.bytes(at, 4);
    return bytes && new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
  }

  private string(at: number): string {
    const text = this.guest.string(at);
    return text === undefined ? 'bad address' : quoted(text);
  }

  private strings(at: number, size: number): string {
    const bytes = this.guest.bytes(at, size);
    return bytes ? `[${new TextDecoder().decode(bytes).split('\0').slice(0, -1).map(quoted).join(', ')}]` : 'bad address';
  }

  private handles(at: number, count: number): string {
    return `[${Array.from({ length: count }, (_, index) => this.number(at + index * 4) ?? 'bad address').join(', ')}]`;
  }

  /** A result that the call stored is shown only when the call succeeded. */
  private stored(show: () => string): string { return this.event.result < 0 ? '…' : show(); }

  text(): string {
    const { args, name, result } = this.event, shown: string[] = [];
    let next = 0;
    for (const kind of shapes[name] ?? 'nnnnn'.slice(0, args.length)) {
      const value = args[next++]!;
      switch (kind) {
        case '-': break;
        case 's': shown.push(this.string(value)); break;
        case 'l': shown.push(this.strings(value, args[next++]!)); break;
        case 'p': shown.push(this.stored(() => this.handles(value, 2))); break;
        case 'r': shown.push(this.stored(() => this.handles(value, args[next]!))); next++; break;
        case '1': shown.push(this.stored(() => String(this.number(value)))); break;
        case 'w': shown.push(result > 0 ? statusName(this.number(value) ?? 0) : '…'); break;
        case 'e': shown.push(eventNames(value)); break;
        case 'u': shown.push(String(value >>> 0)); break;
        default: shown.push(String(value));
      }
    }
    return shown.join(', ');
  }
}

/** `read(3, 64) = -EAGAIN`, followed by what the simulation did to the call. */
export function callText(event: CallEvent): string {
  const { runner } = event.process;
  const shown = runner instanceof Guest ? new Arguments(runner, event).text() : event.args.join(', ');
  const result = event.result < 0 ? `-${errnoName(-event.result)}` : String(event.result);
  return `${event.name}(${shown}) = ${result}${event.fault ? faultText(event.fault) : ''}`;
}

function faultText(fault: Fault): string {
  const parts = Object.entries(fault).map(([name, value]) => (name === 'errno' ? errnoName(value as number) : `${name} ${value}`));
  return ` (fault: ${parts.join(', ')})`;
}

export interface TraceOptions {
  /** Writes only processes for which this holds. */
  of?: (process: Process) => boolean;
  /** Whether the calls of a module's entry points are written, too. */
  deliveries?: boolean;
  /** Writes only calls for which this holds. */
  calls?: (event: CallEvent) => boolean;
}

export class Trace implements Observer {
  readonly lines: string[] = [];

  constructor(private readonly options: TraceOptions = {}) {}

  get text(): string { return this.lines.map((line) => `${line}\n`).join(''); }

  private add(process: Process, words: string): void {
    if (this.options.of?.(process) ?? true) this.lines.push(`${process.name}: ${words}`);
  }

  call(event: CallEvent): void { if (this.options.calls?.(event) ?? true) this.add(event.process, callText(event)); }

  deliver({ process, entry, first, second }: Delivery): void {
    if (!(this.options.deliveries ?? true)) return;
    const given = { onReady: () => `${first}, ${eventNames(second)}`, onSignal: () => String(first) }[entry as string];
    this.add(process, `${entry}(${given?.() ?? ''})`);
  }

  script(process: Process, step: string, result: number): void {
    this.add(process, `${step} = ${result < 0 ? `-${errnoName(-result)}` : result}`);
  }
  print(process: Process, fd: number, text: string): void { this.add(process, `print ${fd} ${quoted(text)}`); }
  executed(process: Process): void { this.add(process, `execute ${process.argv.map((word) => (/^[\w./:=-]+$/.test(word) ? word : quoted(word))).join(' ')}`); }
  exited(process: Process): void { this.add(process, statusName(process.status)); }
  trapped(process: Process, words: string): void { this.add(process, words); }
  clock(nowMs: number): void { this.lines.push(`clock ${nowMs} ms`); }
}
