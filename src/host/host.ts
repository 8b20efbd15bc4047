/**
 * The Node host: runs a program's module inside this process, as often at the same time as one likes. The module's calls
 * go to the addon, its events come from libuv; nothing that it does, not even a trap, ends more than the instance.
 */
import { readFileSync } from 'node:fs';
import { wasmPath } from '../paths.js';
import { type ModuleExports, trapWords } from './module.js';
import { callNamed, Entry, type Identity, native, type NativeCall, type NativeInstance, type ShimCall } from './native.js';
import { wasi } from './wasi.js';

export type Program = 'wshd' | 'wsh' | 'iomux-spawn' | 'iomux-link' | 'oom';

export interface InstanceOptions {
  /** The whole command line, the program's name first. */
  argv: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** The program gets copies of these descriptors, as its 0, 1 and 2; the caller may close its own at once. */
  stdio: readonly [stdin: number, stdout: number, stderr: number];
  /**
   * Whether signals that the program asks for come from the process (and then no longer do to it what they do by
   * default), or only by `signal()`. SIGCHLD, which the program's own children cause, always comes.
   */
  signals?: 'process' | 'call';
  /** Gets what the program itself says on its 1 and 2, instead of these descriptors: whole lines, newline included. */
  onPrint?: (fd: number, text: string) => void;
  /** Is told what the descriptors are that came over a socket. */
  onReceive?: (identities: readonly Identity[]) => void;
  /** Calls exports before the program starts. */
  prepare?: (ask: Ask) => void;
}

/** Calls an export of the module's that changes nothing that its host would have to know of (assembly/shim.ts). */
export type Ask = (name: string, ...numbers: number[]) => number;

export interface Instance {
  readonly program: Program;
  /** The exit code, once the program has ended; 255 when it trapped and cannot go on, or ended by a signal. */
  readonly exited: Promise<number>;
  /** The signal that the program let end it, as one does that has tidied up; its host's process lives on. */
  readonly raised: number | undefined;
  /** Whether it ended because it trapped and could not go on, or its host failed: what it says of itself is not to be trusted. */
  readonly failed: boolean;
  /** As if the program had got this signal; ignored when it has ended. */
  signal(signal: number): void;
  /** Ends the program where it stands, with exit code 255; what it holds is closed. */
  stop(): void;
  /** Also after the end. */
  readonly ask: Ask;
  /** Calls an export that may call the host, like an event; nothing when the program has ended. */
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
/** Lines that are kept for a stderr without room; more are dropped. */
const UNSAID_MAX = 64;

/** Thrown through the module's frames to leave it. */
class Exit {
  constructor(readonly code: number, readonly signal?: number) {}
}

/** Also thrown through the module, but not its fault: it is not asked whether it can go on. */
class HostFailure extends Error {}

const compiled = new Map<Program, WebAssembly.Module>();

function moduleOf(program: Program): WebAssembly.Module {
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
export function instantiate(program: Program, options: InstanceOptions): Instance {
  return instantiateModule(moduleOf(program), program, options);
}

/** @internal The same with any module, which may do what that program may. */
export function instantiateModule(module: WebAssembly.Module, program: Program, options: InstanceOptions): Instance {
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

  constructor(module: WebAssembly.Module, readonly program: Program, private readonly options: InstanceOptions) {
    const environment = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    this.exited = new Promise((resolve) => { this.resolve = resolve; });
    this.native = new (native().Instance)({
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

  /** What found no room on stderr: a native program waits a second for it, which this process cannot. */
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

  /** Only what the module imports: that is the list of what it may do. */
  private shimFor(module: WebAssembly.Module): Record<string, ShimCall> {
    const shim: Record<string, ShimCall> = {};
    for (const [name, call] of callsOf(module)) {
      shim[name] = this.guarded(name, (a, b, c, d, e) => call.call(this.native, a!, b!, c!, d!, e!));
    }
    return shim;
  }

  private guarded(name: string, call: ShimCall): ShimCall {
    if (name === 'watch') return watchOrFail(call);
    if (name === 'raise') return (signal) => this.raise(signal!);
    return name === 'receive' && this.options.onReceive ? this.receiveAndTell(call, this.options.onReceive) : call;
  }

  private receiveAndTell(receive: ShimCall, onReceive: (identities: readonly Identity[]) => void): ShimCall {
    return (handle, at, size, handlesAt, count) => {
      const result = receive(handle!, at!, size!, handlesAt!, count!);
      if (result < 0) return result;
      const handles = new Int32Array(this.exports.memory.buffer.slice(handlesAt!, handlesAt! + 4 * count!));
      onReceive([...handles].map((received) => this.native.identify(received)).filter((identity) => identity !== undefined));
      return result;
    };
  }

  /** What a signal does by default it does to the instance; stopped can only be the process whose signals it gets. */
  private raise(signal: number): number {
    if (signal !== SIGSTOP) throw new Exit(EXIT_HOST, signal);
    if (this.options.signals === 'call') return -EPERM;
    process.kill(process.pid, SIGSTOP);
    return 0;
  }

  private deliver(entry: Entry, first: number, second: number): void {
    // Before the module fills the room that there is now.
    this.sayUnsaid();
    this.enter(() => {
      switch (entry) {
        case Entry.Ready: return this.exports.onReady(first, second);
        case Entry.Signal: return this.exports.onSignal(first);
        case Entry.Deadline: return this.exports.onDeadline();
      }
    });
  }

  private enter(call: () => void): void {
    if (this.ended) return;
    try {
      call();
    } catch (thrown) {
      this.leave(thrown);
    }
  }

  /** The module was left by an exception: it exits, or it trapped and says what that costs. */
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

/** A module takes it for granted that a handle it has can be watched. */
function watchOrFail(watch: ShimCall): ShimCall {
  return (handle, events) => {
    const result = watch(handle as number, events as number);
    if (result >= 0 || result === -EBADF) return result;
    throw new HostFailure(`cannot watch a descriptor (errno ${-result}); the limit is /proc/sys/fs/epoll/max_user_watches`);
  };
}
