/** A command in a container, run through the wsh module in this process. docs/library.md, "Commands" */
import { closeSync, constants, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { type Instance, instantiate } from '../host/host.js';
import type { Identity } from '../host/native.js';
import { aborted, whenAborted } from './abort.js';
import { endedBy } from './ending.js';
import { reason, WardenError } from './error.js';
import { pipesOf, signalAll, usersOf } from './processes.js';
import { openStreams, type Streams } from './stdio.js';

/** Where one of a command's standard streams leads: a Node stream, this process's own descriptor, nowhere, or a descriptor. */
export type Stdio = 'pipe' | 'inherit' | 'ignore' | number;

export interface TerminalSize { rows: number; columns: number }

/** Resource limits by the names of setrlimit(2), in its units. */
export type LimitName =
  | 'AS' | 'CORE' | 'CPU' | 'DATA' | 'FSIZE' | 'LOCKS' | 'MEMLOCK' | 'MSGQUEUE' | 'NICE' | 'NOFILE' | 'NPROC' | 'RSS' | 'RTPRIO'
  | 'SIGPENDING' | 'STACK';
export type LimitValue = number | 'unlimited' | { soft: number | 'unlimited'; hard: number | 'unlimited' };

/** What a request to wshd says beside the command. */
export interface RequestOptions {
  /** Of the container's /etc/passwd (root). */
  user?: string | undefined;
  /** The command's LANG; without it there is none. */
  lang?: string | undefined;
  /** Others than those that docs/protocol.md §1 lists. */
  limits?: Partial<Record<LimitName, LimitValue>> | undefined;
}

export interface ExecOptions extends RequestOptions {
  /** Runs the command at a pty, of this size (24 × 80). stdout has all that it writes, stderr nothing. */
  tty?: boolean | TerminalSize | undefined;
  /** After so long the command is killed, and the result says `timedOut`. */
  timeoutMs?: number | undefined;
  /** Kills the command; `result` is rejected with the code ABORTED. */
  signal?: AbortSignal | undefined;
  /** Written to stdin, which is then closed; at a pty, where nothing can be closed, Ctrl-D is typed instead. */
  input?: string | Uint8Array | undefined;
  /** For all three, or for each of stdin, stdout, stderr (pipe). What is no pipe has no stream, and no byte passes JavaScript. */
  stdio?: Stdio | readonly [stdin: Stdio, stdout: Stdio, stderr: Stdio] | undefined;
}

/** How a command ended. Both null: it was killed, and nobody knows by what, for the container ended with it. */
export interface ExecResult {
  /** 0 to 255; null when it was killed. */
  readonly exitCode: number | null;
  /** What killed it. */
  readonly signal: NodeJS.Signals | null;
  /** It was killed because `timeoutMs` were over. */
  readonly timedOut: boolean;
  /** Milliseconds from the call until the end. */
  readonly durationMs: number;
}

export interface ExecOutput extends ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** What an execution has to know of its container. */
export interface Target {
  readonly directory: string;
  /** Its first process on the host. */
  firstPid(): number | undefined;
}

/** A unix socket's path has at most so many bytes; unix(7). */
const PATH_BYTES_MAX = 107;
const DEFAULT_SIZE: TerminalSize = { rows: 24, columns: 80 };
const SIZE_MAX = 65_535;
const OUTPUT_BYTES_MAX = 16 << 20;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** What was killed is gone at once; a wshd that is stopped does not tell. */
const KILL_DEADLINE_MS = 2_000;
const KILL_INTERVAL_MS = 20;
/** wshd starts a command behind its answer, and on a machine that is busy long behind it. */
const ABANDON_DEADLINE_MS = 10_000;
const SIGHUP = 1, SIGWINCH = 28;
const CTRL_D = '\x04';

function usage(sentence: string): WardenError { return new WardenError('USAGE', sentence); }

/** wsh's options before the command. */
export function requestArguments({ user }: RequestOptions): string[] {
  if (user === '') throw usage('the user\'s name is empty; leave it out for root');
  return user === undefined ? [] : ['--user', user];
}

/** wsh's environment: docs/wsh.md */
export function requestEnvironment({ lang, limits = {} }: RequestOptions): Record<string, string> {
  const entries = Object.entries(limits).map(([name, value]) => [`RLIMIT_${name}`, limitText(name, value)]);
  return { ...(lang === undefined ? {} : { LANG: lang }), ...Object.fromEntries(entries) as Record<string, string> };
}

function limitText(name: string, value: LimitValue): string {
  const { soft, hard } = typeof value === 'object' ? value : { soft: value, hard: value };
  return [soft, hard].map((each) => {
    if (each === 'unlimited') return '-1';
    if (Number.isSafeInteger(each) && each >= 0) return String(each);
    throw usage(`limit ${name} must be a whole number from 0, or 'unlimited', not ${each}`);
  }).join(' ');
}

function sizeArgument({ rows, columns }: TerminalSize): string {
  const fits = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= SIZE_MAX;
  if (!fits(rows) || !fits(columns)) throw usage(`a terminal has 1 to ${SIZE_MAX} rows and columns, not ${rows} and ${columns}`);
  return `${rows}x${columns}`;
}

function terminalArguments(tty: ExecOptions['tty']): string[] {
  if (tty === undefined || tty === false) return [];
  return ['--tty', sizeArgument(tty === true ? DEFAULT_SIZE : tty)];
}

function forEach(stdio: NonNullable<ExecOptions['stdio']>): readonly [Stdio, Stdio, Stdio] {
  return typeof stdio === 'object' ? stdio : [stdio, stdio, stdio];
}

export function checkWait(name: string, value: number | undefined): void {
  if (value !== undefined && !(value >= 0 && value <= TIMEOUT_MS_MAX)) throw usage(`${name} must be milliseconds from 0 to ${TIMEOUT_MS_MAX}, not ${value}`);
}

/** A running command. */
export class Execution implements AsyncDisposable {
  /** null where `stdio` says something else than a pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Fulfilled when the command has ended and the streams have all of its output; rejected with a WardenError. */
  readonly result: Promise<ExecResult>;
  private readonly streams: Streams;
  private instance: Instance | undefined;
  private readonly startedAt = performance.now();
  private readonly said: string[] = [];
  /** What wshd gave us for the command's streams: by them its processes are known. */
  private identities: readonly Identity[] = [];
  private stoppedBy: 'timeout' | 'abort' | 'limit' | undefined;
  private stopping: Promise<void> | undefined;
  private ended = false;

  /** @internal */
  constructor(private readonly target: Target, argv: readonly string[], private readonly options: ExecOptions) {
    const { stdio = 'pipe', input, timeoutMs } = options;
    checkWait('timeoutMs', timeoutMs);
    const before = [...requestArguments(options), ...terminalArguments(options.tty)], env = requestEnvironment(options);
    const wanted = forEach(stdio);
    if (input !== undefined && wanted[0] !== 'pipe') throw usage('input needs a pipe for stdin, and stdio says something else');
    this.streams = openStreams(wanted);
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = this.streams);
    this.result = this.run((socket) => ['wsh', '--socket', socket, ...before, '--', ...argv], env);
    if (input !== undefined) this.give(input);
  }

  private give(input: string | Uint8Array): void {
    this.stdin?.write(input);
    this.stdin?.end(this.options.tty ? CTRL_D : '');
  }

  private async run(argvFor: (socket: string) => string[], env: Record<string, string>): Promise<ExecResult> {
    const { signal, timeoutMs } = this.options;
    let timer: NodeJS.Timeout | undefined, unheard = (): void => undefined;
    try {
      if (signal?.aborted) throw aborted(signal);
      this.start(argvFor, env);
      unheard = whenAborted(signal, () => { void this.end('abort'); });
      if (timeoutMs !== undefined) timer = setTimeout(() => { void this.end('timeout'); }, timeoutMs);
      await this.instance!.exited;
      await this.stopping;
      return this.outcome();
    } catch (error) {
      this.streams.handedOver();
      if (this.instance?.failed) await this.abandon();
      throw error instanceof WardenError ? error : new WardenError('INTERNAL', `cannot run wsh here: ${reason(error)}`, { cause: error });
    } finally {
      this.ended = true;
      clearTimeout(timer);
      unheard();
      if (this.stoppedBy === 'abort') this.streams.destroy();
      this.streams.ended();
    }
  }

  private start(argvFor: (socket: string) => string[], env: Record<string, string>): void {
    withShortPath(this.target.directory, 'run/wshd.sock', (socket) => {
      this.instance = instantiate('wsh', {
        argv: argvFor(socket), env, stdio: this.streams.fds, signals: 'call',
        onPrint: (_, text) => { this.said.push(text); },
        onReceive: (identities) => { this.identities = identities; },
      });
    });
    this.streams.handedOver();
    this.followTerminal();
  }

  /** A terminal of this process's own has its size from its window, whose changes only a process is told of. */
  private followTerminal(): void {
    const { instance, options: { stdio } } = this;
    const [stdin] = forEach(stdio ?? 'pipe'), fd = stdin === 'inherit' ? 0 : stdin;
    if (!instance || typeof fd !== 'number' || !isatty(fd)) return;
    const forward = (): void => { instance.signal(SIGWINCH); };
    process.on('SIGWINCH', forward);
    void instance.exited.then(() => process.off('SIGWINCH', forward));
  }

  private outcome(): ExecResult {
    const durationMs = performance.now() - this.startedAt, timedOut = this.stoppedBy === 'timeout';
    if (this.stoppedBy === 'abort') throw aborted(this.options.signal);
    const outcome = endedBy(this.instance!, this.said);
    if (!(outcome instanceof WardenError)) return { ...outcome, timedOut, durationMs };
    if (timedOut) return { exitCode: null, signal: null, timedOut, durationMs };
    throw outcome;
  }

  /** Collects the output. More than `maxBytes` of either stream kill the command, and are an error of the code USAGE. */
  async output({ maxBytes = OUTPUT_BYTES_MAX }: { maxBytes?: number } = {}): Promise<ExecOutput> {
    const collect = (stream: Readable | null): Promise<Buffer> => this.collect(stream, maxBytes);
    const [result, stdout, stderr] = await Promise.allSettled([this.result, collect(this.stdout), collect(this.stderr)]);
    if (this.stoppedBy === 'limit') throw usage(`the command wrote more than ${maxBytes} bytes, and was killed; read its streams, or say maxBytes`);
    if (result.status === 'rejected') throw result.reason as WardenError;
    const bytes = (settled: PromiseSettledResult<Buffer>): Buffer => (settled.status === 'fulfilled' ? settled.value : Buffer.alloc(0));
    return { ...result.value, stdout: bytes(stdout), stderr: bytes(stderr) };
  }

  private async collect(stream: Readable | null, maxBytes: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of stream ?? []) {
      size += (piece as Buffer).length;
      if (size > maxBytes) await this.end('limit');
      else pieces.push(piece as Buffer);
    }
    return Buffer.concat(pieces);
  }

  /** The terminal's new size; nothing without a tty. */
  resize(size: TerminalSize): void {
    sizeArgument(size);
    this.instance?.tell('resize', size.rows, size.columns);
  }

  /** Sends a signal to all processes of the command's session (SIGTERM); how many there were. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> { return this.ended ? 0 : this.signalUsers(signal); }

  private async signalUsers(signal: NodeJS.Signals): Promise<number> {
    const first = this.target.firstPid();
    return first === undefined || this.identities.length === 0 ? 0 : signalAll(await usersOf(first, this.identities), signal);
  }

  private end(why: 'timeout' | 'abort' | 'limit'): Promise<void> {
    if (this.ended) return Promise.resolve();
    this.stoppedBy ??= why;
    this.stopping ??= this.killAll();
    // Whoever waits for the result is told what went wrong.
    return this.stopping.catch(() => undefined);
  }

  /** Kills the command, and waits until wshd has told its end, and nobody is left of its session; not for ever. */
  private async killAll(): Promise<void> {
    let hasEnded = false;
    const ended = this.instance?.exited.then(() => { hasEnded = true; });
    try {
      await this.killUntil(() => hasEnded, KILL_DEADLINE_MS, ended);
      this.stopInstance();
    } catch {
      // No descriptors are left to look with; what the module holds is free when it has ended.
      this.stopInstance();
      await this.killUntilGone();
    }
  }

  private stopInstance(): void {
    // Puts a terminal back, if there is one.
    this.instance?.signal(SIGHUP);
    this.instance?.stop();
  }

  /** Nobody will learn of the command's end any more, nor read what it writes: it is killed, once it is there. */
  private async abandon(): Promise<void> {
    // What keeps us from it is not what the caller has to know first: that is why the module failed.
    await this.killUntilGone().catch(() => undefined);
  }

  private async killUntil(hasEnded: () => boolean | Promise<boolean>, deadlineMs: number, ended?: Promise<void>): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    // Whoever was forked while we looked is seen in the next turn.
    while ((await this.signalUsers('SIGKILL') > 0 || !await hasEnded()) && performance.now() < deadline) {
      const pause = sleep(KILL_INTERVAL_MS);
      await (ended ? Promise.race([ended, pause]) : pause);
    }
  }

  /** Without the module's word: by what wshd has open. */
  private killUntilGone(): Promise<void> { return this.killUntil(async () => !await this.isUnderWay(), ABANDON_DEADLINE_MS); }

  /** Whether the command is to be started, or runs: for so long wshd has its end of the status pipe open. */
  private async isUnderWay(): Promise<boolean> {
    const first = this.target.firstPid(), pipes = first === undefined ? [] : await pipesOf(first);
    return pipes.some(([device, inode]) => this.identities.some((identity) => identity[0] === device && identity[1] === inode));
  }

  /** Kills the command when it has not ended, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('abort');
    await this.result.catch(() => undefined);
    this.streams.destroy();
  }
}

/** A socket's path may be too long, its directory's by way of /proc never is; it has to be open for as long as `use` runs. */
export function withShortPath(directory: string, name: string, use: (path: string) => void): void {
  const path = `${directory}/${name}`;
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return use(path);
  const fd = openSync(directory, constants.O_DIRECTORY | constants.O_RDONLY);
  try {
    use(`/proc/self/fd/${fd}/${name}`);
  } finally {
    closeSync(fd);
  }
}
