/**
 * The types of a scenario: the containers at first, then acts in order, as data. A seed generates one (generate.ts); tests and the
 * exhaustive run write theirs by hand; stage.ts plays all of them.
 */

/** A command that runs in a container, and its expected behaviour. docs/internals/simulation.md describes the script language. */
export interface Command {
  /** Steps of a script, which gets a file of its own; or the arguments themselves: none for a login shell. */
  run: { script: readonly string[] } | { argv: readonly string[] };
  /** Options of wsh. */
  options: readonly string[];
  /** Bytes of pattern that it writes to stdout and stderr before it ends, unless something prevents it. */
  stdout: number;
  stderr: number;
  /** The number of bytes at the beginning of stdout that are zeros instead. */
  zeros?: number;
  /** The number of bytes that a child may write after the command's end. */
  later: number;
  /** Its stdout repeats its stdin: the output is the beginning of the input's pattern. */
  echoes: boolean;
  /** Exit code, or -N for signal N; undefined for a command that runs until it is ended. */
  ends: number | undefined;
}

/** How a program's output is read: as it comes; after everything else is done; or not at all, closed after this many bytes. */
export type Reader = 'eager' | 'late' | { goneAfter: number };

/** A container's hooks by name ("parent-before-clone" and so on), as scripts. */
export interface ContainerPlan {
  hooks: Readonly<Record<string, string>>;
  /** One of the hooks fails, so the container must not start. */
  refuses?: boolean;
  /** Whether its root has a directory mnt; by default it has one. */
  mnt?: boolean;
  /** Options of its wshd. */
  options?: readonly string[];
  /** Descriptors that its wshd may have open. */
  descriptorsMax?: number;
  /** Whether its socket lacks the sign of protocol 2, as that of a wshd which knows version 1 alone. */
  unmarked?: boolean;
  /** Whether its wshd gives up what commands are not to have, before it serves. */
  confined?: boolean;
}

export interface CommandPlan {
  do: 'wsh';
  container: number;
  command: Command;
  /** Bytes of pattern (descriptor 0) on wsh's stdin, and whether an end of file follows; undefined for /dev/null. */
  stdin?: { bytes: number; ends: boolean };
  /** wsh runs at a terminal with this many rows instead. */
  terminal?: number;
  /** --tty requests a terminal with this many rows, although stdin is none. */
  asksFor?: number;
  /** Typed at the terminal, each piece when the one before it has been read. */
  keys?: readonly string[];
  stdout: Reader;
  stderr: Reader;
  /** All three streams are sockets instead of pipes: splice() into them fails. */
  sockets?: boolean;
}

export interface JobPlan {
  do: 'job';
  container: number;
  command: Command;
  /** Options of iomux-spawn. */
  options: readonly string[];
  /** RLIMIT_NOFILE of iomux-spawn. */
  descriptorsMax?: number;
}

export interface LinkPlan {
  do: 'link';
  job: number;
  /** Links with the same number share a cursor file; undefined for none. */
  cursor: number | undefined;
  stdout: Reader;
  stderr: Reader;
  /** Both streams are sockets, as for a wsh. */
  sockets?: boolean;
}

export type SecondVersion = 'given' | 'surplus' | 'tardy' | 'signal';

/** A client of wshd that is not wsh. */
export interface RudePlan {
  do: 'rude';
  container: number;
  /**
   * What it sends: this many bytes of a valid request, or a request that is invalid in this way. Of protocol 2, a request with a
   * descriptor for the command (`given`), with one that it does not announce (`surplus`), with one that comes too late (`tardy`), or
   * with a signal behind it that is none (`signal`).
   */
  sends: 'part' | 'garbage' | 'long' | 'version' | 'tty' | 'arguments' | 'limits' | 'limit' | 'user' | SecondVersion;
  bytes: number;
  /** Whether it closes afterwards, or waits for an answer. */
  closes: boolean;
}

/** A client of one of iomux-spawn's sockets that is not iomux-link. */
export interface IntruderPlan {
  do: 'intruder';
  job: number;
  socket: 'stdout' | 'stderr' | 'status';
  /** It disconnects at once, sends bytes that the protocol does not have, or reads nothing until the end. */
  manner: 'touches' | 'chatters' | 'stares';
  /** The number of connections by the same stranger; one by default. */
  count?: number;
}

/** A memory cgroup and the oom that watches it. */
export interface OomPlan {
  do: 'oom';
  version: 1 | 2;
  /** Number of OOM kills; `removed`: whether the group is removed then. */
  kills: number;
  removed: boolean;
  /** oom --follow: it continues after each event. */
  follows?: boolean;
}

/** A program that ends at once because of its command line or environment: --help, or an invalid one. */
export interface MiscallPlan { do: 'miscall'; argv: readonly string[]; environment?: readonly string[]; ends: number }

/** A monitor with a container of its own, as conmon. docs/reference/monitor.md */
export interface MonitorPlan {
  do: 'monitor';
  /** Steps of the container's init, and its expected output and end. */
  command: Command;
  /** Options in addition to those that every monitor gets. */
  options: readonly string[];
  /** Steps of the runtime after the container's start; by default it exits with 0. */
  runtime?: readonly string[];
  /** The runtime fails, so there is no container. */
  refuses?: boolean;
  /** No exit command. */
  bare?: boolean;
  /** The number of the caller's descriptors that the container inherits. */
  preserves?: number;
  /** Its control group says that a process was killed for want of memory. */
  outOfMemory?: boolean;
  /** It is told to go on by a start pipe, as podman does. */
  startPipe?: boolean;
}

/** A client of a monitor's attach socket. */
export interface AttachPlan {
  do: 'attach';
  monitor: number;
  /** Bytes of pattern (descriptor 0) that it sends. */
  sends: number;
  /** It reads packets as they come; at the end; or it disconnects without reading. */
  reads: 'eager' | 'late' | 'never';
  /** It ends its input after the last byte. */
  closes: boolean;
}

/** Text written to one of a monitor's FIFOs, or a message of its container for a service manager. */
export interface ControlPlan { do: 'control'; monitor: number; fifo: 'ctl' | 'winsz' | 'notify'; text: string }

/**
 * A signal to a program that was started before, by its index among those of its kind; or to the next process that the wshd of the
 * container `index` starts, before that process executes anything.
 */
export interface SignalPlan {
  do: 'signal';
  to: 'wshd' | 'wsh' | 'job' | 'jobs-wsh' | 'command' | 'link' | 'oom' | 'monitor' | 'next-start';
  index: number;
  signal: number;
}

export interface ResizePlan { do: 'resize'; wsh: number; rows: number }

export type Act = CommandPlan | JobPlan | LinkPlan | RudePlan | IntruderPlan | OomPlan | MiscallPlan | SignalPlan | ResizePlan
  | MonitorPlan | AttachPlan | ControlPlan;

/** Whether the command gets a terminal: its streams do not carry the pattern then. */
export function hasTerminal({ terminal, asksFor }: CommandPlan): boolean { return terminal !== undefined || asksFor !== undefined; }

/** An act, and the number of steps between the previous act and this one; fewer when nothing else can happen. */
export interface Timed {
  after: number;
  act: Act;
  /** Not before the command has written this many bytes to its stdout; commands are numbered in the order of their acts. */
  until?: { command: number; written: number };
}

/** The rates of a scenario's faults: probabilities a call, and the largest number of faults. */
export interface FaultRates {
  errno: number;
  kill: number;
  stall: number;
  jump: number;
  most: number;
}

export const NO_FAULTS: FaultRates = { errno: 0, kill: 0, stall: 0, jump: 0, most: 0 };

export interface Scenario {
  seed: number;
  /** Partial reads and writes, and interruptions: docs/internals/simulation.md. */
  habits: { shorten: number; interrupt: number };
  containers: readonly ContainerPlan[];
  acts: readonly Timed[];
  faults: FaultRates;
}
