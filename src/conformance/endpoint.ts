/** Sockets that carry descriptors, pipes and terminals with promises, over the boundary's calls. No wait is without an end. */
import { getSystemErrorName } from 'node:util';
import { ShimClient, SIGCHLD } from '../host/shim-client.js';
import { Entry } from '../host/addon.js';
import {
  CAN_READ, CAN_WRITE, FileType, HANGUP, READ, SPAWN_DIE_WITH_PARENT, SPAWN_SESSION, SPAWN_TERMINAL, WRITE,
} from '../boundary/constants.js';
import { Failure } from './case.js';

/** How long one thing that must happen may take. */
export const WAIT_MS = 10_000;
/** How long what comes in pieces may take, and how much it may be: who sends without end must not keep us. */
const ALL_MS = 30_000, ALL_BYTES = 32 << 20;
/** As many descriptors as one message can carry: SCM_MAX_FD of unix(7). */
export const DESCRIPTORS_MAX = 253;
/** By `FileType`. */
const FILE_TYPE_NAMES = ['other', 'file', 'directory', 'pipe', 'socket', 'terminal'];
const BACKLOG = 64;
/** Never given out by the host. */
const NO_HANDLE = 0;
export const SIGKILL = 9;
const EIO = 5, EAGAIN = 11, EPIPE = 32, ECONNRESET = 104;
/** Where in the caller's memory what lies. */
const AT_STATUS = 16, AT_REPORT = 24, AT_HANDLES = 64, AT_TEXT = 4096, AT_DATA = 1 << 16;
const DATA_BYTES = 1 << 16;

export interface Received {
  bytes: Buffer;
  handles: number[];
  /** The other side has closed its end, or reset the connection. */
  ended: boolean;
}

export class Endpoint {
  private readonly caller: ShimClient;
  private readonly waiting = new Map<number, () => void>();
  private readonly children = new Map<number, (rawStatus: number) => void>();

  /** May do with paths what this program with these arguments may: shim/sys/policy.c. */
  constructor(program: 'wshd' | 'wsh', args: readonly string[]) {
    this.caller = new ShimClient(program, [program, ...args], (entry, first) => {
      if (entry === Entry.Signal) this.reap();
      else this.waiting.get(first)?.();
    });
    this.caller.must('routeSignals', 1 << (SIGCHLD - 1), 0);
  }

  /** Ends whatever was started, closes whatever is open. */
  end(): void {
    for (const pid of this.children.keys()) this.caller.call('kill', pid, SIGKILL);
    this.caller.native.end();
  }

  connect(path: string): number {
    this.caller.put(AT_TEXT, path);
    return this.must(`connect to ${path}`, this.caller.call('connect', AT_TEXT));
  }

  listen(path: string): number {
    this.caller.put(AT_TEXT, path);
    return this.must(`listen on ${path}`, this.caller.call('listen', AT_TEXT, BACKLOG, 0));
  }

  /** Undefined when `unless` is settled before anybody has connected. */
  async accept(listener: number, unless: Promise<unknown>): Promise<number | undefined> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
      this.waiting.get(listener)?.();
    };
    unless.then(over, over);
    const socket = await this.until(listener, READ, 'a connection comes', () => {
      const result = this.caller.call('accept', listener);
      return result === -EAGAIN && isOver ? NO_HANDLE : result;
    });
    return socket === NO_HANDLE ? undefined : socket;
  }

  close(...handles: number[]): void { for (const handle of handles) this.caller.call('close', handle); }

  marked(handle: number): number { return this.caller.must('pipeTag', handle); }

  mark(handle: number, value: number): void { this.caller.must('tagPipe', handle, value); }

  /** What a handle is: "pipe, to read" */
  describe(handle: number): string {
    const what = this.caller.must('handleType', handle);
    const kind = FILE_TYPE_NAMES[what & FileType.MASK] ?? 'other';
    const ways = [what & CAN_READ ? 'read' : '', what & CAN_WRITE ? 'write' : ''].filter((way) => way !== '');
    return `${kind}, to ${ways.join(' and ')}`;
  }

  unblock(handle: number): void { this.caller.must('setNonblocking', handle); }

  pipe(): [read: number, write: number] { return this.caller.pair('pipe'); }
  socketPair(): [number, number] { return this.caller.pair('socketPair'); }

  pty(): [master: number, slave: number] {
    this.must('open a pty', this.caller.call('openPty', AT_HANDLES));
    return [this.caller.view.getInt32(AT_HANDLES, true), this.caller.view.getInt32(AT_HANDLES + 4, true)];
  }

  /** What can be read now, waiting for the first byte; undefined at the end. */
  async read(handle: number, what = 'something can be read'): Promise<Buffer | undefined> {
    let piece: Buffer | undefined;
    await this.until(handle, READ, what, () => {
      const got = this.caller.call('read', handle, AT_DATA, DATA_BYTES);
      if (got > 0) piece = this.data(got);
      return got;
    }, [EIO, ECONNRESET]);
    return piece;
  }

  /** All that comes until the end; `name`: of what, for who reads that it did not come. */
  async drain(handle: number, name: string): Promise<Buffer> {
    const pieces: Buffer[] = [], late = performance.now() + ALL_MS;
    let size = 0;
    for (let piece; (piece = await this.read(handle, `${name} goes on, or ends`)) !== undefined;) {
      pieces.push(piece);
      size += piece.length;
      if (size > ALL_BYTES) throw new Failure(`${name} has no end after ${size} bytes`);
      if (performance.now() > late) throw new Failure(`${name} has no end within ${ALL_MS / 1000} s: ${size} bytes have come, and still do`);
    }
    return Buffer.concat(pieces);
  }

  /** False when nobody takes it any more. */
  async write(handle: number, bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + DATA_BYTES);
      const sent = await this.until(handle, WRITE, 'something can be written', () => {
        new Uint8Array(this.caller.memory, AT_DATA).set(piece);
        return this.caller.call('write', handle, AT_DATA, piece.length);
      }, [EPIPE, ECONNRESET, EIO]);
      if (sent < 0) return false;
      at += sent;
    }
    return true;
  }

  /** Sends bytes with descriptors; both must fit what the connection takes at once. */
  async send(handle: number, bytes: Uint8Array, handles: readonly number[]): Promise<boolean> {
    const sent = await this.until(handle, WRITE, 'the descriptors can be sent', () => {
      new Uint8Array(this.caller.memory, AT_DATA).set(bytes);
      for (const [index, each] of handles.entries()) this.caller.view.setInt32(AT_HANDLES + 4 * index, each, true);
      return this.caller.call('send', handle, AT_DATA, bytes.length, AT_HANDLES, handles.length);
    }, [EPIPE, ECONNRESET]);
    return sent >= 0;
  }

  /** Bytes and descriptors, waiting for the first; none of them blocks any more. */
  async receive(handle: number): Promise<Received> {
    const received: Received = { bytes: Buffer.alloc(0), handles: [], ended: true };
    await this.until(handle, READ, 'an answer comes', () => {
      const got = this.caller.call('receive', handle, AT_DATA, DATA_BYTES, AT_HANDLES, DESCRIPTORS_MAX);
      if (got < 0) return got;
      received.bytes = this.data(got);
      received.ended = got === 0;
      received.handles = Array.from({ length: DESCRIPTORS_MAX }, (_, index) => this.caller.view.getInt32(AT_HANDLES + 4 * index, true))
        .filter((each) => each >= 0);
      return got;
    }, [ECONNRESET]);
    for (const each of received.handles) this.unblock(each);
    return received;
  }

  /** Starts a program with these handles as its 0, 1 and 2; it dies with this process. */
  spawn(file: string, argv: readonly string[], env: Readonly<Record<string, string>>, stdio: readonly number[], terminal = false): Child {
    this.caller.must('spawnBegin');
    this.caller.describe('spawnFiles', AT_TEXT, [file]);
    this.caller.describe('spawnArguments', AT_TEXT, argv);
    this.caller.describe('spawnEnvironment', AT_TEXT, Object.entries(env).map(([name, value]) => `${name}=${value}`));
    for (const [fd, handle] of stdio.entries()) this.caller.must('spawnDescriptor', fd, handle);
    const flags = SPAWN_SESSION | SPAWN_DIE_WITH_PARENT | (terminal ? SPAWN_TERMINAL : 0);
    const pid = this.must(`start ${file}`, this.caller.call('spawn', flags, AT_REPORT));
    // What keeps it from being executed shows in how it ends.
    this.close(this.caller.view.getInt32(AT_REPORT, true));
    const ended = new Promise<number>((resolve) => this.children.set(pid, resolve));
    return { pid, ended: this.inTime(ended, `${file} ends`), kill: (signal) => { this.caller.call('kill', pid, signal); } };
  }

  private reap(): void {
    for (let pid; (pid = this.caller.call('wait', -1, AT_STATUS)) > 0;) {
      this.children.get(pid)?.(this.caller.view.getInt32(AT_STATUS, true));
      this.children.delete(pid);
    }
  }

  /** A copy: the next call, which may be another's as soon as we wait, overwrites the memory. */
  private data(size: number): Buffer { return Buffer.from(new Uint8Array(this.caller.memory, AT_DATA, size)); }

  private must(what: string, result: number): number {
    if (result < 0) throw new Failure(`cannot ${what}: ${getSystemErrorName(result)}`);
    return result;
  }

  /**
   * Calls whenever the handle is ready, until the answer is not -EAGAIN; errors but for `expected` are failures. What the call
   * leaves in memory is taken within it.
   */
  private async until(handle: number, events: number, what: string, call: () => number, expected: readonly number[] = []): Promise<number> {
    for (;;) {
      const result = call();
      if (result >= 0 || expected.includes(-result)) return result;
      if (result !== -EAGAIN) throw new Failure(`waiting until ${what}: ${getSystemErrorName(result)}`);
      await this.ready(handle, events, what);
    }
  }

  private async ready(handle: number, events: number, what: string): Promise<void> {
    let wake = (): void => undefined;
    const came = new Promise<void>((resolve) => { wake = resolve; });
    this.waiting.set(handle, wake);
    this.caller.must('watch', handle, events | HANGUP);
    try {
      await this.inTime(came, what);
    } finally {
      // The number may be another wait's by now, whose events these are.
      if (this.waiting.get(handle) === wake) {
        this.waiting.delete(handle);
        this.caller.call('watch', handle, 0);
      }
    }
  }

  private async inTime<Result>(result: Promise<Result>, what: string): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Failure(`not within ${WAIT_MS / 1000} s: ${what}`)), WAIT_MS);
    });
    try {
      return await Promise.race([result, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

export interface Child {
  readonly pid: number;
  /** Its raw wait status. */
  readonly ended: Promise<number>;
  kill(signal: number): void;
}
