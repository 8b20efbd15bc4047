/** Jobs as a server starts them: iomux-spawn with its command, then an iomux-link. */
import { closeSync, createReadStream, openSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Bench, ProgramSet, Started } from '../bench.js';

export interface Job {
  readonly directory: string;
  readonly spawn: Started;
  /** iomux-spawn's child: the wsh, or the command itself. */
  readonly childPid: number;
}

/** The command waits for the first link; the sockets are there. */
export async function startJob(bench: Bench, set: ProgramSet, directory: string, command: readonly string[]): Promise<Job> {
  const spawn = bench.start([set.path('iomux-spawn'), directory, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { directory, spawn, childPid: await childPid(spawn.child.stdout!) };
}

function childPid(output: Readable): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    output.on('data', (piece: Buffer) => {
      text += piece.toString();
      const pid = /^child_pid=(\d+)\n/.exec(text)?.[1];
      if (pid !== undefined) resolve(Number(pid));
    });
    output.on('end', () => reject(new Error('iomux-spawn ended before it told its child')));
  });
}

/** A command in the set's container, by its wsh. */
export function inside(set: ProgramSet, socket: string, command: readonly string[]): string[] {
  return [set.path('wsh'), '--socket', socket, ...command];
}

/** Without anything to write to, it writes to /dev/null. */
export function startLink(bench: Bench, set: ProgramSet, job: Job, output?: number, errors: 'inherit' | 'ignore' = 'inherit'): Started {
  return bench.start([set.path('iomux-link'), job.directory], { stdio: ['ignore', output ?? 'ignore', errors] });
}

let pipes = 0;

/** The descriptors of a real pipe, as a server gives its programs; what Node calls a pipe is a pair of sockets. */
export function makePipe(bench: Bench): { output: number; input: number; closeInput(): void } {
  const path = `${bench.directory}/pipe-${++pipes}`;
  execFileSync('mkfifo', [path]);
  // Open for both first, so that neither end waits for the other to be opened.
  const both = openSync(path, 'r+');
  const output = openSync(path, 'r'), input = openSync(path, 'w');
  closeSync(both);
  return { output, input, closeInput: () => closeSync(input) };
}

/** One that this process reads. */
export function makeReadPipe(bench: Bench): { output: Readable; input: number; closeInput(): void } {
  const pipe = makePipe(bench);
  return { ...pipe, output: createReadStream('', { fd: pipe.output }) };
}
