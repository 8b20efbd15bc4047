/**
 * A native program as a child of this process. node:child_process forks: the kernel copies Node's page tables, 20 ms and
 * more, for a child that executes at once. The boundary's `spawn` shares the memory until then. clone(2), CLONE_VM
 */
import { REPORT_BYTES, SPAWN_DIE_WITH_PARENT, SPAWN_SESSION } from '../boundary/constants.js';
import { CALLER_BYTES, ShimClient, SIGCHLD } from './shim-client.js';

/** Offsets in the caller's memory. */
const AT_OUT = 0, AT_REPORT = 8, AT_TEXT = 16;
/** What a child's calls store is read before the next child's: all share one memory. */
const memory = new ArrayBuffer(CALLER_BYTES);

export interface ChildOptions {
  readonly file: string;
  /** Begins with the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The descriptors of this process that the child gets as its 0, 1 and 2; it inherits no others. */
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number];
  /** Whether the child goes on when this process dies (false). */
  readonly outlives?: boolean;
}

/** `status` is the raw wait status, wait(2); `errno` is set when the program was not executed. */
export interface ChildEnd { readonly status: number; readonly errno: number | undefined }

/** In a session of its own. It keeps this process alive until it ends or is released. */
export class Child {
  /** Never fulfilled once the child was released. */
  readonly exited: Promise<ChildEnd>;
  readonly pid: number;
  private readonly caller: ShimClient;
  private readonly report: number;
  private resolve!: (end: ChildEnd) => void;
  private hasEnded = false;

  /** Throws an Error when there can be no such process. */
  constructor({ file, argv, env, cwd, stdio, outlives = false }: ChildOptions) {
    this.exited = new Promise((resolve) => { this.resolve = resolve; });
    // With wshd's rights: any program, in any directory (shim/sys/policy.c).
    this.caller = new ShimClient('wshd', ['wshd'], () => this.look(), [...stdio], memory);
    try {
      // Before the start, or the child's end could come first.
      this.caller.must('routeSignals', 1 << (SIGCHLD - 1), 0);
      this.caller.must('spawnBegin');
      this.caller.describe('spawnFiles', AT_TEXT, [file]);
      this.caller.describe('spawnArguments', AT_TEXT, argv);
      this.caller.describe('spawnEnvironment', AT_TEXT, Object.entries(env).map(([name, value]) => `${name}=${value}`));
      this.caller.put(AT_TEXT, cwd);
      this.caller.must('spawnDirectory', AT_TEXT);
      this.pid = this.caller.must('spawn', SPAWN_SESSION | (outlives ? 0 : SPAWN_DIE_WITH_PARENT), AT_OUT);
      this.report = this.caller.view.getInt32(AT_OUT, true);
    } catch (error) {
      this.caller.native.end();
      throw error;
    }
  }

  /** Ignored after the end. */
  kill(signal: number): void { if (!this.hasEnded) this.caller.call('kill', this.pid, signal); }

  /** Lets go of a child that outlives this process, once it was executed. The addon reaps the child when it ends. */
  release(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.caller.native.end();
  }

  private look(): void {
    if (this.hasEnded || this.caller.must('wait', this.pid, AT_OUT) === 0) return;
    this.hasEnded = true;
    const status = this.caller.view.getInt32(AT_OUT, true);
    const failed = this.caller.call('read', this.report, AT_REPORT, REPORT_BYTES) === REPORT_BYTES;
    this.caller.native.end();
    this.resolve({ status, errno: failed ? this.caller.view.getInt32(AT_REPORT + 4, true) : undefined });
  }
}
