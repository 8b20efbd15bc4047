/** What the tests of the command `warden` share. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, watch } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { ended, scratch, until } from '../support/process.js';

/** The command as users start it; where coverage is measured, as it is compiled, since nobody finds the sources in the bundle. */
const isMeasured = process.env['NODE_V8_COVERAGE'] !== undefined;
export const main = packageRoot + (isMeasured ? 'build/js/test/cli/unbundled/warden.cjs' : 'build/js/src/cli/warden.cjs');
if (isMeasured) chmodSync(main, 0o755);

export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  result: Promise<Result>;
}

/** Starts any program; its end, and what it said. */
export function start(argv: readonly string[], input: string | Buffer = '', env = process.env): Running {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { stdio: 'pipe', env });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const result = ended(child).then(({ code, signal, stdout, stderr }) => ({ code, signal, stdout: stdout.toString(), stderr }));
  return { child, result };
}

/** A depot of its own, and everything that has ever been in it. */
export class Depot {
  readonly path: string;
  readonly ids = new Set<string>();
  private readonly above = scratch();
  private readonly watcher;

  constructor(name = 'depot') {
    this.path = join(this.above.path, name);
    mkdirSync(this.path, { recursive: true });
    this.watcher = watch(this.path, (_, file) => {
      const id = /^[0-9a-v]{11}/.exec(file ?? '')?.[0];
      if (id !== undefined) this.ids.add(id);
    });
  }

  /** The command line of `warden run` with this depot. */
  command(...args: string[]): string[] { return [process.execPath, main, 'run', '--depot', this.path, ...args]; }

  start(args: readonly string[], input?: string | Buffer): Running { return start(this.command(...args), input); }

  run(args: readonly string[], input?: string | Buffer): Promise<Result> { return this.start(args, input).result; }

  get environment(): NodeJS.ProcessEnv { return { ...process.env, WARDEN_DEPOT: this.path }; }

  /** Starts any command of warden's on this depot. */
  startWarden(args: readonly string[], input?: string | Buffer): Running {
    return start([process.execPath, main, ...args], input, this.environment);
  }

  warden(...args: string[]): Promise<Result> { return this.startWarden(args).result; }

  /** What a command prints that must not fail. */
  async prints(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.warden(...args);
    if (code !== 0) throw new Error(`warden ${args.join(' ')}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  /** What is left in the depot, mounted below it, or running because of it, once what is about to end has ended. */
  async leftovers(): Promise<string[]> {
    await until(() => this.processes().length === 0, 'no process is left').catch(() => undefined);
    return [...this.files(), ...this.processes(), ...this.mounts()];
  }

  files(): string[] { return readdirSync(this.path, { recursive: true, encoding: 'utf8' }).sort(); }

  /** "PID COMMAND…" of those that name the depot or a container of it, or work in it. A zombie does neither. */
  processes(): string[] {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map((pid) => ({ pid, line: commandLine(pid), directory: currentDirectory(pid) }))
      .filter(({ line, directory }) => directory.startsWith(this.above.path) || this.isNamedIn(line))
      .map(({ pid, line }) => `${pid} ${line}`);
  }

  /** The pid of the one process whose command line has this in it. */
  processWith(text: string): number {
    const found = this.processes().filter((line) => line.includes(text));
    if (found.length !== 1) throw new Error(`${found.length} processes with "${text}": ${this.processes().join('; ')}`);
    return Number.parseInt(found[0]!);
  }

  private mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => this.isNamedIn(line));
  }

  private isNamedIn(text: string): boolean { return [this.above.path, ...this.ids].some((word) => text.includes(word)); }

  remove(): void {
    this.watcher.close();
    this.above.remove();
  }
}

interface Suite { after: ((hook: () => void) => void) & { each(hook: () => Promise<void>): void } }

/** A suite's depot: after each test nothing is left in it, or runs because of it. */
export function depotOf(all: Suite): Depot {
  const depot = new Depot();
  all.after.each(async () => assert.equal(await depot.leftovers(), []));
  all.after(() => depot.remove());
  return depot;
}

interface LongSuite { before: (hook: () => Promise<void>) => void; after: (hook: () => Promise<void>) => void }

/** A suite's depot with the container c, made with these options of `warden create`: after the suite nothing is left in it. */
export function depotWithContainer(all: LongSuite, ...options: string[]): Depot {
  const depot = new Depot();
  all.before(async () => {
    if (noContainers === undefined) await depot.prints('create', '--name', 'c', ...options);
  });
  all.after(async () => {
    if (noContainers === undefined) await depot.prints('destroy', 'c');
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
  return depot;
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function currentDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
