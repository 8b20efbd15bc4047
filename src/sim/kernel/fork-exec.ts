/** fork(2), the child's set-up, and execve(2). shim/sys/process.c */
import type { FileDescription } from './open-file.js';
import { DescriptorTable } from './fd-table.js';
import { EACCES, EINVAL, ENOENT, ENOEXEC, ENOTDIR, ENOTTY, EPERM, ESRCH } from './errno.js';
import { RegularFile, SealedFile } from './files.js';
import type { ProgramName } from '../../boundary/programs.js';
import { find, findWorkingDirectory, MAY_EXECUTE, MAY_READ, mayAccess } from './mounts/paths.js';
import { Pipe, PipeEnd } from './pipe.js';
import { type Executable, type Limit, type Origin, PidNamespace, Process, RLIMIT_NOFILE, type Runner } from './process.js';
import { ptyOf } from './tty/pty.js';
import { SIGKILL } from './signals.js';
import {
  EXIT_NOT_STARTED, HANGUP, READ, REPORT_BYTES, SPAWN_CONTAINER, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT,
  LOWERED, SPAWN_HOME, SPAWN_NO_GROUPS, SPAWN_SESSION, SPAWN_TERMINAL, Step,
} from '../../boundary/constants.js';

/** RLIMIT_RTTIME, the last resource. setrlimit(2) */
const RESOURCE_MAX = 15;

/** proc(5): the program that runs. */
const SELF = '/proc/self/exe';

/** The description of a process to start, collected from a module's spawn calls. */
export class SpawnDescription {
  files: readonly string[] = [];
  argv: readonly string[] = [];
  environment: readonly string[] = [];
  directory: string | undefined;
  self = false;
  readonly descriptors: { target: number; description: FileDescription }[] = [];
  readonly limits: { id: number; limit: Limit }[] = [];
  user: { uid: number; gid: number } | undefined;
  gate: FileDescription | undefined;
  /** A sealed file, whose strings the child reads. */
  block: { file: FileDescription; argumentBytes: number; environmentBytes: number } | undefined;
  /** The child has supplementary groups, which nothing here looks at. */
  hasGroups = false;
  /** Total bytes of the strings. */
  size = 0;
  /** The first error of a spawn call: an incomplete description is not started. */
  failed = 0;
}

/** The process that forks, and the module in it. */
export interface Spawner {
  readonly process: Process;
  readonly program: ProgramName;
  /** Children between fork and exec that share its memory: those of its own user. */
  starting: number;
}

/** Forks: the child, and the parent's end of the pipe that reports why the child failed. */
export function fork(parent: Process, spawner: Spawner, description: SpawnDescription, flags: number): { child: Process; report: PipeEnd } {
  const pipe = new Pipe(), report = new PipeEnd(pipe, true), theirs = new PipeEnd(pipe, false);
  report.nonblocking = theirs.nonblocking = true;
  const child = new Process(parent.machine, originOf(parent, descriptorsFor(parent, description), flags));
  child.descriptors.add(theirs);
  child.title = parent.title;
  child.argv = parent.argv;
  const inherited = flags & SPAWN_INHERIT_ENVIRONMENT ? missingIn(description.environment, parent.environment) : [];
  const environment = [...description.environment, ...inherited];
  child.runner = new Starting(child, spawner, description, { flags, environment, report: theirs });
  parent.machine.add(child);
  parent.machine.reportStarted(child);
  return { child, report };
}

/** A child closes what it is not given before it does anything else: nobody waits for ends that it holds. */
function descriptorsFor({ descriptors }: Process, { user }: SpawnDescription): DescriptorTable {
  if (user) return new DescriptorTable(descriptors.limit);
  const table = descriptors.copy();
  for (const [fd] of table) if (fd > 2) table.close(fd);
  return table;
}

function missingIn(given: readonly string[], inherited: readonly string[]): string[] {
  const names = new Set(given.map((entry) => entry.slice(0, entry.indexOf('='))));
  return inherited.filter((entry) => !names.has(entry.slice(0, entry.indexOf('='))));
}

/** The attributes that a child inherits. */
export function originOf(parent: Process, descriptors: DescriptorTable, flags = 0): Origin {
  const { mounts, root, directory } = parent.view, contained = (flags & SPAWN_CONTAINER) !== 0;
  return {
    parent, descriptors, uid: parent.uid, gid: parent.gid, session: parent.session, group: parent.group, limits: new Map(parent.limits),
    namespace: contained ? new PidNamespace(parent.namespace) : parent.namespace,
    view: contained ? copyView(parent) : { mounts, root, directory },
  };
}

/** The same directories in a new mount namespace. unshare(2), CLONE_NEWNS */
export function copyView({ view }: Process): Process['view'] {
  const { namespace, moved } = view.mounts.copy();
  return { mounts: namespace, root: moved(view.root), directory: moved(view.directory) };
}

/** 0, or the negated errno of a failed step. */
type Result = number;

/** A step between fork and exec that failed. */
interface Failure { readonly step: number; readonly result: Result }

class Starting implements Runner {
  private released: boolean;
  private done = false;
  private environment: readonly string[];

  constructor(
    private readonly process: Process, private readonly spawner: Spawner, private readonly description: SpawnDescription,
    private readonly how: Readonly<{ flags: number; environment: readonly string[]; report: PipeEnd }>,
  ) {
    if (!description.user) spawner.starting++;
    this.environment = how.environment;
    this.released = description.gate === undefined;
    how.report.hold();
    description.gate?.hold();
    description.block?.file.hold();
    for (const { description: given } of description.descriptors) given.hold();
    if (how.flags & SPAWN_DIE_WITH_PARENT) process.deathSignal = SIGKILL;
  }

  ready(): boolean { return this.released || (this.description.gate!.poll() & (READ | HANGUP)) !== 0; }
  wakesAt(): number { return Infinity; }
  // The child blocks all signals until it has reset their handlers; pending ones take their default action then.
  catches(): boolean { return true; }
  ignores(): boolean { return false; }
  ended(): void { this.dropReferences(); }

  private dropReferences(): void {
    if (this.done) return;
    this.done = true;
    if (!this.description.user) this.spawner.starting--;
    this.how.report.drop();
    this.description.gate?.drop();
    this.description.block?.file.drop();
    for (const { description } of this.description.descriptors) description.drop();
  }

  step(): void {
    const { process } = this;
    if (process.deathSignal !== 0 && process.parent !== this.spawner.process) return this.fail(Step.PARENT, -ESRCH);
    if (!this.released) {
      const got = this.description.gate!.read(new Uint8Array(1));
      if (got !== 1) return process.end(EXIT_NOT_STARTED << 8);
      this.released = true;
      return;
    }
    this.become();
  }

  private become(): void {
    const { description } = this, failure = this.setUp();
    if (failure) return this.fail(failure.step, failure.result);
    const highest = description.descriptors.reduce((most, { target }) => Math.max(most, target), 2);
    const executed = this.execute(highest + 1);
    if (executed < 0) this.fail(Step.EXECUTE, executed);
  }

  /** Gives the process the attributes of the description. Returns the first step that failed. */
  private setUp(): Failure | undefined {
    const { process, description, how: { flags } } = this, read = this.readBlock();
    if (read < 0) return { step: Step.BLOCK, result: read };
    for (const { target, description: given } of description.descriptors) process.descriptors.place(target, given);
    if (flags & SPAWN_SESSION) process.becomeSessionLeader();
    const terminal = flags & SPAWN_TERMINAL ? this.takeTerminal() : 0;
    if (terminal < 0) return { step: Step.TERMINAL, result: terminal };
    const failure = this.setLimits();
    if (failure) return failure;
    if (this.changesGroups() && process.uid !== 0) return { step: Step.GROUPS, result: -EPERM };
    if (description.user && !this.becomeUser(description.user)) return { step: Step.GROUP, result: -EPERM };
    const entered = this.enterDirectory();
    return entered < 0 ? { step: Step.DIRECTORY, result: entered } : undefined;
  }

  /** Takes arguments and variables from a sealed file of the announced size. */
  private readBlock(): Result {
    const { block } = this.description;
    if (block === undefined) return 0;
    if (!(block.file instanceof SealedFile) || block.file.bytes.length !== block.argumentBytes + block.environmentBytes) return -EINVAL;
    const parts = [block.file.bytes.subarray(0, block.argumentBytes), block.file.bytes.subarray(block.argumentBytes)];
    if (parts.some((part) => part.length > 0 && part.at(-1) !== 0)) return -EINVAL;
    const [argv, environment] = parts.map((part) => (part.length === 0 ? [] : new TextDecoder().decode(part.subarray(0, -1)).split('\0')));
    if (argv!.length > 0) this.description.argv = argv!;
    this.environment = [...environment!, ...missingIn(environment!, this.environment)];
    return 0;
  }

  private changesGroups(): boolean { return (this.how.flags & SPAWN_NO_GROUPS) !== 0 || this.description.hasGroups; }

  private enterDirectory(): Result {
    const { directory } = this.description;
    if (directory === undefined) return 0;
    const entered = enterDirectory(this.process, directory);
    return entered < 0 && (this.how.flags & SPAWN_HOME) !== 0 ? enterDirectory(this.process, '/') : entered;
  }

  private setLimits(): Failure | undefined {
    for (const { id: given, limit } of this.description.limits) {
      const id = given & ~LOWERED, hard = given === id ? undefined : this.process.limits.get(id)?.hard;
      const lower = (value: bigint): bigint => (hard !== undefined && value > hard ? hard : value);
      const lowered = { soft: lower(limit.soft), hard: lower(limit.hard) };
      const result = setLimit(this.process, id, lowered);
      if (result < 0) return { step: Step.LIMIT | id << 8, result };
    }
    return undefined;
  }

  private takeTerminal(): Result {
    const stdin = this.process.descriptors.get(0), pty = stdin && ptyOf(stdin);
    if (!pty) return -ENOTTY;
    if (this.process.session.leader !== this.process) return -EPERM;
    this.process.takeTerminal(pty);
    if (this.description.user) pty.uid = this.description.user.uid;
    return 0;
  }

  private becomeUser({ uid, gid }: { uid: number; gid: number }): boolean {
    const { process } = this;
    if (process.uid !== 0 && (process.uid !== uid || process.gid !== gid)) return false;
    process.uid = uid;
    process.gid = gid;
    return true;
  }

  private execute(first: number): Result {
    const { process, description } = this;
    if (description.self) return this.run(first, { program: this.spawner.program, argv: description.argv });
    if (description.files[0] === SELF) return this.run(first, { program: this.spawner.program, argv: description.argv });
    const found = findExecutable(process, description.files, description.argv);
    return typeof found === 'number' ? found : this.run(first, found);
  }

  private run(first: number, what: Executable): Result {
    const { process } = this;
    this.dropReferences();
    process.descriptors.execute(first);
    begin(process, what, this.environment);
    return 0;
  }

  /** Reports the failed step and its errno to the parent. */
  private fail(step: number, result: Result): void {
    const words = new DataView(new ArrayBuffer(REPORT_BYTES));
    words.setUint32(0, step, true);
    words.setUint32(4, -result, true);
    this.how.report.write(new Uint8Array(words.buffer));
    this.process.end(EXIT_NOT_STARTED << 8);
  }
}

/** Tries each file in turn, as execvp(3) does: EACCES is a more useful reason than ENOENT. */
export function findExecutable(process: Process, files: readonly string[], argv: readonly string[]): Executable | number {
  let reason = -ENOENT;
  for (const file of files) {
    const found = executableAt(process, file, argv);
    if (found === -ENOEXEC) return executableAt(process, '/bin/sh', ['/bin/sh', file, ...argv.slice(1)]);
    if (typeof found !== 'number') return found;
    if (found === -EACCES) reason = found;
    else if (found !== -ENOENT && found !== -ENOTDIR) return found;
  }
  return reason;
}

/** execve(2) */
function executableAt(process: Process, path: string, argv: readonly string[]): Executable | number {
  const place = find(process, path);
  if (typeof place === 'number') return place;
  const { node } = place;
  if (!(node instanceof RegularFile) || (node.mode & 0o111) === 0 || !mayAccess(process, node, MAY_EXECUTE)) return -EACCES;
  if (node.program) return { program: node.program, argv };
  if (node.interprets) return interpreted(process, argv);
  const shebang = /^#! *(\S+)/.exec(node.text);
  return shebang ? executableAt(process, shebang[1]!, [shebang[1]!, path, ...argv.slice(1)]) : -ENOEXEC;
}

/** "INTERPRETER -c TEXT", "INTERPRETER FILE", or "INTERPRETER", which reads its steps from stdin. */
function interpreted(process: Process, argv: readonly string[]): Executable | number {
  if (argv[1] === '-c') return { script: argv[2] ?? '', argv };
  if (argv[1] === undefined) return { script: 'interpret', argv };
  const place = find(process, argv[1]);
  if (typeof place === 'number' || !(place.node instanceof RegularFile) || !mayAccess(process, place.node, MAY_READ)) return { script: 'exit 127', argv };
  return { script: place.node.text, argv };
}

/** Replaces the process's program. */
export function begin(process: Process, what: Executable, environment: readonly string[]): void {
  process.argv = what.argv;
  process.environment = environment;
  process.program = what.program;
  const name = what.program ?? what.argv[1] ?? what.argv[0] ?? '';
  process.title = name.slice(name.lastIndexOf('/') + 1).slice(0, 15);
  process.runner = process.machine.runnerOf(process, what);
  process.machine.reportExecuted(process);
  for (const signal of process.pending) {
    process.pending.delete(signal);
    process.receive(signal);
  }
}

export function enterDirectory(process: Process, path: string): Result {
  const place = findWorkingDirectory(process, path);
  if (typeof place === 'number') return place;
  process.view.directory = place;
  return 0;
}

/** /proc/sys/fs/nr_open, as Linux sets it. */
const NR_OPEN = 1n << 20n;

/** setrlimit(2) */
export function setLimit(process: Process, id: number, limit: Limit): Result {
  if (id > RESOURCE_MAX || limit.soft > limit.hard) return -EINVAL;
  // Nobody may have more descriptors than fs.nr_open. do_prlimit(), kernel/sys.c
  if (id === RLIMIT_NOFILE && limit.hard > NR_OPEN) return -EPERM;
  const before = process.limits.get(id);
  if (before && limit.hard > before.hard && process.uid !== 0) return -EPERM;
  process.limits.set(id, limit);
  if (id === RLIMIT_NOFILE) process.descriptors.limit = limit.soft > 1n << 30n ? 1 << 30 : Number(limit.soft);
  return 0;
}
