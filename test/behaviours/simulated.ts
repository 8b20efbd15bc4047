/** The simulated kernel as a world for behaviours: the clock jumps, and what can happen by itself has soon happened. */
import type { ProgramName } from '../../src/boundary/programs.js';
import { FileDescription } from '../../src/sim/kernel/open-file.js';
import { type RunningProgram, type Programs, Sink, Source, World as Simulation } from '../../src/sim/world/index.js';
import type { Actor } from '../../src/sim/kernel/kernel.js';
import { lookUp } from '../../src/sim/kernel/mounts/mounts.js';
import { Listener, Socket, SocketFile } from '../../src/sim/kernel/socket.js';
import { FileType } from '../../src/boundary/constants.js';
import type { Cgroup, Connection, Container, Running, StartOptions, Stream, World } from './world.js';

/** As many as an iomux-spawn holds, and more than a wshd. */
const BACKLOG = 4096;
/** Of the test itself, whose connections are all of one process. */
const OUR_PID = 1_000_000;
/** In which programs that are not held up have done everything. */
const REST_MS = 300;

export class SimulatedWorld implements World {
  readonly host = 'simulated';
  private readonly simulation: Simulation;
  private serial = 0;

  constructor(programs: Programs, seed: number) { this.simulation = new Simulation({ programs, seed }); }

  directory(): string {
    const path = `/tmp/${++this.serial}`;
    this.simulation.files.directory(path);
    return path;
  }

  start(program: ProgramName, args: readonly string[], options: StartOptions = {}): Running {
    return runningOf(this.simulation, this.simulation.start([program, ...args], startOptions(options)));
  }

  script(text: string): string[] { return ['/bin/script', '-c', text]; }

  async container(): Promise<Container> {
    const { simulation } = this, path = `/c${++this.serial}`, container = simulation.container(path), wshd = container.start();
    await this.until(() => wshd.ended, 'wshd serves');
    if (wshd.exitCode !== 0) throw new Error(`wshd did not start: ${wshd.stderr?.text}`);
    return {
      socket: container.socket,
      script: (text) => this.script(text),
      passwd: (text) => {
        const file = `${path}/root/etc/passwd`;
        if (text === undefined) simulation.files.remove(file);
        else simulation.files.write(file, text);
      },
      wsh: (args, options) => runningOf(simulation, container.wsh(args, startOptions(options ?? {}))),
    };
  }

  async cgroup(version: 1 | 2): Promise<Cgroup> {
    const path = `/sys/fs/cgroup/${++this.serial}`, group = this.simulation.cgroup(path, version);
    return { path, exhaust: async () => group.outOfMemory(), remove: () => group.remove() };
  }

  async connect(path: string): Promise<Connection> {
    const place = lookUp(this.simulation.view, path);
    if (typeof place === 'number' || !(place.node instanceof SocketFile)) throw new Error(`nobody listens at ${path}`);
    const socket = place.node.listener.connect({ pidIn: () => OUR_PID });
    if (typeof socket === 'number') throw new Error(`cannot connect to ${path}: ${socket}`);
    return connectionOf(this.simulation, socket);
  }

  async serve(path: string, talk: (connection: Connection) => void): Promise<void> {
    const { simulation } = this, listener = new Listener(BACKLOG, { pidIn: () => OUR_PID });
    listener.hold();
    simulation.files.put(path, new SocketFile(listener));
    const server: Actor = {
      ready: () => listener.waiting.length > 0,
      wakesAt: () => Infinity,
      step: () => talk(connectionOf(simulation, listener.accept() as Socket)),
    };
    simulation.add(server);
  }

  write(path: string, bytes: Uint8Array | string): void { this.simulation.files.write(path, bytes); }
  read(path: string): Uint8Array | undefined { return this.simulation.files.exists(path) ? this.simulation.files.read(path) : undefined; }
  list(directory: string): string[] { return this.simulation.files.list(directory); }
  remove(path: string): void { this.simulation.files.remove(path); }

  async until(condition: () => boolean, what: string): Promise<void> {
    if (!this.simulation.run(condition)) throw new Error(`nothing will happen any more (seed ${this.simulation.seed}), and never: ${what}`);
  }

  rest(): Promise<void> { return this.pass(REST_MS); }

  async pass(milliseconds: number): Promise<void> {
    const { simulation } = this, end = simulation.nowMs + milliseconds;
    let rung = false;
    // Without it the clock would jump to whatever happens next, however late.
    const alarm: Actor = { ready: () => simulation.nowMs >= end, wakesAt: () => end, step: () => { rung = true; } };
    simulation.add(alarm);
    simulation.run(() => rung);
    simulation.remove(alarm);
  }
}

function startOptions({ env }: StartOptions): { stdin: 'pipe'; env?: string[] } {
  return { stdin: 'pipe', ...(env ? { env: Object.entries(env).map(([name, value]) => `${name}=${value}`) } : {}) };
}

function streamOf(sink: Sink): Stream & { readonly isPaused: boolean } {
  let isPaused = false;
  return {
    get bytes() { return sink.bytes; },
    get length() { return sink.length; },
    get text() { return sink.text; },
    get ended() { return sink.ended; },
    get isPaused() { return isPaused; },
    pause: () => {
      isPaused = true;
      sink.pause();
    },
    resume: () => {
      isPaused = false;
      sink.resume();
    },
    close: () => sink.close(),
  };
}

function runningOf(simulation: Simulation, program: RunningProgram): Running {
  const stdout = streamOf(program.stdout!), stderr = streamOf(program.stderr!);
  return {
    pid: program.pid, stdin: program.stdin!, stdout, stderr,
    get ended() { return program.ended && [stdout, stderr].every((stream) => stream.ended || stream.isPaused); },
    get exitCode() { return program.exitCode; },
    get killedBy() { return program.killedBy; },
    kill: (signal) => simulation.signal(program, signal),
  };
}

/** What is sent on a socket: its end is the end of the sending alone. shutdown(2) */
class SendingSide extends FileDescription {
  readonly kind = FileType.SOCKET;
  constructor(private readonly socket: Socket) { super(false, true); }
  poll(): number { return this.socket.poll(); }
  protected override give(from: Uint8Array): number { return this.socket.write(from); }
  protected override released(): void { this.socket.shutDown(); }
}

function connectionOf(simulation: Simulation, socket: Socket): Connection {
  const sink = new Sink(simulation, socket), source = new Source(simulation, new SendingSide(socket));
  return Object.assign(streamOf(sink), {
    write: (bytes: Uint8Array | string) => source.write(bytes),
    end: () => source.end(),
    close: () => {
      source.close();
      sink.close();
    },
  });
}
