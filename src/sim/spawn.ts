/** Between fork and exec: a described process on its way to what it shall be. shim/sys/process.c */
import type { Description } from './description.js';
import type { DescriptorTable } from './descriptors.js';
import { EACCES, EINVAL, ENOENT, ENOEXEC, ENOTDIR, ENOTTY, EPERM, ESRCH } from './errno.js';
import { Directory, type ProgramName, RegularFile } from './files.js';
import { Guest } from './guest.js';
import { type DirectoryPlace, lookUp } from './mounts.js';
import { Pipe, PipeEnd } from './pipe.js';
import { type Limit, type Origin, PidNamespace, Process, RLIMIT_NOFILE, type Runner } from './process.js';
import { ptyOf } from './pty.js';
import { ScriptRunner } from './interpreter.js';
import { SIGKILL } from './signals.js';
import {
  EXIT_NOT_STARTED, HANGUP, READ, REPORT_BYTES, SPAWN_CONTAINER, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT,
  SPAWN_NO_GROUPS, SPAWN_SESSION, SPAWN_TERMINAL, Step,
} from '../vocabulary.js';

/** RLIMIT_RTTIME, the last resource. setrlimit(2) */
const RESOURCE_MAX = 15;

/** A process as a module describes it, field by field. */
export class SpawnDescription {
  files: readonly string[] = [];
  argv: readonly string[] = [];
  environment: readonly string[] = [];
  directory: string | undefined;
  self = false;
  readonly descriptors: { target: number; description: Description }[] = [];
  readonly limits: { id: number; limit: Limit }[] = [];
  user: { uid: number; gid: number } | undefined;
  gate: Description | undefined;
  /** Bytes of all strings. */
  size = 0;
  /** The first error of describing it: what lacks a part is not started. */
  failed = 0;
}

/** Forks: the child, and the end of its report that the parent reads. */
export function fork(parent: Process, guest: Guest, description: SpawnDescription, flags: number): { child: Process; report: PipeEnd } {
  const pipe = new Pipe(), report = new PipeEnd(pipe, true), theirs = new PipeEnd(pipe, false);
  report.nonblocking = theirs.nonblocking = true;
  const child = new Process(parent.kernel, originOf(parent, parent.descriptors.copy(), flags));
  child.descriptors.add(theirs);
  child.title = parent.title;
  child.argv = parent.argv;
  const inherited = flags & SPAWN_INHERIT_ENVIRONMENT ? missingIn(description.environment, parent.environment) : [];
  const environment = [...description.environment, ...inherited];
  child.runner = new Starting(child, guest, description, flags, environment, theirs);
  parent.kernel.add(child);
  parent.kernel.tellStarted(child);
  return { child, report };
}

function missingIn(given: readonly string[], inherited: readonly string[]): string[] {
  const names = new Set(given.map((entry) => entry.slice(0, entry.indexOf('='))));
  return inherited.filter((entry) => !names.has(entry.slice(0, entry.indexOf('='))));
}

/** What a child has of its parent's. */
export function originOf(parent: Process, descriptors: DescriptorTable, flags = 0): Origin {
  const { mounts, root, directory } = parent.view, contained = (flags & SPAWN_CONTAINER) !== 0;
  return {
    parent, descriptors, uid: parent.uid, gid: parent.gid, session: parent.session, group: parent.group, limits: new Map(parent.limits),
    namespace: contained ? new PidNamespace(parent.namespace) : parent.namespace,
    view: contained ? copyView(parent) : { mounts, root, directory },
  };
}

/** The same directories in a mount namespace of its own. */
export function copyView({ view }: Process): Process['view'] {
  const { namespace, moved } = view.mounts.copy();
  return { mounts: namespace, root: moved(view.root), directory: moved(view.directory) };
}

/** Why a step fails: a negated errno; 0 when it does not. */
type Result = number;

class Starting implements Runner {
  private released: boolean;
  private done = false;

  constructor(private readonly process: Process, private readonly guest: Guest, private readonly description: SpawnDescription,
    private readonly flags: number, private readonly environment: readonly string[], private readonly report: PipeEnd) {
    guest.starting++;
    this.released = description.gate === undefined;
    report.hold();
    description.gate?.hold();
    for (const { description: given } of description.descriptors) given.hold();
    if (flags & SPAWN_DIE_WITH_PARENT) process.deathSignal = SIGKILL;
  }

  ready(): boolean { return this.released || (this.description.gate!.poll() & (READ | HANGUP)) !== 0; }
  wakesAt(): number { return Infinity; }
  // All signals are blocked until their handlers are the default; what came is undergone then.
  catches(): boolean { return true; }
  ignores(): boolean { return false; }
  ended(): void { this.letGo(); }

  private letGo(): void {
    if (this.done) return;
    this.done = true;
    this.guest.starting--;
    this.report.drop();
    this.description.gate?.drop();
    for (const { description } of this.description.descriptors) description.drop();
  }

  step(): void {
    const { process } = this;
    if (process.deathSignal !== 0 && process.parent !== this.guest.process) return this.fail(Step.PARENT, -ESRCH);
    if (!this.released) {
      const got = this.description.gate!.read(new Uint8Array(1));
      if (got !== 1) return process.end(EXIT_NOT_STARTED << 8);
      this.released = true;
      return;
    }
    this.become();
  }

  private become(): void {
    const { process, description, flags } = this;
    for (const { target, description: given } of description.descriptors) process.descriptors.place(target, given);
    if (flags & SPAWN_SESSION) process.becomeSessionLeader();
    if (flags & SPAWN_TERMINAL) {
      const result = this.takeTerminal();
      if (result < 0) return this.fail(Step.TERMINAL, result);
    }
    for (const { id, limit } of description.limits) {
      const result = setLimit(process, id, limit);
      if (result < 0) return this.fail(Step.LIMIT | id << 8, result);
    }
    if (flags & SPAWN_NO_GROUPS && process.uid !== 0) return this.fail(Step.GROUPS, -EPERM);
    if (description.user && !this.becomeUser(description.user)) return this.fail(Step.GROUP, -EPERM);
    const entered = description.directory === undefined ? 0 : enterDirectory(process, description.directory);
    if (entered < 0) return this.fail(Step.DIRECTORY, entered);
    const highest = description.descriptors.reduce((most, { target }) => Math.max(most, target), 2);
    const executed = this.execute(highest + 1);
    if (executed < 0) this.fail(Step.EXECUTE, executed);
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
    if (description.self) return this.run(first, { program: this.guest.program, argv: description.argv });
    const found = findExecutable(process, description.files, description.argv);
    return typeof found === 'number' ? found : this.run(first, found);
  }

  private run(first: number, what: Executable): Result {
    const { process } = this;
    this.letGo();
    process.descriptors.execute(first);
    begin(process, what, this.environment);
    return 0;
  }

  /** The step that failed, and why, for the parent. */
  private fail(step: number, result: Result): void {
    const words = new DataView(new ArrayBuffer(REPORT_BYTES));
    words.setUint32(0, step, true);
    words.setUint32(4, -result, true);
    this.report.write(new Uint8Array(words.buffer));
    this.process.end(EXIT_NOT_STARTED << 8);
  }
}

/** What a process executes: a module, or a script's text. */
export type Executable = { argv: readonly string[] } & ({ program: ProgramName; script?: never } | { script: string; program?: never });

/** Tries each file in turn, as execvp(3) does: "may not be run" is a better reason than "is not there". */
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
  const place = lookUp(process.view, path);
  if (typeof place === 'number') return place;
  const { node } = place;
  if (!(node instanceof RegularFile) || (node.mode & 0o111) === 0) return -EACCES;
  if (node.program) return { program: node.program, argv };
  if (node.interprets) return interpreted(process, argv);
  const shebang = /^#! *(\S+)/.exec(node.text);
  return shebang ? executableAt(process, shebang[1]!, [shebang[1]!, path, ...argv.slice(1)]) : -ENOEXEC;
}

/** "INTERPRETER -c TEXT", "INTERPRETER FILE", or, without either, what stdin says. */
function interpreted(process: Process, argv: readonly string[]): Executable | number {
  if (argv[1] === '-c') return { script: argv[2] ?? '', argv };
  if (argv[1] === undefined) return { script: 'interpret', argv };
  const place = lookUp(process.view, argv[1]);
  if (typeof place === 'number' || !(place.node instanceof RegularFile)) return { script: 'exit 127', argv };
  return { script: place.node.text, argv };
}

/** The process is what it executes from now on. */
export function begin(process: Process, what: Executable, environment: readonly string[]): void {
  process.argv = what.argv;
  process.environment = environment;
  process.program = what.program;
  const name = what.program ?? what.argv[1] ?? what.argv[0] ?? '';
  process.title = name.slice(name.lastIndexOf('/') + 1).slice(0, 15);
  if (what.program) process.runner = new Guest(process, what.program, what.argv, environment);
  else process.runner = new ScriptRunner(process, what.script, what.argv);
  process.kernel.tellExecuted(process);
  for (const signal of process.pending) {
    process.pending.delete(signal);
    process.receive(signal);
  }
}

export function enterDirectory(process: Process, path: string): Result {
  const place = lookUp(process.view, path);
  if (typeof place === 'number') return place;
  if (!(place.node instanceof Directory)) return -ENOTDIR;
  process.view.directory = place as DirectoryPlace;
  return 0;
}

/** setrlimit(2) */
export function setLimit(process: Process, id: number, limit: Limit): Result {
  if (id > RESOURCE_MAX || limit.soft > limit.hard) return -EINVAL;
  const before = process.limits.get(id);
  if (before && limit.hard > before.hard && process.uid !== 0) return -EPERM;
  process.limits.set(id, limit);
  if (id === RLIMIT_NOFILE) process.descriptors.limit = limit.soft > 1n << 30n ? 1 << 30 : Number(limit.soft);
  return 0;
}
