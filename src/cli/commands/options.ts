/** Options that several commands have, and what their values may be. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Bind } from '../../container/root.js';

const UNIT_BYTES = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** What a timer takes: 24 days. */
const DURATION_MAX_MS = 2 ** 31 - 1;
export const SHARES_MIN = 2;
export const SHARES_MAX = 262_144;

/** Bytes: 64M, 1.5G; K, M and G are powers of 1,024. */
export function size(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?$/i.exec(text);
  const bytes = match ? Number(match[1]) * UNIT_BYTES[match[2]!.toUpperCase() as keyof typeof UNIT_BYTES] : 0;
  if (!(bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER)) throw new InvalidArgumentError('A size is a number of bytes, or has K, M or G behind it: 64M.');
  return Math.round(bytes);
}

/** Milliseconds: 10, 1.5, 10s are seconds; 300ms, 5m, 2h, 1d. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhd]?)$/.exec(text);
  const ms = match ? Math.ceil(Number(match[1]) * UNIT_MS[(match[2] || 's') as keyof typeof UNIT_MS]) : 0;
  if (!(ms >= 1 && ms <= DURATION_MAX_MS)) throw new InvalidArgumentError('A duration is a number of seconds, or has ms, s, m, h or d behind it, and is at most 24d.');
  return ms;
}

/** An empty name would mean the current directory. */
function directory(text: string): string {
  if (text === '') throw new InvalidArgumentError('A directory has a name; "." is the current one.');
  return text;
}

/** A parser of whole numbers within bounds, both among them. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(number >= least && number <= most)) throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    return number;
  };
}

/** SOURCE:TARGET[:ro]; may be given several times. */
function bind(text: string, before: readonly Bind[] | undefined): readonly Bind[] {
  const match = /^([^:]+):(\/[^:]*)(?::(ro|rw))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('A bind is SOURCE:TARGET or SOURCE:TARGET:ro, TARGET is absolute, and neither has a colon.');
  return [...(before ?? []), { source: resolve(match[1]!), target: match[2]!, readOnly: match[3] === 'ro' }];
}

export function depot(): Option {
  return new Option('--depot <dir>', 'where the containers\' directories are').env('WARDEN_DEPOT').default('/run/warden').argParser(directory);
}

export function json(): Option { return new Option('--json', 'print JSON'); }

export function user(): Option { return new Option('--user <name>', 'who runs the command, from the container\'s /etc/passwd (default: root)'); }

export function timeout(): Option {
  return new Option('--timeout <duration>', 'kill the command after so many seconds, or 300ms, 5m, 2h, 1d').argParser(duration);
}

/** What a container is made of. */
export interface ContainerSettings {
  depot: string;
  root?: string;
  name?: string;
  hostname?: string;
  memory?: number;
  cpu?: number;
  bind?: readonly Bind[];
}

export function containerSettings(command: Command): Command {
  return command
    .addOption(new Option('--root <dir>', 'the container\'s root file system (default: a small one with the host\'s /usr)').argParser(directory))
    .option('--name <name>', 'the container\'s id: letters, digits, ".", "_", "-" (default: 11 characters, made of the time)')
    .option('--hostname <name>', 'its host name (default: its id)')
    .addOption(new Option('--memory <size>', 'limit of memory, swap included: 64M, 1.5G').argParser(size))
    .addOption(new Option('--cpu <shares>', 'weight of its processor time against others\', who have 1024').argParser(integer(SHARES_MIN, SHARES_MAX)))
    .addOption(new Option('--bind <source:target>', 'a directory of the host\'s in it; read-only with :ro behind; several times').argParser(bind))
    .addOption(depot());
}
