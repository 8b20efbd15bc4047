/** The player on Linux: test/replay/linux/sequences, built with the C compiler, as a child process. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { packageRoot } from '../../../src/base/paths.js';

const SOURCES = `${packageRoot}test/replay/linux/sequences/`;

/** Compiles the player into a directory. */
export function buildPlayer(directory: string): string {
  const program = join(directory, 'player'), sources = readdirSync(SOURCES).filter((name) => name.endsWith('.c'));
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, ...sources.map((name) => SOURCES + name)]);
  return program;
}

interface Waiting { lines: string[]; resolve(lines: string[]): void; reject(error: Error): void }

export class Player {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly waiting: Waiting[] = [];
  private rest = '';

  constructor(program: string, directory: string) {
    this.child = spawn(program, [directory], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => this.read(text));
    this.child.on('exit', (code, signal) => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`the player ended with ${code ?? signal}`));
    });
  }

  /** Plays a sequence: a result for each of its lines. */
  play(lines: readonly string[]): Promise<string[]> {
    if (lines.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.waiting.push({ lines: [], resolve, reject });
      this.child.stdin.write(`${lines.join('\n')}\n\n`);
    });
  }

  private read(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line === '') {
        const done = this.waiting.shift()!;
        done.resolve(done.lines);
      } else {
        this.waiting[0]!.lines.push(line);
      }
    }
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
  }
}
