/** Linux as a world for behaviours: the programs are real processes, native or on the Node host, and so is all around. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import { Readable, type Writable } from 'node:stream';
import type { ProgramName } from '../../src/boundary/programs.js';
import { packageRoot } from '../../src/base/paths.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { comesToRest } from '../support/iomux.js';
import { DEADLINE_MS, processesWith, type Scratch, scratch, until } from '../support/process.js';
import { register } from './register.js';
import type { Cgroup, Connection, Container, HostName, Need, Running, StartOptions, Stream, World } from './world.js';

const GROUPS = '/sys/fs/cgroup/memory';
const LIMIT_BYTES = 20_000_000;
const REST_MS = 300;
const SCRIPT_IN_CONTAINER = '/script';

/** A program, and how to end it when the case is over. */
export interface Launched extends Running { end(): Promise<void> }

export type Environment = Readonly<Record<string, string>>;

/** Starts a wshd without a container of its own, that serves in this directory. */
export type ServesAlone = (directory: string) => { readonly socket: string; close(): void };

/** Starts a program on one of the hosts. */
export type Launch = (program: ProgramName, args: readonly string[], env: Environment) => Launched;

/** What is made once, for all the worlds of a test file. */
class LinuxMachine {
  private readonly scratch: Scratch = scratch();
  private container: TestContainer | undefined;
  private servesInstead: ReturnType<ServesAlone> | undefined;
  /** The interpreter of scripts. */
  readonly script = `${this.scratch.path}/script`;

  constructor(readonly host: HostName, readonly launch: Launch, readonly servesAlone?: ServesAlone) {
    execFileSync('cc', ['-O1', '-static', '-o', this.script, `${packageRoot}test/support/script.c`]);
  }

  /** Why it has not what a case needs; undefined when it has. */
  lacks(need: Need | undefined): string | undefined {
    if (need === 'users' || (need === 'container' && !this.servesAlone)) return noContainers;
    if (need === 'cgroup v1') return noContainers ?? (existsSync(`${GROUPS}/memory.oom_control`) ? undefined : 'no memory controller of cgroup version 1');
    return need === 'cgroup v2' ? 'the memory controller is not on version 2 of cgroups here; test/programs/oom/oom.test.ts boots a kernel for it' : undefined;
  }

  directory(): string { return this.scratch.directory(); }

  async serving(): Promise<TestContainer> {
    this.container ??= await startContainer(undefined, (path) => cpSync(this.script, `${path}/root${SCRIPT_IN_CONTAINER}`));
    return this.container;
  }

  /** The socket of a wshd without a container, where there is one. */
  alone(): string | undefined { return (this.servesInstead ??= this.servesAlone?.(this.directory()))?.socket; }

  world(): LinuxWorld { return new LinuxWorld(this); }

  async remove(): Promise<void> {
    this.servesInstead?.close();
    await this.container?.destroy();
    // Where there is no container, what a command leaves behind ends with nobody; the path is this machine's alone.
    for (const pid of processesWith(this.script)) process.kill(pid, 'SIGKILL');
    this.scratch.remove();
  }
}

class LinuxWorld implements World {
  readonly host: HostName;
  private readonly running: Launched[] = [];
  private readonly servers: Server[] = [];
  private readonly sockets: Socket[] = [];
  private readonly groups: string[] = [];

  constructor(private readonly machine: LinuxMachine) { this.host = machine.host; }

  directory(): string { return this.machine.directory(); }

  start(program: ProgramName, args: readonly string[], options: StartOptions = {}): Running {
    const started = this.machine.launch(program, args, options.env ?? { PATH: process.env.PATH ?? '' });
    this.running.push(started);
    return started;
  }

  script(text: string): string[] { return [this.machine.script, '-c', text]; }

  async container(users = false): Promise<Container> {
    const alone = users ? undefined : this.machine.alone();
    if (alone !== undefined) return this.containerAt(alone, (text) => this.script(text));
    const { path, socket } = await this.machine.serving(), passwd = `${path}/root/etc/passwd`;
    return {
      ...this.containerAt(socket, (text) => [SCRIPT_IN_CONTAINER, '-c', text]),
      passwd: (text) => (text === undefined ? rmSync(passwd) : writeFileSync(passwd, text)),
    };
  }

  private containerAt(socket: string, script: (text: string) => string[]): Container {
    return {
      socket,
      script,
      passwd: () => { throw new Error('the users are the host\'s; the case needs users'); },
      wsh: (args, options) => this.start('wsh', ['--socket', socket, ...args], options),
    };
  }

  async cgroup(): Promise<Cgroup> {
    const path = `${GROUPS}/warden-behaviours-${process.pid}-${this.directory().replace(/.*\//, '')}`;
    mkdirSync(path);
    this.groups.push(path);
    writeFileSync(`${path}/memory.limit_in_bytes`, String(LIMIT_BYTES));
    return {
      path,
      exhaust: async () => {
        const hog = spawn('/bin/sh', ['-c', `echo $$ > ${path}/cgroup.procs && head -c 100000000 /dev/zero | tail`], { stdio: 'ignore' });
        await once(hog, 'exit');
        await until(() => readFileSync(`${path}/cgroup.procs`, 'utf8') === '', 'the group is empty', DEADLINE_MS);
      },
      remove: () => rmdirSync(path),
    };
  }

  async connect(path: string): Promise<Connection> {
    const socket = connect({ path, allowHalfOpen: true });
    this.sockets.push(socket);
    const connection = new LinuxConnection(socket);
    await until(() => !socket.connecting, `a connection to ${path}`, DEADLINE_MS);
    return connection;
  }

  async serve(path: string, talk: (connection: Connection) => void): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket);
      talk(new LinuxConnection(socket));
    });
    this.servers.push(server.listen(path));
    await once(server, 'listening');
  }

  write(path: string, bytes: Uint8Array | string): void { writeFileSync(path, bytes); }
  read(path: string): Uint8Array | undefined { return existsSync(path) ? readFileSync(path) : undefined; }
  list(directory: string): string[] { return readdirSync(directory); }
  remove(path: string): void { unlinkSync(path); }
  until(condition: () => boolean, what: string): Promise<void> { return until(condition, what, DEADLINE_MS); }
  async pass(milliseconds: number): Promise<void> { await new Promise((resolve) => setTimeout(resolve, milliseconds)); }
  async rest(...running: readonly Running[]): Promise<void> {
    // One that is an instance in this process has had its turns meanwhile.
    await this.pass(REST_MS);
    await comesToRest(...running.map(({ pid }) => pid).filter((pid) => pid !== process.pid));
  }

  /** Ends what the case has left. */
  async close(): Promise<void> {
    for (const server of this.servers) server.close();
    for (const socket of this.sockets) socket.destroy();
    for (const started of this.running) await started.end();
    for (const path of this.groups) if (existsSync(path)) rmdirSync(path);
  }
}

/** What comes out of one of Node's streams. */
export class LinuxStream implements Stream {
  private pieces: Buffer[] = [];
  length = 0;
  ended = false;

  constructor(private readonly from: Readable) {
    from.on('data', (piece: Buffer) => {
      this.pieces.push(piece);
      this.length += piece.length;
    });
    for (const end of ['end', 'close', 'error']) from.on(end, () => { this.ended = true; });
  }

  get bytes(): Uint8Array {
    if (this.pieces.length !== 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0]!;
  }

  get text(): string { return Buffer.from(this.bytes).toString(); }
  get isPaused(): boolean { return this.from.isPaused(); }
  pause(): void { this.from.pause(); }
  resume(): void { this.from.resume(); }
  close(): void { this.from.destroy(); }
}

class LinuxConnection extends LinuxStream implements Connection {
  constructor(private readonly socket: Socket) { super(socket); }
  write(bytes: Uint8Array | string): void { if (this.socket.writable) this.socket.write(bytes); }
  end(): void { this.socket.end(); }
}

/** A native program. */
export class LinuxProcess implements Launched {
  readonly stdout: LinuxStream;
  readonly stderr: LinuxStream;
  exitCode: number | undefined;
  killedBy: number | undefined;
  private readonly child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(file: string, args: readonly string[], env: Environment) {
    this.child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    // A program that ends without reading its input is no error of the case's.
    this.child.stdin.on('error', () => undefined);
    this.stdout = new LinuxStream(this.child.stdout);
    this.stderr = new LinuxStream(this.child.stderr);
    this.child.on('exit', (code, signal) => {
      this.exitCode = code ?? undefined;
      this.killedBy = signal === null ? undefined : constants.signals[signal];
    });
  }

  get pid(): number { return this.child.pid!; }
  get hasExited(): boolean { return this.exitCode !== undefined || this.killedBy !== undefined; }
  get ended(): boolean { return this.hasExited && [this.stdout, this.stderr].every((stream) => stream.ended || stream.isPaused); }

  readonly stdin = {
    write: (bytes: Uint8Array | string): void => { this.child.stdin.write(bytes); },
    end: (): void => { this.child.stdin.end(); },
  };

  kill(signal: number): void { this.child.kill(signal); }

  async end(): Promise<void> {
    if (!this.hasExited) {
      this.kill(constants.signals.SIGKILL);
      await once(this.child, 'exit');
    }
  }
}

/** Registers all behaviours for a host on Linux, where this is one. */
export function registerOnLinux(name: HostName, launch: Launch, servesAlone?: ServesAlone): void {
  const machine = process.platform === 'linux' ? new LinuxMachine(name, launch, servesAlone) : undefined;
  register({
    name,
    lacks: ({ needs }) => (machine ? machine.lacks(needs) : 'not Linux'),
    run: async ({ act }) => {
      const world = machine!.world();
      try {
        await act(world);
      } finally {
        await world.close();
      }
    },
    after: async () => machine?.remove(),
  });
}
