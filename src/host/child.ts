/**
 * A native program as a child of this process. node:child_process forks: the kernel copies Node's page tables, 20 ms and
 * more, for a child that executes at once. The boundary's `spawn` shares the memory until then. clone(2), CLONE_VM
 */
import { REPORT_BYTES, SPAWN_DIE_WITH_PARENT, SPAWN_SESSION } from '../vocabulary.js';
import { Caller, SIGCHLD } from './caller.js';

/** Where in the caller's memory what lies. */
const AT_OUT = 0, AT_REPORT = 8, AT_TEXT = 16;

export interface ChildOptions {
  readonly file: string;
  /** The program's name first. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Descriptors of this process that the child gets copies of; all others are closed in it. */
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number];
}

/** `status` as wait(2) tells it; with an errno when the program was never executed. */
export interface ChildEnd { readonly status: number; readonly errno: number | undefined }

/** In a session of its own; it dies with this process. */
export class Child {
  readonly exited: Promise<ChildEnd>;
  private readonly caller: Caller;
  private readonly pid: number;
  private readonly report: number;
  private resolve!: (end: ChildEnd) => void;
  private hasEnded = false;

  /** Throws an Error when there can be no such process. */
  constructor({ file, argv, env, cwd, stdio }: ChildOptions) {
    this.exited = new Promise((resolve) => { this.resolve = resolve; });
    // With wshd's rights: any program, in any directory (shim/sys/policy.c).
    this.caller = new Caller('wshd', ['wshd'], () => this.look(), [...stdio]);
    try {
      // First, or its end could come before.
      this.caller.must('signals', 1 << (SIGCHLD - 1), 0);
      this.caller.must('spawnBegin');
      this.caller.describe('spawnFiles', AT_TEXT, [file]);
      this.caller.describe('spawnArguments', AT_TEXT, argv);
      this.caller.describe('spawnEnvironment', AT_TEXT, Object.entries(env).map(([name, value]) => `${name}=${value}`));
      this.caller.put(AT_TEXT, cwd);
      this.caller.must('spawnDirectory', AT_TEXT);
      this.pid = this.caller.must('spawn', SPAWN_SESSION | SPAWN_DIE_WITH_PARENT, AT_OUT);
      this.report = this.caller.view.getInt32(AT_OUT, true);
    } catch (error) {
      this.caller.native.end();
      throw error;
    }
  }

  /** Nothing when it has ended. */
  kill(signal: number): void { if (!this.hasEnded) this.caller.call('kill', this.pid, signal); }

  private look(): void {
    if (this.hasEnded || this.caller.must('wait', this.pid, AT_OUT) === 0) return;
    this.hasEnded = true;
    const status = this.caller.view.getInt32(AT_OUT, true);
    const failed = this.caller.call('read', this.report, AT_REPORT, REPORT_BYTES) === REPORT_BYTES;
    this.caller.native.end();
    this.resolve({ status, errno: failed ? this.caller.view.getInt32(AT_REPORT + 4, true) : undefined });
  }
}
