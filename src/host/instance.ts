/**
 * The Node host: runs a program's module inside this process, any number at the same time. The module's calls go to the addon; its
 * events come from libuv. Nothing that a module does, not even a trap, ends more than its instance.
 */
import { readFileSync } from 'node:fs';
import type { Identity } from '../base/identity.js';
import { wasmPath } from '../base/paths.js';
import { type ModuleExports, trapWords } from '../boundary/module.js';
import type { ProgramName } from '../boundary/programs.js';
import { callNamed, Entry, makeInstance, type NativeCall, type NativeInstance, type ShimCall } from './addon.js';
import { wasi } from './wasi.js';

export interface InstanceOptions {
  /** The whole command line, including the program's name. */
  argv: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** The descriptors that are copied to the program's 0, 1 and 2; the caller may close its own at once. */
  stdio: readonly [stdin: number, stdout: number, stderr: number];
  /**
   * The source of the signals that the program asks for: 'process' replaces their default action in this process; with 'call' they come
   * only from `signal()`. SIGCHLD, which the program's own children cause, always comes.
   */
  signals?: 'process' | 'call';
  /** Receives what the program itself prints to its 1 and 2, instead of these descriptors: whole lines, with the newline. */
  onPrint?: (fd: number, text: string) => void;
  /** Called with the identities of descriptors that came over a socket. */
  onReceive?: (identities: readonly Identity[]) => void;
  /** Called outside the module after each event that the module has handled: the results of `ask` may have changed. */
  onEvent?: () => void;
  /** Calls exports before the program starts. */
  prepare?: (ask: Ask) => void;
}

/** Calls an export of the module that makes no calls of the boundary (assembly/boundary/shim.ts). */
export type Ask = (name: string, ...numbers: number[]) => number;

export interface Instance {
  readonly program: ProgramName;
  /** The exit code, once the program has ended; 255 when it trapped and could not go on, or a signal ended it. */
  readonly exited: Promise<number>;
  /** The signal by which the program ended itself after cleaning up; the host's process lives on. */
  readonly raised: number | undefined;
  /** True when the program trapped and could not go on, or its host failed: the outcome that it reports is not valid. */
  readonly failed: boolean;
  /** Sends the program a signal; ignored after its end. */
  signal(signal: number): void;
  /** Ends the program at once, with exit code 255, and closes its descriptors. */
  stop(): void;
  /** Works after the end, too. */
  readonly ask: Ask;
  /** Calls an export that may make calls of the boundary, like an event; ignored after the end. */
  tell(name: string, ...numbers: number[]): void;
}

/** The host's own exit code, as in shim/launcher. */
const EXIT_HOST = 255;
const SIGCHLD = 17;
const SIGSTOP = 19;
const SIGNALS = 64;
const EPERM = 1;
const EBADF = 9;
const EAGAIN = 11;
/** The number of lines kept for a stderr without room; further lines are dropped. */
const UNSAID_MAX = 64;

/** Thrown through the module's frames to leave it. */
class Exit {
  constructor(readonly code: number, readonly signal?: number) {}
}

/** Also thrown through the module's frames, for a failure of the host: the module's `onTrap` is not called. */
class HostFailure extends Error {}

const compiled = new Map<ProgramName, WebAssembly.Module>();

function moduleOf(program: ProgramName): WebAssembly.Module {
  const known = compiled.get(program);
  if (known) return known;
  const module = new WebAssembly.Module(readFileSync(wasmPath(program)));
  compiled.set(program, module);
  return module;
}

const imported = new WeakMap<WebAssembly.Module, readonly (readonly [name: string, call: NativeCall])[]>();

/** The calls of the boundary that the module imports. */
function callsOf(module: WebAssembly.Module): readonly (readonly [name: string, call: NativeCall])[] {
  const known = imported.get(module);
  if (known) return known;
  const names = WebAssembly.Module.imports(module).filter(({ module: from }) => from === 'shim').map(({ name }) => name);
  const calls = names.flatMap((name) => {
    const call = callNamed(name);
    return call ? [[name, call] as const] : [];
  });
  imported.set(module, calls);
  return calls;
}

/** Starts the program; it runs until `exited`, and keeps the process alive until then. */
export function instantiate(program: ProgramName, options: InstanceOptions): Instance {
  return instantiateModule(moduleOf(program), program, options);
}

/** @internal The same with any module, under the policy of that program. */
export function instantiateModule(module: WebAssembly.Module, program: ProgramName, options: InstanceOptions): Instance {
  const instance = new RunningInstance(module, program, options);
  instance.start();
  return instance;
}

class RunningInstance implements Instance {
  readonly exited: Promise<number>;
  raised: number | undefined;
  failed = false;
  private readonly native: NativeInstance;
  private readonly exports: ModuleExports;
  private resolve!: (code: number) => void;
  private ended = false;
  private readonly unsaid: string[] = [];

  constructor(module: WebAssembly.Module, readonly program: ProgramName, private readonly options: InstanceOptions) {
    const environment = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    this.exited = new Promise((resolve) => { this.resolve = resolve; });
    this.native = makeInstance({
      program,
      arguments: options.argv,
      environment,
      stdio: options.stdio,
      signals: options.signals === 'call' ? [SIGCHLD] : Array.from({ length: SIGNALS }, (_, index) => index + 1),
      deliver: (entry, first, second) => this.deliver(entry, first, second),
    });
    try {
      const instance = new WebAssembly.Instance(module, {
        shim: this.shimFor(module),
        wasi_snapshot_preview1: wasi({
          argv: options.argv,
          environment,
          memory: () => this.exports.memory,
          print: (fd, at, size) => this.print(fd, at, size),
          exit: (code) => { throw new Exit(code); },
        }),
      });
      this.exports = instance.exports as unknown as ModuleExports;
      this.native.attach(this.exports.memory);
    } catch (error) {
      this.native.end();
      throw error;
    }
  }

  start(): void {
    this.enter(() => {
      this.options.prepare?.(this.ask);
      this.exports.onStart();
    });
  }

  readonly ask: Ask = (name, ...numbers) => (this.exports[name] as ShimCall)(...numbers);

  tell(name: string, ...numbers: number[]): void { this.enter(() => { this.ask(name, ...numbers); }); }

  private print(fd: number, at: number, size: number): number {
    const { onPrint } = this.options;
    const text = (): string => Buffer.from(this.exports.memory.buffer, at, size).toString();
    if (onPrint) {
      onPrint(fd, text());
      return size;
    }
    const sent = this.unsaid.length > 0 && fd === 2 ? -EAGAIN : this.native.print(fd, at, size);
    if (sent !== -EAGAIN || fd !== 2 || this.unsaid.length === UNSAID_MAX) return sent;
    this.unsaid.push(text().replace(/\n$/, ''));
    return size;
  }

  /** Prints lines for which stderr had no room. A native program waits a second for room; this process cannot. */
  private sayUnsaid(): void {
    while (this.unsaid.length > 0 && this.native.say(this.unsaid[0]!) !== -EAGAIN) this.unsaid.shift();
  }

  private say(words: string): void {
    const { onPrint } = this.options;
    if (onPrint) onPrint(2, `${words}\n`);
    else this.native.say(words);
  }

  signal(signal: number): void { this.enter(() => this.exports.onSignal(signal)); }

  stop(): void { this.end(EXIT_HOST); }

  /** Only the calls that the module imports: they are the list of what it may do. */
  private shimFor(module: WebAssembly.Module): Record<string, ShimCall> {
    const shim: Record<string, ShimCall> = {};
    for (const [name, call] of callsOf(module)) {
      shim[name] = this.guarded(name, (a, b, c, d, e) => call.call(this.native, a, b, c, d, e));
    }
    return shim;
  }

  private guarded(name: string, call: ShimCall): ShimCall {
    if (name === 'watch') return watchOrFail(call);
    if (name === 'raise') return (signal) => this.raise(signal);
    return name === 'receive' && this.options.onReceive ? this.receiveAndTell(call, this.options.onReceive) : call;
  }

  private receiveAndTell(receive: ShimCall, onReceive: (identities: readonly Identity[]) => void): ShimCall {
    return (handle, at, size, handlesAt, count) => {
      const result = receive(handle, at, size, handlesAt, count);
      if (result < 0) return result;
      const handles = new Int32Array(this.exports.memory.buffer.slice(handlesAt, handlesAt + 4 * count));
      onReceive([...handles].map((received) => this.native.identify(received)).filter((identity) => identity !== undefined));
      return result;
    };
  }

  /** The default action applies to this instance only, except for SIGSTOP, which stops the Node process, if that passes on its signals. */
  private raise(signal: number): number {
    if (signal !== SIGSTOP) throw new Exit(EXIT_HOST, signal);
    if (this.options.signals === 'call') return -EPERM;
    process.kill(process.pid, SIGSTOP);
    return 0;
  }

  private deliver(entry: Entry, first: number, second: number): void {
    // Print queued lines first: the module may fill the pipe again.
    this.sayUnsaid();
    this.enter(() => {
      switch (entry) {
        case Entry.Ready: return this.exports.onReady(first, second);
        case Entry.Signal: return this.exports.onSignal(first);
        case Entry.Deadline: return this.exports.onDeadline();
      }
    });
    this.options.onEvent?.();
  }

  private enter(call: () => void): void {
    if (this.ended) return;
    try {
      call();
    } catch (thrown) {
      this.leave(thrown);
    }
  }

  /** An exception left the module: it exits, or it trapped, and its `onTrap` decides what that costs. */
  private leave(thrown: unknown): void {
    if (thrown instanceof Exit) {
      this.raised = thrown.signal;
      return this.end(thrown.code);
    }
    this.say(`${this.program}: ${thrown instanceof HostFailure ? thrown.message : trapWords(thrown)}`);
    const code = thrown instanceof HostFailure ? EXIT_HOST : this.codeAfterTrap();
    if (code < 0) return;
    this.failed = true;
    this.end(code);
  }

  private codeAfterTrap(): number {
    try {
      return this.exports.onTrap();
    } catch (thrown) {
      return thrown instanceof Exit ? thrown.code : EXIT_HOST;
    }
  }

  private end(code: number): void {
    if (this.ended) return;
    this.ended = true;
    this.sayUnsaid();
    this.native.end();
    this.resolve(code);
  }
}

/** Modules rely on it that every handle can be watched. */
function watchOrFail(watch: ShimCall): ShimCall {
  return (handle, events) => {
    const result = watch(handle, events);
    if (result >= 0 || result === -EBADF) return result;
    throw new HostFailure(`cannot watch a descriptor (errno ${-result}); the limit is /proc/sys/fs/epoll/max_user_watches`);
  };
}
