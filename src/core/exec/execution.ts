/** A command in a container, run through the wsh module in this process. docs/reference/library.md, "Commands" */
import type { Readable, Writable } from 'node:stream';
import { aborted, throwIfAborted, whenAborted } from '../../base/abort.js';
import { asWardenError, framesAbove, WardenError, withFrames } from '../../base/errors.js';
import { abortSignal, check, checkOptions, type Checks, duration, flag, signalName, signalNumber, usage } from '../../base/validate.js';
import { type Instance, instantiate } from '../../host/instance.js';
import { withShortPath } from '../../linux/socket-path.js';
import { bytesOf, collect, outputLimit, type OutputOptions } from './collect.js';
import { type CommandUsage, type ExitStatus, hasDumpedCore, NONE, outcomeOf, usageOf } from './outcome.js';
import { whenDelivered } from './delivery.js';
import { checkArgv, requestChecks, type RequestOptions, wshArguments, wshEnvironment } from './request.js';
import { Session } from './session.js';
import { emptyStreams, openStreams, type Stdio, stdioOptions, type Streams } from './stdio.js';
import { isTerminal, streamArguments, type TerminalSize, terminalSize, ttyOption } from './terminal.js';

export interface ExecOptions extends RequestOptions {
  /**
   * Runs the command at a pty of this size (24 × 80): stdout has all output, stderr none. Without this option: if stdin and stdout are
   * terminals of this process's.
   */
  tty?: boolean | TerminalSize | undefined;
  /** Milliseconds after which the command is killed, and the result has `timedOut`. */
  timeoutMs?: number | undefined;
  /** Kills the command; `result` is rejected with the code ABORTED. */
  signal?: AbortSignal | undefined;
  /** Written to stdin, which is then closed. A pty cannot be closed: there Ctrl-D is typed instead. */
  input?: string | Uint8Array | undefined;
  /** For all three streams, or for each of stdin, stdout, stderr ('pipe'). What is no pipe has no Node stream, and no byte passes JavaScript. */
  stdio?: Stdio | readonly [stdin: Stdio, stdout: Stdio, stderr: Stdio] | undefined;
}

export interface ExecResult extends ExitStatus {
  /** Whether the command was killed because `timeoutMs` had passed. */
  readonly timedOut: boolean;
  /** Milliseconds from the call to the end. */
  readonly durationMs: number;
  /** Whether the kernel wrote an image of the killed command's memory. core(5) */
  readonly coreDumped: boolean;
  /** Whether memory ran out in the container while the command ran, and a process was killed for it. */
  readonly outOfMemory: boolean;
  /** What the command used; null where wshd does not report it: at its end by SIGKILL of the container, or in protocol 1. */
  readonly usage: CommandUsage | null;
}

export interface ExecOutput extends ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** The container of an execution. */
export interface ExecTarget {
  readonly directory: string;
  /** The pid of its init on the host; undefined when init has ended. */
  initPid(): number | undefined;
  /** How many of its processes were killed because memory ran out. */
  oomKills(): number;
}

/** A killed command ends at once, but a stopped wshd does not report its end. */
const KILL_DEADLINE_MS = 2_000;
const SIGHUP = 1, SIGWINCH = 28;
const CTRL_D = '\x04';

const CHECKS: Checks<ExecOptions> = {
  ...requestChecks,
  tty: ttyOption,
  timeoutMs: duration,
  signal: abortSignal,
  input: check('a string or a Uint8Array', (value) => typeof value === 'string' || value instanceof Uint8Array),
  stdio: stdioOptions(3),
};

function forEach(stdio: NonNullable<ExecOptions['stdio']>): readonly [Stdio, Stdio, Stdio] {
  return typeof stdio === 'object' ? stdio : [stdio, stdio, stdio];
}

/** The descriptor of this process's that the command's stream is; undefined for a pipe and for nothing. */
function ownDescriptor(stdio: Stdio, fd: number): number | undefined {
  if (stdio === 'inherit') return fd;
  return typeof stdio === 'number' ? stdio : undefined;
}

/** Why the command was stopped before its end. */
type StopCause = 'timeout' | 'abort' | 'limit';

/** A running command. */
export class Execution implements AsyncDisposable {
  /** null where `stdio` is no pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Fulfilled when the command has ended and the streams have all of its output; rejected with a WardenError. */
  readonly result: Promise<ExecResult>;
  private instance: Instance | undefined;
  private readonly startedAtMs = performance.now();
  private readonly messages: string[] = [];
  private readonly session: Session;
  private readonly oomKillsBefore: number;
  private stopCause: StopCause | undefined;
  private stopping: Promise<void> | undefined;
  /** Who called: `result` is rejected when nothing of the call is on the stack any more. */
  private readonly caller = framesAbove(Execution.start);
  /** Whether `result` is settled. */
  private isSettled = false;
  /** Fulfilled when the module knows the command's end, before it has delivered all output. */
  private readonly ended: Promise<void>;
  private reportEnd: () => void = () => undefined;

  private constructor(
    private readonly target: ExecTarget, private readonly options: ExecOptions, private readonly streams: Streams,
    start: ((socket: string) => string[]) | WardenError,
  ) {
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = streams);
    this.session = new Session(() => target.initPid());
    this.ended = new Promise((resolve) => { this.reportEnd = resolve; });
    this.isSettled = start instanceof WardenError;
    this.oomKillsBefore = this.isSettled ? 0 : target.oomKills();
    this.result = start instanceof WardenError ? Promise.reject(start) : this.run(start);
  }

  /** @internal Checks the arguments and starts the command, at once. A failure rejects `result`; nothing is thrown. */
  static start(target: ExecTarget, argv: readonly string[], options: ExecOptions): Execution {
    try {
      checkArgv(argv);
      checkOptions(options, CHECKS);
      const { stdio = 'pipe', input } = options, kinds = forEach(stdio);
      if (input !== undefined && kinds[0] !== 'pipe') throw usage('input needs a pipe for stdin, and stdio says otherwise');
      const stdin = kinds[0] === 'ignore' ? 'ignore' : 'inherit';
      const terminal = streamArguments({ tty: options.tty, stdin }, [ownDescriptor(kinds[0], 0), ownDescriptor(kinds[1], 1)]);
      // Copies: the caller may change its own while the command starts.
      const command = [...argv], settings = { ...options };
      const argvFor = (socket: string): string[] => ['wsh', ...wshArguments(socket, command, settings, terminal)];
      const execution = new Execution(target, settings, openStreams(kinds), argvFor);
      if (input !== undefined) execution.write(input);
      return execution;
    } catch (error) {
      const failure = asWardenError(error, 'INTERNAL', (why) => `cannot run the command: ${why}`);
      return new Execution(target, {}, emptyStreams(['pipe', 'pipe', 'pipe']), failure);
    }
  }

  private write(input: string | Uint8Array): void {
    this.stdin?.write(input);
    this.stdin?.end(this.options.tty ? CTRL_D : '');
  }

  private async run(argvFor: (socket: string) => string[]): Promise<ExecResult> {
    const { signal, timeoutMs } = this.options;
    let timer: NodeJS.Timeout | undefined, removeAbortListener = (): void => undefined;
    try {
      throwIfAborted(signal);
      const instance = this.instantiate(argvFor);
      removeAbortListener = whenAborted(signal, () => { void this.end('abort'); });
      if (timeoutMs !== undefined) timer = setTimeout(() => { void this.end('timeout'); }, timeoutMs);
      await whenDelivered(this.ended, instance.exited, this.streams);
      await this.stopping;
      return this.resultOf(instance);
    } catch (error) {
      this.streams.closeChildEnds();
      if (this.instance?.failed) await this.abandon();
      throw withFrames(asWardenError(error, 'INTERNAL', (why) => `cannot run wsh in this process: ${why}`), this.caller);
    } finally {
      this.isSettled = true;
      clearTimeout(timer);
      removeAbortListener();
      if (this.stopCause === 'abort') this.streams.destroy();
      this.streams.finish();
    }
  }

  private instantiate(argvFor: (socket: string) => string[]): Instance {
    withShortPath(this.target.directory, 'run/wshd.sock', (socket) => {
      this.instance = instantiate('wsh', {
        argv: argvFor(socket), env: wshEnvironment(this.options), stdio: this.streams.fds, signals: 'call',
        onPrint: (_, text) => { this.messages.push(text); },
        onEvent: () => { if (this.instance?.ask('ending') !== NONE) this.reportEnd(); },
        // In protocol 2 records without descriptors follow.
        onReceive: (identities) => { if (identities.length > 0) this.session.identities = identities; },
      });
    });
    this.streams.closeChildEnds();
    this.forwardWindowChanges(this.instance!);
    return this.instance!;
  }

  /** The size of this process's own terminal follows its window. SIGWINCH reaches the process, so it is passed on. */
  private forwardWindowChanges(instance: Instance): void {
    const [stdin] = forEach(this.options.stdio ?? 'pipe'), fd = ownDescriptor(stdin, 0);
    if (fd === undefined || !isTerminal(fd)) return;
    const forward = (): void => { instance.signal(SIGWINCH); };
    process.on('SIGWINCH', forward);
    void instance.exited.then(() => process.off('SIGWINCH', forward));
  }

  private resultOf(instance: Instance): ExecResult {
    const durationMs = performance.now() - this.startedAtMs, timedOut = this.stopCause === 'timeout';
    if (this.stopCause === 'abort') throw aborted(this.options.signal);
    const outcome = outcomeOf(instance, this.messages);
    if (outcome instanceof WardenError && !timedOut) throw outcome;
    const status = outcome instanceof WardenError ? { exitCode: null, signal: null } : outcome;
    const outOfMemory = this.target.oomKills() > this.oomKillsBefore;
    return { ...status, timedOut, durationMs, coreDumped: hasDumpedCore(instance), outOfMemory, usage: usageOf(instance) };
  }

  /** Collects the output. More than `maxBytes` (16 MiB) of either stream kill the command, and are an error with the code USAGE. */
  async output(options: OutputOptions = {}): Promise<ExecOutput> {
    // Who asks for the output has nobody else to hear of the result.
    this.result.catch(() => undefined);
    const maxBytes = outputLimit(options), exceed = (): Promise<void> => this.end('limit');
    const streams = [collect(this.stdout, maxBytes, exceed), collect(this.stderr, maxBytes, exceed)] as const;
    const [result, stdout, stderr] = await Promise.allSettled([this.result, ...streams]);
    if (this.stopCause === 'limit') throw usage(`the command wrote more than ${maxBytes} bytes, and was killed; read its streams, or give maxBytes`);
    if (result.status === 'rejected') throw result.reason as WardenError;
    return { ...result.value, stdout: bytesOf(stdout), stderr: bytesOf(stderr) };
  }

  /** Sets the size of the command's terminal; does nothing without a tty. Throws USAGE for a size that no terminal has. */
  resize(size: TerminalSize): void {
    terminalSize('the size', size);
    this.instance?.tell('resize', size.rows, size.columns);
  }

  /** Sends a signal (SIGTERM) to all processes of the command's session, and returns how many got it. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    signalName('the signal', signal);
    return this.isSettled ? 0 : this.session.signal(signal);
  }

  /**
   * Sends a signal to the command, or with `group` to its process group, through wshd; false if the command has not started or has
   * ended. Throws USAGE for what is no signal, UNSUPPORTED in protocol 1.
   */
  async signal(signal: NodeJS.Signals | number, options: { group?: boolean | undefined } = {}): Promise<boolean> {
    const number = signalNumber('the signal', signal);
    checkOptions(options, { group: flag });
    const { instance } = this;
    if (!instance || this.isSettled || instance.ask('ending') !== NONE) return false;
    const sent = instance.ask('sendSignal', number, options.group === true ? 1 : 0);
    if (sent < 0) throw new WardenError('UNSUPPORTED', 'the container\'s wshd speaks version 1 of the protocol, which has no signals; kill() finds the processes');
    return sent === 1;
  }

  private end(cause: StopCause): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    this.stopCause ??= cause;
    this.stopping ??= this.killAll();
    // `result` reports a failure.
    return this.stopping.catch(() => undefined);
  }

  /** Kills the command, and waits until wshd has reported its end and no process is left, or until a deadline. */
  private async killAll(): Promise<void> {
    let isOver = false;
    const over = Promise.race([this.ended, this.instance?.exited ?? this.ended]).then(() => { isOver = true; });
    try {
      await this.session.killUntil(() => isOver, KILL_DEADLINE_MS, over);
      // A module that knows the end goes on: it has output to deliver.
      if (!isOver) this.stopInstance();
    } catch {
      // No descriptors are left to search with. Ending the module frees those that it holds.
      this.stopInstance();
      await this.session.killUntilClosed();
    }
    if (this.stopCause === 'abort') this.streams.destroy();
  }

  private stopInstance(): void {
    // Makes the module restore the terminal.
    this.instance?.signal(SIGHUP);
    this.instance?.stop();
  }

  /** The module has failed: nobody reads the command's output or learns of its end, so the command is killed as soon as it exists. */
  private async abandon(): Promise<void> {
    // The caller needs to know why the module failed, not what failed in killing.
    await this.session.killUntilClosed().catch(() => undefined);
  }

  /** Kills the command if it has not ended, and waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('abort');
    await this.result.catch(() => undefined);
    this.streams.destroy();
  }
}
