/** Options that several commands have, and the parsers of their values. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type Bind, BOUNDS, DEFAULT_DEPOT, type Device, LIMIT_NAMES, type LimitName, type Limits, type Tmpfs, USER_NAMESPACES, type UserNamespace,
} from '../../index.js';

const UNIT_BYTES = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Parses a number of bytes: 64M, 1.5G; K, M and G are powers of 1,024. */
export function size(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text);
  const bytes = match ? Number(match[1]) * UNIT_BYTES[match[2]!.toUpperCase() as keyof typeof UNIT_BYTES] : 0;
  if (!(bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER)) throw new InvalidArgumentError('A size is a number of bytes, optionally with K, M or G: 64M.');
  return Math.round(bytes);
}

/** Parses a duration into milliseconds: 10, 1.5 and 10s are seconds; 300ms, 5m, 2h, 1d. Throws below `leastMs`. */
function duration(text: string, leastMs = 1): number {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhd]?)$/.exec(text);
  const ms = match ? Math.ceil(Number(match[1]) * UNIT_MS[(match[2] || 's') as keyof typeof UNIT_MS]) : NaN;
  if (ms >= leastMs && ms <= BOUNDS.timeoutMs.max) return ms;
  throw new InvalidArgumentError('A duration is a number of seconds, or has the unit ms, s, m, h or d, and is at most 24d.');
}

/** Parses a duration that may be 0. */
export function durationOrZero(text: string): number { return duration(text, 0); }

/** Throws for an empty name, which would mean the current directory. */
function directory(text: string): string {
  if (text === '') throw new InvalidArgumentError('A directory has a name; "." is the current one.');
  return text;
}

/** A parser of whole numbers within bounds, both included. */
export function integer({ min, max }: { readonly min: number; readonly max: number }): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(number >= min && number <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return number;
  };
}

/** Parses SOURCE:TARGET[:ro], and adds it to those of earlier options. */
function bind(text: string, before: readonly Bind[] | undefined): readonly Bind[] {
  const match = /^([^:]+):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('A bind is SOURCE:TARGET or SOURCE:TARGET:ro; TARGET is absolute, and neither contains a colon.');
  return [...(before ?? []), { source: resolve(match[1]!), target: match[2]!, readOnly: match[3] === 'ro' }];
}

/** Parses a number of processors: 2, 1.5. */
function processors(text: string): number {
  const { min, max } = BOUNDS.cpus, number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) throw new InvalidArgumentError(`It must be a number of processors from ${min} to ${max}: 1.5.`);
  return number;
}

/** Parses a limit of processes; -1 is none, as for podman. */
function processes(text: string): number { return text === '-1' ? Infinity : integer(BOUNDS.pidsLimit)(text); }

/** Parses TARGET[:size=SIZE,mode=MODE], and adds it to those of earlier options. */
function tmpfs(text: string, before: readonly Tmpfs[] | undefined): readonly Tmpfs[] {
  const match = /^(\/[^:]*)(?::(.*))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('It is TARGET or TARGET:size=64M,mode=1777; TARGET is absolute.');
  const settings = (match[2] ?? '').split(',').filter((setting) => setting !== '').map((setting): Omit<Tmpfs, 'target'> => {
    const [, name, value = ''] = /^(size|mode)=(.+)$/.exec(setting) ?? [];
    if (name === 'size') return { bytes: size(value) };
    if (name === 'mode' && /^[0-7]{1,4}$/.test(value)) return { mode: parseInt(value, 8) };
    throw new InvalidArgumentError(`"${setting}" is neither size=SIZE nor mode=MODE (octal).`);
  });
  return [...(before ?? []), Object.assign({ target: match[1]! }, ...settings) as Tmpfs];
}

/** Parses SOURCE[:TARGET][:rwm], and adds it to those of earlier options. */
function device(text: string, before: readonly Device[] | undefined): readonly Device[] {
  const match = /^(\/[^:]*)(?::(\/[^:]*))?(?::([rwm]{1,3}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('A device is /dev/NAME, /dev/NAME:/dev/OTHER or /dev/NAME:rw; both paths are absolute.');
  const [, source, target, access] = match;
  return [...(before ?? []), { source: source!, ...(target === undefined ? {} : { target }), ...(access === undefined ? {} : { access }) }];
}

/** Parses NAME=VALUE, and adds it to those of earlier options. */
function assignment(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is NAME=VALUE: net.ipv4.ip_forward=1.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Parses NAME[,NAME…], and adds them to those of earlier options. */
export function names(text: string, before: readonly string[] = []): readonly string[] { return [...before, ...text.split(',')]; }

export function depot(): Option {
  return new Option('--depot <dir>', 'the directory of the containers\' directories').env('WARDEN_DEPOT').default(DEFAULT_DEPOT).argParser(directory);
}

export function json(): Option { return new Option('--json', 'print JSON'); }

/** What a command is given besides its arguments. */
export interface Settings {
  user?: string;
  env?: readonly string[];
  envFile?: readonly string[];
  workdir?: string;
  umask?: number;
  ulimit?: Limits;
}

function several(text: string, before: readonly string[] = []): readonly string[] { return [...before, text]; }

function octal(text: string): number {
  if (/^[0-7]{1,4}$/.test(text) && parseInt(text, 8) <= 0o777) return parseInt(text, 8);
  throw new InvalidArgumentError('A umask is octal digits, at most 777: 027.');
}

export function commandSettings(command: Command): Command {
  return command
    .addOption(new Option('-u, --user <user>', 'who runs the command: USER[:GROUP][,GROUP...], names of the container or numbers (default: root)'))
    .addOption(new Option('-e, --env <name>', 'a variable for the command: NAME=VALUE, or NAME with the value here; can be repeated').argParser(several))
    .addOption(new Option('--env-file <file>', 'a file of such variables, one a line; # begins a comment; can be repeated').argParser(several))
    .addOption(new Option('-w, --workdir <dir>', 'where the command begins (default: the user\'s home)').argParser(directory))
    .addOption(new Option('--umask <mode>', 'its umask, in octal digits (default: 022)').argParser(octal));
}

/** Parses NAME=SOFT[:HARD], as podman has it, and adds it to those of earlier options. */
function limit(text: string, before: Limits = {}): Limits {
  const match = /^(\w+)=(-1|unlimited|\d+)(?::(-1|unlimited|\d+))?$/.exec(text), name = match?.[1]!.toUpperCase() as LimitName;
  if (!match) throw new InvalidArgumentError('It is NAME=SOFT or NAME=SOFT:HARD: nofile=1024:4096; -1 is unlimited.');
  if (!LIMIT_NAMES.includes(name)) throw new InvalidArgumentError(`The names are ${LIMIT_NAMES.join(', ').toLowerCase()}.`);
  const [soft, hard] = [match[2]!, match[3] ?? match[2]!].map((word) => (/^\d/.test(word) ? Number(word) : 'unlimited'));
  return { ...before, [name]: { soft, hard } };
}

export function ulimit(): Option {
  return new Option('--ulimit <name=soft>', 'a resource limit of commands: nofile=1024; append :HARD; -1 is unlimited; can be repeated').argParser(limit);
}

export function timeout(): Option {
  return new Option('--timeout <duration>', 'kill the command after this time: seconds, or 300ms, 5m, 2h, 1d').argParser((text) => duration(text));
}

/** What a command gets as its terminal and its input, and what becomes of its end. */
export interface Streams {
  signalStatus?: boolean;
  tty?: boolean;
  /** false with -n. */
  interactive?: boolean;
}

export function streams(command: Command): Command {
  return command
    .option('--signal-status', 'exit with 128 + N when signal N killed the command (default: 255)')
    .option('-t, --tty', 'a terminal for the command (default: if standard input and output are terminals)')
    .option('-T, --no-tty', 'no terminal for the command')
    .option('-i, --interactive', 'pass standard input on to the command (default)')
    .option('-n, --no-interactive', 'give the command no input');
}

/** The options of a container that is to be made. */
export interface ContainerSettings {
  depot: string;
  root?: string;
  name?: string;
  hostname?: string;
  memory?: number;
  cpuShares?: number;
  cpus?: number;
  pidsLimit?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  blkioWeight?: number;
  device?: readonly Device[];
  sysctl?: Readonly<Record<string, string>>;
  rootSize?: number;
  shmSize?: number;
  tmpfs?: readonly Tmpfs[];
  readOnly?: boolean;
  hidepid?: boolean;
  capAdd?: readonly string[];
  capDrop?: readonly string[];
  seccomp?: string;
  privileged?: boolean;
  userns?: UserNamespace;
  network?: string;
  bind?: readonly Bind[];
  ulimit?: Limits;
  /** false with --no-etc. */
  etc?: boolean;
}

export function containerSettings(command: Command): Command {
  return command
    .addOption(new Option('--root <dir>', 'the container\'s root file system (default: a small one with the host\'s /usr)').argParser(directory))
    .option('--name <name>', 'the container\'s id: letters, digits, ".", "_", "-" (default: 11 characters, made from the time)')
    .option('--hostname <name>', 'its host name (default: its id)')
    .addOption(new Option('-m, --memory <size>', 'limit of memory, including swap: 64M, 1.5G').argParser(size))
    .addOption(new Option('--cpu-shares <shares>', 'weight of its processor time; others have 1024').argParser(integer(BOUNDS.cpuShares)))
    .addOption(new Option('--cpus <number>', 'limit of processor time, in processors: 1.5').argParser(processors))
    .addOption(new Option('--pids-limit <count>', 'processes and threads at once; -1 for no limit (default: 2048)').argParser(processes))
    .option('--cpuset-cpus <list>', 'processors on which it runs: 0-2,5')
    .option('--cpuset-mems <list>', 'nodes of memory that it uses: 0-1')
    .addOption(new Option('--blkio-weight <weight>', 'weight of reading and writing block devices, 10 to 1000').argParser(integer(BOUNDS.blkioWeight)))
    .addOption(new Option('--device <source>', 'a device of the host; append :TARGET, then :r, :w, :m or more of them (rwm); can be repeated').argParser(device))
    .addOption(new Option('--sysctl <name=value>', 'a kernel parameter of its namespaces: net.ipv4.ip_forward=1; can be repeated').argParser(assignment))
    .addOption(new Option('--root-size <size>', 'size of the root in memory (default: 1G, at most three quarters of --memory)').argParser(size))
    .addOption(new Option('--shm-size <size>', 'size of /dev/shm (default: 64M, at most half of --memory)').argParser(size))
    .addOption(new Option('--tmpfs <target>', 'a file system in memory at TARGET; append :size=64M,mode=1777; can be repeated').argParser(tmpfs))
    .option('--read-only', 'make the root read-only')
    .option('--hidepid', 'hide the processes of other users from users other than root')
    .addOption(new Option('--cap-add <name>', 'a capability that its processes can have besides the usual 14; ALL; can be repeated').argParser(names))
    .addOption(new Option('--cap-drop <name>', 'a capability that they cannot have; ALL; can be repeated').argParser(names))
    .option('--seccomp <file>', 'a seccomp profile in place of the default one; "unconfined" for none')
    .option('--privileged', 'all capabilities, calls, devices and set-user-id programs, nothing masked: root in it is root of the host')
    .addOption(new Option('--userns <mode>', 'whose ids it has: its own where they can be had (auto), the host\'s (host), its own or none (required)').choices(USER_NAMESPACES))
    .option('--network <network>', 'none: loopback alone; host: the host\'s; or the path of a network namespace (default: none)')
    .addOption(new Option('-v, --bind <source:target>', 'make a directory, file or socket of the host visible in it; append :ro for read-only; can be repeated').argParser(bind))
    .option('--no-etc', 'with --root: leave its /etc/hostname, /etc/hosts and /etc/resolv.conf as they are')
    .addOption(depot());
}
