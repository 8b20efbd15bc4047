/** A process that runs a script, one system call a step. */
import { type FileDescription, WOULD_BLOCK } from '../kernel/open-file.js';
import { EPIPE } from '../kernel/errno.js';
import type { Kernel } from '../kernel/kernel.js';
import { pathOf } from '../kernel/mounts/mounts.js';
import { pattern } from './pattern.js';
import { Process, type Runner } from '../kernel/process.js';
import { ptyOf } from '../kernel/tty/pty.js';
import { startContainer } from './oci-runtime.js';
import { parseScript, ScriptError, type ScriptStep, ZEROS_BYTES } from './script.js';
import { SIGPIPE } from '../kernel/signals.js';
import { originOf } from '../kernel/fork-exec.js';
import { HANGUP, READ, WRITE } from '../../boundary/constants.js';

const READ_BYTES = 65_536;
const scratch = new Uint8Array(READ_BYTES), zeros = new Uint8Array(ZEROS_BYTES);
const EXIT_BAD_SCRIPT = 2;

/** A list of steps that runs, the position in it, and how many repetitions are left. */
interface Frame { steps: readonly ScriptStep[]; at: number; times: number }

export class ScriptRunner implements Runner {
  private readonly frames: Frame[];
  private readonly ignored = new Set<number>();
  /** Number of pattern bytes written, by descriptor. */
  readonly written = new Map<number, number>();
  /** Progress of the current step: bytes moved, or the time at which it ends. */
  private done = 0;
  private sleepsUntil = 0;
  /** Bytes that `copy` has read and not written yet, or that `say` and `print` have still to write. */
  private rest: Uint8Array | undefined;
  /** The part of a line that `interpret` has read so far. */
  private line = '';

  constructor(private readonly kernel: Kernel, private readonly process: Process, script: string | readonly ScriptStep[]) {
    this.frames = [{ steps: typeof script === 'string' ? this.stepsOf(script) : script, at: 0, times: 1 }];
  }

  private get current(): ScriptStep | undefined {
    const frame = this.frames.at(-1);
    return frame?.steps[frame.at];
  }

  catches(): boolean { return false; }
  ignores(signal: number): boolean { return this.ignored.has(signal); }
  ended(): void { this.frames.length = 0; }

  wakesAt(): number { return this.current?.op === 'sleep' && this.done > 0 ? this.sleepsUntil : Infinity; }

  ready(): boolean {
    const step = this.current;
    switch (step?.op) {
      case 'hang': return false;
      case 'sleep': return this.done === 0 || this.sleepsUntil <= this.kernel.nowMs;
      case 'wait': return this.process.children.every((child) => child.ended);
      case 'write': case 'zeros': return this.can(step.fd, WRITE);
      case 'say': case 'print': return this.can(step.fd, WRITE);
      case 'read': case 'drain': case 'interpret': return this.can(0, READ);
      case 'copy': return this.rest ? this.can(1, WRITE) : this.can(0, READ);
      default: return true;
    }
  }

  private can(fd: number, events: number): boolean {
    const description = this.process.descriptors.get(fd);
    return !description || description.alwaysReady || (description.poll() & (events | HANGUP)) !== 0;
  }

  step(): void {
    const step = this.current;
    if (!step) return this.endFrame();
    switch (step.op) {
      case 'write': case 'zeros': return this.write(step);
      case 'say': return this.say(step.fd, `${step.text}\n`);
      case 'print': return this.say(step.fd, `${this.about(step.what)}\n`);
      case 'read': return this.read(step.count);
      case 'drain': return this.read(Infinity);
      case 'copy': return this.copy();
      case 'sleep': return this.sleep(step.ms);
      case 'exit': return this.finish(`exit ${step.code}`, () => this.process.end((step.code & 0xff) << 8));
      case 'die': return this.finish(`die ${step.signal}`, () => this.process.receive(step.signal));
      case 'ignore': return this.finish(`ignore ${step.signal}`, () => this.ignored.add(step.signal));
      case 'close': return this.finish(`close ${step.fd}`, () => this.process.descriptors.close(step.fd));
      case 'fork': return void this.fork(step.steps);
      case 'container': return this.container(step.steps);
      case 'repeat': return this.repeat(step);
      case 'wait': return this.finish('wait', () => this.process.children.slice().forEach((child) => child.reap()));
      case 'interpret': return this.interpret();
      case 'hang': return;
    }
  }

  private tell(step: () => string, result: number, bytes?: Uint8Array): void {
    const { kernel } = this;
    if (kernel.observers.script.length > 0) kernel.reportScript(this.process, step(), result, bytes);
  }

  private next(): void {
    this.done = 0;
    this.rest = undefined;
    this.frames.at(-1)!.at++;
  }

  private finish(words: string, act: () => unknown): void {
    this.next();
    this.tell(() => words, 0);
    act();
  }

  private endFrame(): void {
    const frame = this.frames.at(-1);
    if (frame && --frame.times > 0) {
      frame.at = 0;
      return;
    }
    this.frames.pop();
    if (this.frames.length > 0) return;
    this.tell(() => 'exit 0', 0);
    this.process.end(0);
  }

  /** One write(2): the number of bytes written; undefined when it would block, or ends the process. */
  private writeOnce(fd: number, bytes: Uint8Array): number | undefined {
    const description = this.process.descriptors.get(fd);
    const result = description ? description.write(bytes) : -1;
    if (result === WOULD_BLOCK) return undefined;
    this.tell(() => `write ${fd} ${bytes.length}`, result, bytes);
    if (result === -EPIPE && !this.ignored.has(SIGPIPE)) {
      this.process.receive(SIGPIPE);
      return undefined;
    }
    return result;
  }

  private write(step: { op: 'write' | 'zeros'; fd: number; count: number; piece: number }): void {
    const size = Math.min(step.piece, step.count - this.done), position = this.written.get(step.fd) ?? 0;
    if (size === 0) return this.next();
    const sent = this.writeOnce(step.fd, step.op === 'zeros' ? zeros.subarray(0, size) : pattern(step.fd, position, size));
    if (sent === undefined) return;
    // The reader is gone: skip the remaining bytes.
    if (sent < 0) return this.next();
    this.written.set(step.fd, position + sent);
    this.done += sent;
    if (this.done === step.count) this.next();
  }

  private say(fd: number, text: string): void {
    this.rest ??= new TextEncoder().encode(text);
    if (this.writeRest(fd)) this.next();
  }

  /** True when all of it is written, or the reader is gone. */
  private writeRest(fd: number): boolean {
    const sent = this.writeOnce(fd, this.rest!);
    if (sent === undefined) return false;
    if (sent < 0) return true;
    this.rest = this.rest!.subarray(sent);
    return this.rest.length === 0;
  }

  private readOnce(size: number): Uint8Array | undefined {
    const stdin: FileDescription | undefined = this.process.descriptors.get(0), got = stdin ? stdin.read(scratch.subarray(0, size)) : 0;
    if (got === WOULD_BLOCK) return undefined;
    const bytes = scratch.slice(0, Math.max(got, 0));
    this.tell(() => `read ${size}`, got, bytes);
    return bytes;
  }

  private read(count: number): void {
    if (count === this.done) return this.next();
    const got = this.readOnce(Math.min(count - this.done, READ_BYTES));
    if (!got) return;
    this.done += got.length;
    if (got.length === 0 || this.done === count) this.next();
  }

  private copy(): void {
    if (this.rest) {
      if (this.writeRest(1)) this.rest = undefined;
      return;
    }
    const got = this.readOnce(READ_BYTES);
    if (!got) return;
    if (got.length === 0) this.next();
    else this.rest = got;
  }

  private sleep(ms: number): void {
    if (this.done > 0) return this.next();
    this.done = 1;
    this.sleepsUntil = this.kernel.nowMs + ms;
    this.tell(() => `sleep ${ms}`, 0);
  }

  private repeat(step: { times: number; steps: readonly ScriptStep[] }): void {
    this.next();
    if (step.times > 0) this.frames.push({ steps: step.steps, at: 0, times: step.times });
  }

  private fork(steps: readonly ScriptStep[]): Process {
    const { kernel, process } = this;
    this.next();
    const child = new Process(kernel, originOf(process, process.descriptors.copy()));
    child.title = process.title;
    child.argv = process.argv;
    child.environment = process.environment;
    const runner = new ScriptRunner(kernel, child, steps);
    for (const [fd, count] of this.written) runner.written.set(fd, count);
    for (const signal of this.ignored) runner.ignored.add(signal);
    child.runner = runner;
    kernel.add(child);
    kernel.reportStarted(child);
    this.tell(() => 'fork', child.namespacePid);
    return child;
  }

  /** Acts as an OCI runtime: the steps are those of the container's init; its pid goes to --pid-file, its terminal to --console-socket. */
  private container(steps: readonly ScriptStep[]): void { startContainer(this.kernel, this.process, this.fork(steps)); }

  /** Acts as a simple shell: each line of stdin is a list of steps. */
  private interpret(): void {
    const got = this.readOnce(READ_BYTES);
    if (!got) return;
    if (got.length === 0) return this.next();
    this.line += new TextDecoder().decode(got);
    const end = this.line.lastIndexOf('\n');
    if (end < 0) return;
    const text = this.line.slice(0, end);
    this.line = this.line.slice(end + 1);
    this.frames.push({ steps: this.stepsOf(text), at: 0, times: 1 });
  }

  private about(what: string): string {
    const { process } = this, pty = [...process.descriptors].map(([, description]) => ptyOf(description)).find((found) => found);
    switch (what) {
      case 'pid': return String(process.namespacePid);
      case 'cwd': return pathOf(process.view, process.view.directory);
      case 'uid': return `${process.uid} ${process.gid}`;
      case 'env': return process.environment.join(' ');
      case 'args': return process.argv.join(' ');
      case 'descriptors': return [...process.descriptors].map(([fd]) => fd).join(' ');
      case 'size': return pty ? `${pty.size.rows} ${pty.size.columns}` : 'no terminal';
      default: return `nothing is known about ${what}`;
    }
  }

  /** An invalid text becomes a script that prints the error, as a shell does. */
  private stepsOf(text: string): readonly ScriptStep[] {
    try {
      return parseScript(text);
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      this.kernel.reportScript(this.process, `bad script: ${error.message}`, 0);
      return [{ op: 'say', fd: 2, text: `script: ${error.message}` }, { op: 'exit', code: EXIT_BAD_SCRIPT }];
    }
  }
}
