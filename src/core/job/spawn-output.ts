/** What iomux-spawn prints while a job starts: `child_pid=N`, then `child active`. docs/reference/iomux-spawn.md */
import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorMap, getSystemErrorName } from 'node:util';
import { aborted, whenAborted } from '../../base/abort.js';
import { adviceOn, WardenError } from '../../base/errors.js';
import type { Child } from '../../host/native-process.js';
import { makePipe } from '../../host/pipe.js';

/** iomux-spawn prints at once, unless the machine is overloaded. */
export const START_DEADLINE_MS = 30_000;

/** Reads the standard output of one iomux-spawn. iomux-spawn needs no reader, so this can be closed at any time. */
export class SpawnOutput {
  private text = '';
  private failure: string | undefined;
  private changed: () => void = () => undefined;
  private readonly timer = setTimeout(() => this.fail('it did not answer in time'), START_DEADLINE_MS);
  private readonly removeAbortListener: () => void;

  private constructor(private readonly stdout: Socket, private readonly signal: AbortSignal | undefined) {
    stdout.setEncoding('latin1').on('data', (text: string) => { this.text += text; this.changed(); }).on('error', () => undefined);
    this.removeAbortListener = whenAborted(signal, () => this.fail('aborted'));
  }

  /** `spawn` starts the process with this descriptor as its standard output. A pipe that Node makes stays open when that fails. */
  static of(spawn: (fd: number) => Child, signal: AbortSignal | undefined): { started: Child; output: SpawnOutput } {
    const [read, write] = makePipe('iomux-spawn'), stdout = new Socket({ fd: read, readable: true, writable: false });
    try {
      const started = spawn(write), output = new SpawnOutput(stdout, signal);
      void started.exited.then(({ errno }) => output.fail(errno === undefined ? 'it ended' : wordsOf(errno)));
      return { started, output };
    } catch (error) {
      stdout.destroy();
      throw error;
    } finally {
      closeSync(write);
    }
  }

  /** Rejects whoever waits for a line. */
  fail(why: string): void {
    this.failure ??= why;
    this.changed();
  }

  /** Fulfilled when the output contains `line`; rejected with START_FAILED and the text of `messages`, a file, when it cannot come. */
  async has(line: string, messages: string): Promise<void> {
    while (!this.text.includes(line)) {
      if (this.signal?.aborted) throw aborted(this.signal);
      if (this.failure !== undefined) {
        throw new WardenError('START_FAILED', `the job could not be started: ${this.failure}; its messages: "${readFileSync(messages, 'utf8').trim()}"`);
      }
      await new Promise<void>((resolve) => { this.changed = resolve; });
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.removeAbortListener();
    this.stdout.destroy();
  }
}

/** Why it could not be executed. */
function wordsOf(errno: number): string {
  const [name, words] = getSystemErrorMap().get(-errno) ?? [getSystemErrorName(-errno), 'an unknown error'];
  return `${words}${adviceOn(name)}`;
}
