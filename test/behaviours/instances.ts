/** Programs on the Node host, all in this process, each on pipes of its own. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as system } from 'node:os';
import type { ProgramName } from '../../src/boundary/programs.js';
import { instantiate, type Instance } from '../../src/host/instance.js';
import { temporaryDirectory } from '../host/help.js';
import { type Environment, type Launched, LinuxStream } from './linux.js';

/** Made by one mkfifo(1); a FIFO that nobody has open any more is as good as new. */
const FIFOS = 256;

/** A pipe: the end that the program gets may block, ours must not. */
interface Pipe { theirs: number; ours: number; name: string }

export class Instances {
  private readonly free: string[] = [];

  constructor() {
    const directory = temporaryDirectory();
    for (let i = 0; i < FIFOS; i++) this.free.push(`${directory}/${i}`);
    execFileSync('mkfifo', this.free);
  }

  launch(program: ProgramName, args: readonly string[], env: Environment): Launched {
    const [stdin, stdout, stderr] = [this.pipe(constants.O_RDONLY), this.pipe(constants.O_WRONLY), this.pipe(constants.O_WRONLY)];
    const stdio = [stdin.theirs, stdout.theirs, stderr.theirs] as const;
    const instance = instantiate(program, { argv: [program, ...args], env, stdio, signals: 'call' });
    for (const { theirs } of [stdin, stdout, stderr]) closeSync(theirs);
    return new Launch(instance, stdin.ours, stdout.ours, stderr.ours, () => this.free.push(stdin.name, stdout.name, stderr.name));
  }

  private pipe(theirMode: number): Pipe {
    const name = this.free.shift();
    if (name === undefined) throw new Error(`more than ${FIFOS / 3} programs at the same time`);
    // An end opens when the other is open, but for one that asks for both.
    const both = openSync(name, constants.O_RDWR), theirs = openSync(name, theirMode);
    const ours = openSync(name, (theirMode === constants.O_RDONLY ? constants.O_WRONLY : constants.O_RDONLY) | constants.O_NONBLOCK);
    closeSync(both);
    return { theirs, ours, name };
  }
}

class Launch implements Launched {
  readonly pid = process.pid;
  readonly stdout: LinuxStream;
  readonly stderr: LinuxStream;
  exitCode: number | undefined;
  killedBy: number | undefined;
  private hasExited = false;
  private readonly input: Socket;

  constructor(private readonly instance: Instance, stdin: number, stdout: number, stderr: number, private readonly closed: () => void) {
    this.input = new Socket({ fd: stdin, readable: false, writable: true });
    // A program that ends without reading its input is no error of the case's.
    this.input.on('error', () => undefined);
    this.stdout = new LinuxStream(new Socket({ fd: stdout, readable: true, writable: false }));
    this.stderr = new LinuxStream(new Socket({ fd: stderr, readable: true, writable: false }));
    void instance.exited.then((code) => {
      this.hasExited = true;
      this.killedBy ??= instance.raised;
      if (this.killedBy === undefined) this.exitCode = code;
    });
  }

  get ended(): boolean { return this.hasExited && [this.stdout, this.stderr].every((stream) => stream.ended || stream.isPaused); }

  readonly stdin = {
    write: (bytes: Uint8Array | string): void => { this.input.write(bytes); },
    end: (): void => { this.input.end(); },
  };

  kill(signal: number): void {
    if (signal !== system.signals.SIGKILL) return this.instance.signal(signal);
    this.killedBy = signal;
    this.instance.stop();
  }

  async end(): Promise<void> {
    this.instance.stop();
    await this.instance.exited;
    this.input.destroy();
    this.stdout.close();
    this.stderr.close();
    this.closed();
  }
}
