/**
 * wshd's serving part on the Node host: the module as the container's first process, in this process, without a container.
 * What would change the whole process, which the addon refuses, is answered here as if it were done; requests, clients,
 * commands and their ends are real.
 */
import { readFileSync } from 'node:fs';
import { callNamed, Entry, native, type NativeInstance, type ShimCall } from '../../src/host/addon.js';
import { wasi } from '../../src/host/wasi.js';
import { wasmPath } from '../../src/base/paths.js';

const SIGCHLD = 17;
const LISTENER_FD = 3, SYNC_FD = 4;
const BACKLOG = 4096;
const DESCRIPTORS = 1024;
/** Of the module's memory, while it does not run. */
const SCRATCH_AT = 16;
const GO = 'g';

/** What needs a container of its own, and what it answers here. */
const DONE: Readonly<Record<string, number>> = {
  setsid: 0, setProcessName: 0, bindRootAndEnter: 0, pivot: 0, unmount: 0, enterDirectory: 0, loopbackUp: 0,
  dropStdioAndEnvironment: 0, raiseNofileLimit: DESCRIPTORS,
};

export class Serving {
  private readonly native: NativeInstance;
  private readonly exports: { memory: WebAssembly.Memory } & Record<'onStart' | 'onReady' | 'onSignal' | 'onDeadline' | 'onTrap', ShimCall>;
  private readonly listener: number;
  private readonly sync: readonly [theirs: number, ours: number];

  /** Serves at `socket`, whose name is wshd.sock, in a directory that exists. */
  constructor(readonly socket: string) {
    const argv = ['wshd'], environment = ['WSHD_CHILD=1'], directory = socket.slice(0, socket.lastIndexOf('/'));
    this.native = new (native().Instance)({
      program: 'wshd', arguments: argv, environment, stdio: [0, 1, 2], signals: [SIGCHLD],
      deliver: (entry, first, second) => this.enter(entry, first, second),
    });
    const module = new WebAssembly.Module(readFileSync(wasmPath('wshd'))), shim: Record<string, ShimCall> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) if (from === 'shim') shim[name] = this.standIn(name);
    this.exports = new WebAssembly.Instance(module, {
      shim,
      wasi_snapshot_preview1: wasi({
        argv, environment, memory: () => this.exports.memory, print: (fd, at, size) => this.native.print(fd, at, size),
        exit: (code) => { throw new Error(`wshd ended with ${code}`); },
      }),
    }).exports as unknown as Serving['exports'];
    this.native.attach(this.exports.memory);
    this.listener = this.withBytes(`${socket}\0`, (at) => this.call('listen', at, BACKLOG, 1));
    this.sync = this.pair();
    this.exports.onStart();
    this.withBytes(`${directory}\0`.repeat(3) + GO, (at, size) => this.call('write', this.sync[1], at, size));
  }

  close(): void { this.native.end(); }

  private standIn(name: string): ShimCall {
    const answer = DONE[name];
    if (answer !== undefined) return () => answer;
    if (name === 'adoptFd') return (fd) => this.adopt(fd);
    return (...numbers) => callNamed(name)!.apply(this.native, numbers);
  }

  /** What the parent hands to wshd is made by the constructor, after this function's module. */
  private adopt(fd: number): number {
    if (fd === LISTENER_FD) return this.listener;
    return fd === SYNC_FD ? this.sync[0] : this.call('adoptFd', fd);
  }

  private call(name: string, ...numbers: number[]): number {
    const result = callNamed(name)!.apply(this.native, numbers);
    if (result < 0) throw new Error(`${name}(${numbers.join(', ')}) = ${result}`);
    return result;
  }

  /** Lends a part of the module's memory. */
  private withBytes<Result>(text: string, use: (at: number, size: number) => Result): Result {
    const bytes = Buffer.from(text), there = new Uint8Array(this.exports.memory.buffer, SCRATCH_AT, bytes.length), before = there.slice();
    there.set(bytes);
    try {
      return use(SCRATCH_AT, bytes.length);
    } finally {
      there.set(before);
    }
  }

  private pair(): [number, number] {
    return this.withBytes('\0'.repeat(8), (at) => {
      this.call('socketPair', at);
      const handles = new DataView(this.exports.memory.buffer, at, 8);
      return [handles.getInt32(0, true), handles.getInt32(4, true)];
    });
  }

  private enter(entry: Entry, first: number, second: number): void {
    try {
      if (entry === Entry.Ready) this.exports.onReady(first, second);
      else if (entry === Entry.Signal) this.exports.onSignal(first);
      else this.exports.onDeadline();
    } catch (thrown) {
      console.error(thrown);
      if (this.exports.onTrap() >= 0) this.close();
    }
  }
}
