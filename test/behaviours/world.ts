/**
 * What a behaviour needs of the machine that it is tested on. Three make one of these: Linux with the native programs,
 * Linux with the Node host, and the simulated kernel; a case is written once and says the same of all.
 */
import type { ProgramName } from '../../src/boundary/programs.js';

export type HostName = 'native' | 'Node' | 'simulated';

/** What comes from somewhere, as it comes. */
export interface Stream {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly text: string;
  /** No more will come. */
  readonly ended: boolean;
  /** A reader that is stuck, until `resume`. */
  pause(): void;
  resume(): void;
  /** A reader that goes away. */
  close(): void;
}

export interface Writer {
  write(bytes: Uint8Array | string): void;
  /** Behind what was written. */
  end(): void;
}

/** A program that was started, its stdin a pipe. */
export interface Running {
  readonly pid: number;
  readonly stdin: Writer;
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** It has ended, and all that it wrote has come, as far as it is read. */
  readonly ended: boolean;
  /** Undefined when it was killed. */
  readonly exitCode: number | undefined;
  readonly killedBy: number | undefined;
  kill(signal: number): void;
}

/** A connection to a unix stream socket, or one that was accepted. */
export interface Connection extends Stream {
  write(bytes: Uint8Array | string): void;
  /** Says that no more will be sent, and goes on listening. */
  end(): void;
}

export interface StartOptions {
  /** The whole environment; PATH alone without it. */
  env?: Readonly<Record<string, string>>;
}

export interface Container {
  /** The path of wshd's socket. */
  readonly socket: string;
  /** A command line inside of it that runs a script (docs/internals/simulation.md). */
  script(text: string): string[];
  /** Another content for its /etc/passwd; undefined: none. Only where it was asked for users of its own. */
  passwd(text: string | undefined): void;
  /** Starts wsh with these arguments. */
  wsh(args: readonly string[], options?: StartOptions): Running;
}

export interface Cgroup {
  readonly path: string;
  /** Memory runs out, and a process is killed for it. */
  exhaust(): Promise<void>;
  remove(): void;
}

export interface World {
  readonly host: HostName;
  /** A new directory, whose path leaves room for a socket's. */
  directory(): string;
  start(program: ProgramName, args: readonly string[], options?: StartOptions): Running;
  /** A command line that runs a script on the host. */
  script(text: string): string[];
  /** One that serves; with users of its own, or whosever. */
  container(users?: boolean): Promise<Container>;
  cgroup(version: 1 | 2): Promise<Cgroup>;
  connect(path: string): Promise<Connection>;
  /** Listens, and hands over whoever connects. */
  serve(path: string, talk: (connection: Connection) => void): Promise<void>;
  write(path: string, bytes: Uint8Array | string): void;
  /** Undefined when there is none. */
  read(path: string): Uint8Array | undefined;
  list(directory: string): string[];
  remove(path: string): void;
  /** Waits; that it does not come is the case's failure. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Lets so much time pass: for what must not happen. */
  pass(milliseconds: number): Promise<void>;
  /** Waits until these programs have done all that they can do now. */
  rest(...running: readonly Running[]): Promise<void>;
}

/** What some machines have not: a case that needs it says so. A container with users of its own is 'users'. */
export type Need = 'container' | 'users' | 'cgroup v1' | 'cgroup v2';

export interface CaseOptions {
  needs?: Need;
  /** Hosts on which the case cannot hold, and why. */
  notOn?: Partial<Record<HostName, string>>;
}

export interface Case extends CaseOptions {
  name: string;
  act: (world: World) => Promise<void>;
}

/** The behaviours of one program, in the order in which they were added. */
export class Behaviours {
  readonly cases: Case[] = [];
  constructor(readonly program: ProgramName) {}

  add(name: string, act: (world: World) => Promise<void>, options: CaseOptions = {}): void { this.cases.push({ name, act, ...options }); }
}

/** What a program did until it ended. */
export interface Outcome { code: number | undefined; stdout: string; stderr: string }

/** Waits for the end of it. */
export async function outcomeOf(world: World, running: Running): Promise<Outcome> {
  running.stdin.end();
  await world.until(() => running.ended, 'the program ends');
  return { code: running.exitCode, stdout: running.stdout.text, stderr: running.stderr.text };
}

export function runToEnd(world: World, program: ProgramName, args: readonly string[], options?: StartOptions): Promise<Outcome> {
  return outcomeOf(world, world.start(program, args, options));
}
