/** A terminal with a user: starts a program on a pty, types, reads the screen, resizes, sends signals. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { packageRoot } from '../../src/base/paths.js';
import { DEADLINE_MS, until } from './process.js';

export interface TerminalOptions { rows?: number; columns?: number; env?: NodeJS.ProcessEnv; cwd?: string }

interface Event {
  output?: string;
  settings?: number[];
  stopped?: number;
  continued?: true;
  code?: number;
  signal?: number;
}

export class Terminal {
  private pieces: Buffer[] = [];
  /** The position from which the next `sees` searches. */
  private seen = 0;
  /** The end of the program: its exit code, or the signal. */
  code: number | undefined;
  signal: number | undefined;
  /** Number of times that it was stopped and continued. */
  stops = 0;
  continues = 0;
  private asked: ((settings: number[]) => void)[] = [];
  /** The terminal's settings when the program had ended. */
  settingsLeft: number[] | undefined;
  private readonly driver: ChildProcessByStdio<Writable, Readable, null>;

  constructor(argv: readonly string[], { rows = 24, columns = 80, env, cwd }: TerminalOptions = {}) {
    this.driver = spawn('python3', [`${packageRoot}test/support/terminal.py`, String(rows), String(columns), ...argv], {
      stdio: ['pipe', 'pipe', 'inherit'], env: env ?? process.env, ...(cwd === undefined ? {} : { cwd }),
    });
    this.driver.stdin.on('error', () => undefined);
    createInterface(this.driver.stdout).on('line', (line) => this.happened(JSON.parse(line) as Event));
  }

  /** Everything that the terminal showed. */
  get shown(): Buffer {
    if (this.pieces.length !== 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0]!;
  }

  private happened(event: Event): void {
    if (event.output !== undefined) this.pieces.push(Buffer.from(event.output, 'base64'));
    if (event.stopped !== undefined) this.stops++;
    if (event.continued) this.continues++;
    const ask = event.settings && this.asked.shift();
    if (ask) ask(event.settings as number[]);
    else if (event.settings) this.settingsLeft = event.settings;
    if (event.code !== undefined) this.code = event.code;
    if (event.signal !== undefined) this.signal = event.signal;
  }

  private tell(command: object): void { this.driver.stdin.write(`${JSON.stringify(command)}\n`); }

  type(text: string | Buffer): void { this.tell({ type: Buffer.from(text).toString('base64') }); }
  resize(rows: number, columns: number): void { this.tell({ size: [rows, columns] }); }
  kill(signal: NodeJS.Signals): void { this.tell({ kill: constants.signals[signal] }); }
  /** Hangs up the line, with or without the SIGHUP that a shell passes on. */
  hangUp(signalled = true): void { this.tell({ hangup: signalled }); }

  /** All fields of tcgetattr(3). */
  settings(): Promise<number[]> {
    return new Promise((resolve) => {
      this.asked.push(resolve);
      this.tell({ settings: true });
    });
  }

  /** Waits until the terminal shows this, after the text of the previous wait; returns the text up to there. */
  async sees(what: string | RegExp, timeoutMs = DEADLINE_MS): Promise<string> {
    let found = '';
    const pattern = typeof what === 'string' ? new RegExp(what.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')) : what;
    await until(() => {
      const match = pattern.exec(this.shown.toString('latin1', this.seen));
      if (!match) return this.hasEnded;
      found = match[0];
      this.seen += match.index + found.length;
      return true;
    }, () => `the terminal shows ${pattern}, but: ${this.rest()}`, timeoutMs);
    if (found === '' && !pattern.test('')) throw new Error(`ended before it showed ${pattern}, but: ${this.rest()}`);
    return found;
  }

  private rest(): string { return JSON.stringify(this.shown.toString('latin1', this.seen).slice(-2000)); }

  get hasEnded(): boolean { return this.code !== undefined || this.signal !== undefined; }

  /** Waits until the program has ended; its exit code, or the negated signal. */
  async ends(timeoutMs = DEADLINE_MS): Promise<number> {
    await until(() => this.hasEnded, () => `the program at the terminal ends; shown: ${this.rest()}`, timeoutMs);
    return this.code ?? -this.signal!;
  }

  /** Ends everything that still runs. */
  async close(): Promise<void> {
    if (!this.hasEnded) this.kill('SIGKILL');
    this.driver.stdin.end();
    if (this.driver.exitCode === null) await once(this.driver, 'exit');
  }
}
