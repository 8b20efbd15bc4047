/**
 * What a scenario is made of, as data: what stands there at first, and what is done to it, in order. A seed makes one
 * (generate.ts), a test or the exhaustive run writes one down; stage.ts plays them all.
 */

/** A command that runs in a container, and what is known about it beforehand. docs/simulation.md has the language. */
export interface Command {
  /** Steps of a script, which gets a file of its own; or the arguments themselves, which may be none: a login shell. */
  run: { script: readonly string[] } | { argv: readonly string[] };
  /** Options of wsh. */
  options: readonly string[];
  /** Bytes of pattern on stdout and stderr before it ends, if nobody keeps it from writing them. */
  stdout: number;
  stderr: number;
  /** So many bytes of stdout, its first, are zeros instead. */
  zeros?: number;
  /** More of them, that a child it leaves behind may write after its end. */
  later: number;
  /** Its stdout repeats its stdin: what comes is the input's pattern, as much as there is of it. */
  echoes: boolean;
  /** Exit code, or -N for signal N; undefined: it runs until somebody ends it. */
  ends: number | undefined;
}

/** Who reads a program's output: as it comes; not before everybody else is done; not at all, gone after so many bytes. */
export type Reader = 'eager' | 'late' | { goneAfter: number };

/** Hooks by name, as scripts; "parent-before-clone" and so on. */
export interface ContainerPlan {
  hooks: Readonly<Record<string, string>>;
  /** One of the hooks fails: it is not to start. */
  refuses?: boolean;
  /** Whether its root has a directory mnt; it has, unless said otherwise. */
  mnt?: boolean;
  /** Descriptors that its wshd may have open. */
  descriptorsMax?: number;
}

export interface CommandPlan {
  do: 'wsh';
  container: number;
  command: Command;
  /** Bytes of pattern (descriptor 0) on wsh's stdin, and whether it ends behind them; undefined: /dev/null. */
  stdin?: { bytes: number; ends: boolean };
  /** At a terminal of so many rows instead. */
  terminal?: number;
  /** A terminal of so many rows asked for, by --tty, although stdin is none. */
  asksFor?: number;
  /** Typed there, a piece when what came before has been read. */
  keys?: readonly string[];
  stdout: Reader;
  stderr: Reader;
  /** All three are sockets instead of pipes: nothing can be spliced into them. */
  sockets?: boolean;
}

export interface JobPlan {
  do: 'job';
  container: number;
  command: Command;
  /** Options of iomux-spawn. */
  options: readonly string[];
  /** Descriptors that iomux-spawn may have open. */
  descriptorsMax?: number;
}

export interface LinkPlan {
  do: 'link';
  job: number;
  /** Links with the same number share a cursor file; undefined: none. */
  cursor: number | undefined;
  stdout: Reader;
  stderr: Reader;
  /** Both are sockets, as of a wsh. */
  sockets?: boolean;
}

/** A client of wshd that is no wsh. */
export interface RudePlan {
  do: 'rude';
  container: number;
  /** What it sends: so many bytes of a good request, or one that is bad in this way. */
  sends: 'part' | 'garbage' | 'long' | 'version' | 'tty' | 'arguments' | 'limits' | 'limit' | 'user';
  bytes: number;
  /** Then it closes, or waits to be answered. */
  closes: boolean;
}

/** A client of one of iomux-spawn's sockets that is no iomux-link. */
export interface IntruderPlan {
  do: 'intruder';
  job: number;
  socket: 'stdout' | 'stderr' | 'status';
  /** It goes away at once, says something nobody wants, or never reads what it gets until the end. */
  manner: 'touches' | 'chatters' | 'stares';
  /** So many connections of the same stranger's; one, unless said otherwise. */
  count?: number;
}

/** A memory cgroup and its oom. */
export interface OomPlan {
  do: 'oom';
  version: 1 | 2;
  /** What becomes of the group: so many kills, then removed or not. */
  kills: number;
  removed: boolean;
  /** It goes on after each: oom --follow. */
  follows?: boolean;
}

/** A program that its command line, or its environment, ends at once: help, or what makes no sense. */
export interface MiscallPlan { do: 'miscall'; argv: readonly string[]; environment?: readonly string[]; ends: number }

/** A signal to a program that was started before, by its place among those of its kind. */
export interface SignalPlan {
  do: 'signal';
  to: 'wshd' | 'wsh' | 'job' | 'jobs-wsh' | 'command' | 'link' | 'oom';
  index: number;
  signal: number;
}

export interface ResizePlan { do: 'resize'; wsh: number; rows: number }

export type Act = CommandPlan | JobPlan | LinkPlan | RudePlan | IntruderPlan | OomPlan | MiscallPlan | SignalPlan | ResizePlan;

/** Whether the command gets a terminal: its streams are no pattern then. */
export function hasTerminal({ terminal, asksFor }: CommandPlan): boolean { return terminal !== undefined || asksFor !== undefined; }

/** An act, so many steps of the world after the one before it; sooner when nothing else happens any more. */
export interface Timed {
  after: number;
  act: Act;
  /** Not before the command has written so many bytes to its stdout; commands are numbered in the order of their acts. */
  until?: { command: number; written: number };
}

/** How often the seed lets something go wrong at a call: probabilities, and how many of them at most. */
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
  /** Partial reads and writes, and interruptions: docs/simulation.md. */
  habits: { shorten: number; interrupt: number };
  containers: readonly ContainerPlan[];
  acts: readonly Timed[];
  faults: FaultRates;
}
