/** A simulated host as a test sets it up: its files, the programs that run on it, its containers. docs/internals/simulation.md */
import type { Programs } from '../guest/instances.js';
import { Guest } from '../guest/guest.js';
import { MemoryCgroup } from '../kernel/cgroup.js';
import { errnoName } from '../kernel/errno.js';
import { DescriptorTable } from '../kernel/fd-table.js';
import { begin, enterDirectory, findExecutable, originOf } from '../kernel/fork-exec.js';
import { Kernel, type KernelOptions } from '../kernel/kernel.js';
import { type FileDescription, NullDevice } from '../kernel/open-file.js';
import { type Executable, Process, RLIMIT_NOFILE, type Runner, Session } from '../kernel/process.js';
import { ScriptRunner } from '../script/runner.js';
import { Container, type ContainerOptions } from './container.js';
import { Sink, Source, Terminal } from './endpoints.js';
import { FileTree } from './file-tree.js';
import { RunningProgram, type StartOptions, type Stdio } from './program.js';

const ENVIRONMENT = ['PATH=/usr/bin:/bin'];
const PATH_DIRECTORIES = ['/usr/bin', '/bin'];

export interface WorldOptions extends KernelOptions { programs: Programs }

/** The three streams of a program, and what is at their other ends. */
interface Streams {
  stdin: { end: FileDescription; source?: Source };
  stdout: { end: FileDescription; sink?: Sink };
  stderr: { end: FileDescription; sink?: Sink };
}

export class World extends Kernel {
  readonly programs: Programs;
  readonly files: FileTree;

  constructor(options: WorldOptions) {
    super(options);
    this.programs = options.programs;
    this.files = new FileTree(this.root, this.view);
    for (const name of this.programs.names) this.files.program(`/usr/bin/${name}`, name);
    for (const name of ['script', 'sh']) this.files.interpreter(`/bin/${name}`);
    this.files.devices('/dev');
    this.files.directory('/tmp');
    this.files.write('/proc/self/oom_score_adj', '0');
  }

  runnerOf(process: Process, executable: Executable): Runner {
    if (executable.program) return new Guest(this, this.programs, process, executable.program);
    return new ScriptRunner(this, process, executable.script);
  }

  /** Steps until the condition holds, or until nothing can happen any more; returns whether the condition holds. */
  run(until: () => boolean = () => false): boolean {
    while (!until()) if (!this.step()) return until();
    return true;
  }

  /** Starts a program; throws if there is no such program. */
  start(argv: readonly string[], options: StartOptions = {}): RunningProgram {
    const terminal = options.terminal ? new Terminal(this, options.terminal) : undefined;
    const process = this.newProcess(options), { stdin, stdout, stderr } = this.streamsFor(options, terminal);
    for (const { end } of [stdin, stdout, stderr]) process.descriptors.add(end, 0, false);
    for (const [fd, description] of options.descriptors ?? []) process.descriptors.place(fd, description);
    if (terminal) {
      process.session = new Session(process);
      process.group = process.pid;
      process.takeTerminal(terminal.pty);
    }
    const entered = options.cwd === undefined ? 0 : enterDirectory(process, options.cwd);
    if (entered < 0) throw new Error(`cannot start in ${options.cwd}: ${errnoName(-entered)}`);
    this.reportStarted(process);
    this.execute(process, argv, options.env ?? ENVIRONMENT);
    return new RunningProgram(process, stdin.source, stdout.sink, stderr.sink, terminal);
  }

  private newProcess({ parent = this.init, descriptorsMax, uid = 0 }: StartOptions): Process {
    const limit = descriptorsMax ?? Number((parent.limits.get(RLIMIT_NOFILE) ?? { soft: 1024n }).soft);
    const process = new Process(this, { ...originOf(parent, new DescriptorTable(limit)), uid, gid: uid });
    if (descriptorsMax !== undefined) process.limits.set(RLIMIT_NOFILE, { soft: BigInt(limit), hard: BigInt(limit) });
    this.add(process);
    return process;
  }

  private execute(process: Process, argv: readonly string[], environment: readonly string[]): void {
    const name = argv[0] ?? '', files = name.includes('/') ? [name] : PATH_DIRECTORIES.map((directory) => `${directory}/${name}`);
    const found = findExecutable(process, files, argv);
    if (typeof found === 'number') throw new Error(`cannot execute ${name}: ${errnoName(-found)}`);
    begin(process, found, environment);
  }

  private streamsFor({ stdin = 'null', stdout = 'pipe', stderr = 'pipe' }: StartOptions, terminal: Terminal | undefined): Streams {
    if (!terminal) return { stdin: this.input(stdin), stdout: this.output(stdout), stderr: this.output(stderr) };
    const stream = { end: terminal.slave };
    return { stdin: stream, stdout: stream, stderr: stream };
  }

  private input(stdio: Stdio): Streams['stdin'] {
    if (stdio === 'null') return { end: new NullDevice(true, true) };
    if (typeof stdio !== 'string') return { end: stdio };
    const [source, end] = stdio === 'pipe' ? Source.ofPipe(this) : Source.ofSocket(this);
    return { end, source };
  }

  private output(stdio: Stdio): Streams['stdout'] {
    if (stdio === 'null') return { end: new NullDevice(true, true) };
    if (typeof stdio !== 'string') return { end: stdio };
    const [sink, end] = stdio === 'pipe' ? Sink.ofPipe(this) : Sink.ofSocket(this);
    return { end, sink };
  }

  signal(program: RunningProgram | Process, signal: number): void {
    (program instanceof Process ? program : program.process).receive(signal);
  }

  container(path: string, options: ContainerOptions = {}): Container { return new Container(this, path, options); }

  cgroup(path: string, version: 1 | 2): MemoryCgroup {
    const slash = path.lastIndexOf('/');
    return new MemoryCgroup(version, this.files.directory(path.slice(0, slash)), path.slice(slash + 1));
  }
}
