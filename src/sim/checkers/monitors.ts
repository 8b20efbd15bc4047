/**
 * Monitors: the log and every client have exactly what the container wrote, in order; the exit code is where podman looks for it; the
 * caller is told the pid, or why there is none; nothing of the monitor stays.
 */
import { patternByte, patternMismatch } from '../script/pattern.js';
import type { Process } from '../kernel/process.js';
import { SIGKILL } from '../kernel/signals.js';
import type { MonitorPlan } from '../scenario/scenario.js';
import { CONTAINER_ID, type StagedMonitor } from '../scenario/monitors.js';
import type { Stage } from '../scenario/stage.js';
import type { Blame } from './blame.js';
import { type Checker, holds } from './checker.js';

const RECORD = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00 (stdout|stderr) ([PF]) $/;
const PREFIX_BYTES = 45, NEWLINE = 10;
/** A record that no file has room for stands alone in one; the pattern's own newlines count here, too. */
const MAX_RECORDS_ALONE = 1;
const decoder = new TextDecoder('latin1');

/** What a log has of each stream. */
interface Streams { readonly stdout: number[]; readonly stderr: number[] }

export class MonitorsChecker implements Checker {
  constructor(private readonly stage: Stage, private readonly blame: Blame) {}

  /** Who does not read does not keep a container with a log from its end. */
  quiet(): void {
    const { monitors } = this.stage;
    for (const monitor of monitors.all) {
      const { plan } = monitor, processes = [monitor.program.process, ...this.daemons(monitor)];
      if (plan.refuses || plan.command.ends === undefined || plan.command.echoes || plan.options.includes('-l')) continue;
      if (processes.some((process) => this.blame.hit(process))) continue;
      holds(monitors.fileOf(monitor, `exit/${CONTAINER_ID}`) !== undefined, 'monitor-waits', () => `monitor ${monitor.index}: a client keeps its container waiting`);
    }
  }

  released(): void { for (const monitor of this.stage.monitors.all) this.check(monitor); }

  private check(monitor: StagedMonitor): void {
    const { plan, program } = monitor, { monitors } = this.stage, processes = [program.process, ...this.daemons(monitor)];
    const isHit = processes.some((process) => this.blame.hit(process));
    const rotates = plan.options.includes('--log-size-max') && !plan.options.includes('-l'), log = rotates ? undefined : monitors.fileOf(monitor, 'log');
    const streams = log && !isHit ? this.readLog(monitor, log) : undefined;
    if (rotates && !isHit) this.checkRotated(monitor);
    this.checkClients(monitor, isHit);
    if (isHit) return;
    holds(processes.every(({ ended }) => ended), 'monitor-ends', () => `monitor ${monitor.index} does not end`);
    holds(!this.stage.world.files.exists(`${monitor.directory}/bundle/attach`), 'monitor-ends', () => `monitor ${monitor.index} leaves attach`);
    if (plan.refuses) return this.checkRefused(monitor);
    this.checkReports(monitor);
    if (plan.command.ends !== undefined) this.checkOutput(monitor, streams);
  }

  private checkClients(monitor: StagedMonitor, isHit: boolean): void {
    for (const client of monitor.clients) {
      holds(client.badPackets === 0, 'attach', () => `monitor ${monitor.index}: a client got ${client.badPackets} packets that are none`);
      for (const [stream, fd] of [[2, 1], [3, 2]] as const) {
        // One that reads late may be closed before it has all.
        this.checkClient(monitor, fd, Uint8Array.from(client.streams[stream]!), isHit || client.plan.reads !== 'eager');
      }
    }
  }

  /** Of a command that has ended: all that it wrote is where it was to go. */
  private checkOutput(monitor: StagedMonitor, streams: Streams | undefined): void {
    const { plan: { command, outOfMemory }, index } = monitor;
    if (monitor.journal) this.checkJournal(monitor, monitor.journal.messages);
    if (outOfMemory) {
      const isTold = this.stage.monitors.fileOf(monitor, 'persist/oom') !== undefined;
      holds(isTold, 'monitor-exit', () => `monitor ${index}: no file says that memory ran out`);
    }
    for (const [name, size] of [['stdout', command.stdout], ['stderr', command.stderr]] as const) {
      const have = streams?.[name].length ?? size;
      holds(have === size, 'monitor-log', () => `monitor ${index}: the log has ${have} of ${size} bytes of ${name}`);
    }
  }

  private daemons(monitor: StagedMonitor): Process[] { return this.seen.filter(({ argv }) => argv.includes(`${monitor.directory}/bundle`)); }

  private readonly seen: Process[] = [];
  executed(process: Process): void { if (process.program === 'monitor') this.seen.push(process); }

  private checkBytes({ index, plan }: StagedMonitor, fd: number, bytes: readonly number[], whose: string, from = 0): void {
    if (plan.options.includes('--terminal') || plan.command.echoes) return;
    const at = patternMismatch(fd, from, Uint8Array.from(bytes));
    holds(at < 0, 'monitor-stream', () => `monitor ${index}: ${whose} has other bytes of descriptor ${fd} from position ${at} on`);
  }

  /** Of a log that is rotated the newest files are there: each within its limit, together the end of what was written. */
  private checkRotated(monitor: StagedMonitor): void {
    const { plan, index } = monitor, limit = Number(plan.options[plan.options.indexOf('--log-size-max') + 1]);
    const files = ['log.3', 'log.2', 'log.1', 'log'].map((name) => this.stage.monitors.fileOf(monitor, name)).filter((file) => file !== undefined);
    for (const file of files) {
      const records = file.filter((byte) => byte === NEWLINE).length;
      holds(file.length <= limit || records <= MAX_RECORDS_ALONE, 'monitor-log', () => `monitor ${index}: a log file has ${file.length} bytes`);
    }
    if (plan.command.ends === undefined) return;
    const text = concatenated(files), { stdout } = this.readLog(monitor, text, plan.command.stdout);
    holds(stdout.length > 0 || plan.command.stdout === 0, 'monitor-log', () => `monitor ${index}: nothing is left of the log`);
  }

  /** Each line is a message with the container's id, a part of one says so. */
  private checkJournal({ index, plan }: StagedMonitor, messages: readonly string[]): void {
    let size = 0;
    for (const message of messages) {
      const [, text] = /^MESSAGE=([^\n]*)\nPRIORITY=[0-7]\n(?:[A-Z_]+=[^\n]*\n)+$/.exec(message) ?? [];
      holds(text !== undefined && message.includes(`\nCONTAINER_ID_FULL=${CONTAINER_ID}\n`), 'monitor-log', () => `monitor ${index}: ${JSON.stringify(message)} is no message for the journal`);
      size += text.length + (message.includes('\nCONTAINER_PARTIAL_MESSAGE=true\n') ? 0 : 1);
    }
    const wanted = plan.command.stdout + plan.command.stderr;
    holds(size === wanted, 'monitor-log', () => `monitor ${index}: the journal has ${size} of ${wanted} bytes`);
  }

  /** Who attaches late gets what the history holds: some position to begin with, then all up to the end. */
  private checkClient({ index, plan }: StagedMonitor, fd: number, bytes: Uint8Array, mayLack: boolean): void {
    if (plan.options.includes('--terminal') || plan.command.echoes || bytes.length === 0) return;
    const size = fd === 1 ? plan.command.stdout : plan.command.stderr, last = size - bytes.length;
    let start = mayLack ? 0 : last;
    while (start <= last && patternMismatch(fd, start, bytes) >= 0) start++;
    holds(start <= last, 'monitor-stream', () => `monitor ${index}: a client got ${bytes.length} bytes that descriptor ${fd} never had together`);
  }

  /** `ends`: the log has the last bytes of stdout, of which there are so many; else it has all from the first on. */
  private readLog(monitor: StagedMonitor, log: Uint8Array, ends?: number): Streams {
    const streams = { stdout: [] as number[], stderr: [] as number[] }, tags = { stdout: '', stderr: '' };
    for (let at = 0; at < log.length;) {
      const [, name, tag] = RECORD.exec(decoder.decode(log.subarray(at, at + PREFIX_BYTES))) ?? [];
      holds(name !== undefined, 'monitor-log', () => `monitor ${monitor.index}: no record at byte ${at} of the log`);
      const end = log.indexOf(NEWLINE, at + PREFIX_BYTES), stream = streams[name as 'stdout' | 'stderr'];
      holds(end >= 0, 'monitor-log', () => `monitor ${monitor.index}: the log ends within a record`);
      for (const byte of log.subarray(at + PREFIX_BYTES, tag === 'F' ? end + 1 : end)) stream.push(byte);
      tags[name as 'stdout' | 'stderr'] += end === at + PREFIX_BYTES ? 'E' : tag;
      at = end + 1;
    }
    for (const [fd, name] of [[1, 'stdout'], [2, 'stderr']] as const) this.checkLastLine(monitor, fd, streams[name], tags[name]);
    const missing = ends === undefined ? 0 : ends - streams.stdout.length;
    this.checkBytes(monitor, 1, streams.stdout, 'the log', missing);
    this.checkBytes(monitor, 2, streams.stderr, 'the log');
    return streams;
  }

  /** Output that does not end with a newline has its last line ended by the monitor: an empty record with tag F behind one with P. */
  private checkLastLine({ index, plan: { command, options } }: StagedMonitor, fd: 1 | 2, stream: number[], tags: string): void {
    const size = fd === 1 ? command.stdout : command.stderr;
    if (command.ends === undefined || size === 0 || options.includes('--terminal')) return;
    const isOpen = patternByte(command.echoes ? 0 : fd, size - 1) !== NEWLINE, isEnded = tags.endsWith('PE');
    holds(!isOpen || isEnded || tags === '', 'monitor-log', () => `monitor ${index}: the last line of descriptor ${fd} is left open`);
    if (isOpen && isEnded) stream.pop();
  }

  private checkReports(monitor: StagedMonitor): void {
    const { monitors } = this.stage, { plan, caller: { messages } } = monitor;
    const about = (): string => `monitor ${monitor.index}: ${JSON.stringify(messages)}`;
    const isExec = plan.options.includes('--exec');
    const pids = messages.filter((message) => /^\{"data": [1-9]\d*\}\n$/.test(message));
    holds(pids.length >= 1, 'monitor-reports', about);
    const code = this.codeOf(plan);
    if (code === undefined) return;
    for (const name of ['persist/exit', `exit/${CONTAINER_ID}`]) {
      const file = monitors.fileOf(monitor, name), text = file && new TextDecoder().decode(file);
      holds(text === code, 'monitor-exit', () => `monitor ${monitor.index}: ${name} has ${text} instead of ${code}`);
    }
    if (isExec) holds(messages.at(-1) === `{"data": ${code}}\n`, 'monitor-reports', about);
  }

  private codeOf({ command: { ends }, options }: MonitorPlan): string | undefined {
    if (options.includes('--timeout') && ends === -SIGKILL) return '-1';
    return ends === undefined ? undefined : String(ends < 0 ? 128 - ends : ends);
  }

  private checkRefused({ index, caller: { messages } }: StagedMonitor): void {
    holds(messages.length === 1 && /^\{"data": -\d+, "message": "/.test(messages[0]!), 'monitor-reports',
      () => `monitor ${index}: ${JSON.stringify(messages)}`);
  }
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
