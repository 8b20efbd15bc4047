/** A simulated host as a test sets it up: its files, the programs it starts, its containers. docs/simulation.md */
import { MemoryCgroup } from './cgroup.js';
import { Container, type ContainerOptions } from './container.js';
import { type Description, NullDevice } from './description.js';
import { DescriptorTable } from './descriptors.js';
import { errnoName } from './errno.js';
import { Directory, type Node, type ProgramName, RegularFile, SpecialFile } from './files.js';
import { Kernel, type KernelOptions } from './kernel.js';
import { lookUp, lookUpParent } from './mounts.js';
import { Sink, Source, Terminal } from './outside.js';
import { Process, RLIMIT_NOFILE, Session } from './process.js';
import { Pty, PtyMaster, type WindowSize } from './pty.js';
import { begin, enterDirectory, findExecutable, originOf } from './spawn.js';
import { Kind } from '../vocabulary.js';

const ENVIRONMENT = ['PATH=/usr/bin:/bin'];

/** What a stream of a started program is: a pipe or a socket with a reader or writer behind it, /dev/null, or what is given. */
export type Stdio = 'pipe' | 'socket' | 'null' | Description;

export interface StartOptions {
  /** `NAME=value` */
  env?: readonly string[];
  cwd?: string;
  stdin?: Stdio;
  stdout?: Stdio;
  stderr?: Stdio;
  /** All three streams are a terminal of this size. */
  terminal?: WindowSize;
  uid?: number;
  /** Descriptors that it may have open: RLIMIT_NOFILE, soft and hard. */
  descriptorsMax?: number;
  /** Whose child it is; the machine's own by default. */
  parent?: Process;
}

/** A program that runs, and what is around it. */
export class Program {
  constructor(readonly process: Process, readonly stdin: Source | undefined, readonly stdout: Sink | undefined,
    readonly stderr: Sink | undefined, readonly terminal: Terminal | undefined) {}

  get pid(): number { return this.process.pid; }
  get ended(): boolean { return this.process.ended; }
  get exitCode(): number | undefined { return this.process.exitCode; }
  get killedBy(): number | undefined { return this.process.killedBy; }
}

/** Files of a host's or a container's: paths are absolute, directories are made as they are needed. */
export class FileTree {
  constructor(private readonly kernel: Kernel) {}

  directory(path: string): Directory {
    let at = this.kernel.root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const there = at.entries.get(name);
      if (there && !(there instanceof Directory)) throw new Error(`${path}: ${name} is no directory`);
      const next = there ?? new Directory();
      if (!there) at.put(name, next);
      at = next;
    }
    return at;
  }

  put(path: string, node: Node): void {
    const slash = path.lastIndexOf('/');
    this.directory(path.slice(0, slash)).put(path.slice(slash + 1), node);
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void { this.put(path, RegularFile.of(content, mode)); }
  script(path: string, text: string): void { this.write(path, `#!/bin/script\n${text}\n`, 0o755); }

  program(path: string, name: ProgramName): void {
    const file = new RegularFile(0o755);
    file.program = name;
    this.put(path, file);
  }

  /** What runs scripts. */
  interpreter(path: string): void {
    const file = new RegularFile(0o755);
    file.interprets = true;
    this.put(path, file);
  }

  /** /dev/null and /dev/ptmx */
  devices(path: string): void {
    this.put(`${path}/null`, new SpecialFile(Kind.OTHER, 0o666, () => new NullDevice(true, true)));
    this.put(`${path}/ptmx`, new SpecialFile(Kind.OTHER, 0o666, () => new PtyMaster(new Pty())));
  }

  private at(path: string): Node | undefined {
    const place = lookUp(this.kernel.view, path);
    return typeof place === 'number' ? undefined : place.node;
  }

  exists(path: string): boolean { return this.at(path) !== undefined; }
  list(path: string): string[] {
    const node = this.at(path);
    return node instanceof Directory ? [...node.entries.keys()] : [];
  }

  read(path: string): Uint8Array {
    const node = this.at(path);
    if (!(node instanceof RegularFile)) throw new Error(`${path} is no file`);
    return node.bytes;
  }

  remove(path: string): void {
    const parent = lookUpParent(this.kernel.view, path);
    if (typeof parent !== 'number') parent.directory.node.take(parent.name);
  }
}

export class World extends Kernel {
  readonly files = new FileTree(this);

  constructor(options: KernelOptions) {
    super(options);
    for (const name of this.programs.names) this.files.program(`/usr/bin/${name}`, name);
    for (const name of ['script', 'sh']) this.files.interpreter(`/bin/${name}`);
    this.files.devices('/dev');
    this.files.directory('/tmp');
  }

  /** Steps until it holds, or until nothing can happen any more; whether it holds. */
  run(until: () => boolean = () => false): boolean {
    while (!until()) if (!this.step()) return until();
    return true;
  }

  /** Starts a program; one that is not to be found is the test's own mistake. */
  start(argv: readonly string[], options: StartOptions = {}): Program {
    const environment = options.env ?? ENVIRONMENT, terminal = options.terminal ? new Terminal(this, options.terminal) : undefined;
    const parent = options.parent ?? this.init;
    const limit = options.descriptorsMax ?? Number((parent.limits.get(RLIMIT_NOFILE) ?? { soft: 1024n }).soft);
    const uid = options.uid ?? 0, descriptors = new DescriptorTable(limit);
    const origin = originOf(parent, descriptors);
    origin.uid = origin.gid = uid;
    const process = new Process(this, origin);
    if (options.descriptorsMax !== undefined) process.limits.set(RLIMIT_NOFILE, { soft: BigInt(limit), hard: BigInt(limit) });
    this.add(process);
    const stdin = terminal ? { end: terminal.slave } : this.input(options.stdin ?? 'null');
    const stdout = terminal ? { end: terminal.slave } : this.output(options.stdout ?? 'pipe');
    const stderr = terminal ? { end: terminal.slave } : this.output(options.stderr ?? 'pipe');
    for (const { end } of [stdin, stdout, stderr]) process.descriptors.add(end, 0, false);
    if (terminal) {
      process.session = new Session(process);
      process.group = process.pid;
      process.takeTerminal(terminal.pty);
    }
    const entered = options.cwd === undefined ? 0 : enterDirectory(process, options.cwd);
    if (entered < 0) throw new Error(`cannot start in ${options.cwd}: ${errnoName(-entered)}`);
    this.tellStarted(process);
    const name = argv[0] ?? '', files = name.includes('/') ? [name] : ['/usr/bin', '/bin'].map((directory) => `${directory}/${name}`);
    const found = findExecutable(process, files, argv);
    if (typeof found === 'number') throw new Error(`cannot execute ${name}: ${errnoName(-found)}`);
    begin(process, found, environment);
    return new Program(process, 'source' in stdin ? stdin.source : undefined, 'sink' in stdout ? stdout.sink : undefined,
      'sink' in stderr ? stderr.sink : undefined, terminal);
  }

  private input(stdio: Stdio): { end: Description; source?: Source } {
    if (stdio === 'null') return { end: new NullDevice(true, true) };
    if (typeof stdio !== 'string') return { end: stdio };
    const { source, reader } = stdio === 'pipe' ? Source.ofPipe(this) : Source.ofSocket(this);
    return { end: reader, source };
  }

  private output(stdio: Stdio): { end: Description; sink?: Sink } {
    if (stdio === 'null') return { end: new NullDevice(true, true) };
    if (typeof stdio !== 'string') return { end: stdio };
    const { sink, writer } = stdio === 'pipe' ? Sink.ofPipe(this) : Sink.ofSocket(this);
    return { end: writer, sink };
  }

  signal(program: Program | Process, signal: number): void {
    (program instanceof Process ? program : program.process).receive(signal);
  }

  container(path: string, options: ContainerOptions = {}): Container { return new Container(this, path, options); }

  cgroup(path: string, version: 1 | 2): MemoryCgroup {
    const slash = path.lastIndexOf('/');
    return new MemoryCgroup(version, this.files.directory(path.slice(0, slash)), path.slice(slash + 1));
  }
}
