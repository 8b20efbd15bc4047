/** A request to wshd: what is asked for besides the command, as arguments and environment of wsh. docs/reference/wsh.md */
import { check, type Check, type Checks, fullText, integer, listOf, mustBe, objectOf, text, usage } from '../../base/validate.js';
import { BOUNDS } from '../options.js';

const LIMIT_NAMES = [
  'AS', 'CORE', 'CPU', 'DATA', 'FSIZE', 'LOCKS', 'MEMLOCK', 'MSGQUEUE', 'NICE', 'NOFILE', 'NPROC', 'RSS', 'RTPRIO', 'SIGPENDING', 'STACK',
] as const;
/** Resource limits by the names of setrlimit(2), without RLIMIT_, in its units. */
export type LimitName = typeof LIMIT_NAMES[number];
export type LimitValue = number | 'unlimited' | { soft: number | 'unlimited'; hard: number | 'unlimited' };

/** What a command is given besides its arguments. All but a name as `user` needs protocol 2: docs/reference/protocol.md §6 */
export interface CommandSettings {
  /** `USER[:GROUP][,GROUP…]`: names of the container's /etc/passwd and /etc/group, or numbers (root). */
  user?: string | undefined;
  /** Variables beside HOME, USER and PATH, or in their place. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The directory in which the command begins (the user's home). */
  workdir?: string | undefined;
  /** The command's umask, 0 to 0o777 (0o022). umask(2) */
  umask?: number | undefined;
}

export interface RequestOptions extends CommandSettings {
  /** The command's LANG; without it there is none. */
  lang?: string | undefined;
  /** Resource limits other than those that docs/reference/protocol.md §1 lists. */
  limits?: Partial<Record<LimitName, LimitValue>> | undefined;
}

const VARIABLE = 'RLIMIT_';

const isLimit = (value: unknown): boolean => value === 'unlimited' || (Number.isSafeInteger(value) && (value as number) >= 0);
const limitNumber = check('a whole number from 0, or \'unlimited\'', isLimit);
const softAndHard = objectOf<Exclude<LimitValue, number | string>>({ soft: limitNumber, hard: limitNumber }, ['soft', 'hard']);

function limit(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) return limitNumber(name, value);
  softAndHard(name, value);
  const { soft, hard } = value as Exclude<LimitValue, number | string>;
  const number = (each: number | 'unlimited'): number => (each === 'unlimited' ? Infinity : each);
  if (number(soft) > number(hard)) throw usage(`${name}: the soft limit, ${soft}, is above the hard one, ${hard}`);
}

const limits = objectOf(Object.fromEntries(LIMIT_NAMES.map((name) => [name, limit])) as Record<LimitName, Check>);

function variables(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mustBe(name, 'an object of strings, such as { A: \'b\' }', value);
  }
  for (const [key, each] of Object.entries(value)) {
    if (!/^[^=\0]+$/.test(key)) throw usage(`${name}: ${JSON.stringify(key)} is no name of a variable`);
    if (each !== undefined) text(`${name}.${key}`, each);
  }
}

export const settingsChecks: Checks<CommandSettings> = { user: fullText, env: variables, workdir: fullText, umask: integer(0, 0o777) };

/** The settings among other options. */
export function settingsOf({ user, env, workdir, umask }: CommandSettings): CommandSettings { return { user, env, workdir, umask }; }

export const requestChecks: Checks<RequestOptions> = { ...settingsChecks, lang: text, limits };

const argumentList = listOf(text, (_, index) => `argument ${index} of the command`);

/** Throws USAGE unless `argv` is an array of strings. */
export function checkArgv(argv: unknown): void {
  if (!Array.isArray(argv)) throw mustBe('the command', 'an array of strings, such as [\'ls\', \'-l\']', argv);
  argumentList('the command', argv);
}

/** wsh's arguments, without its name. `more`: further options of wsh. */
export function wshArguments(
  socket: string, command: readonly string[], { user, env = {}, workdir, umask }: CommandSettings, more: readonly string[] = [],
): string[] {
  const options = [
    ...(user === undefined ? [] : ['--user', user]), ...(workdir === undefined ? [] : ['--workdir', workdir]),
    ...(umask === undefined ? [] : ['--umask', umask.toString(8)]),
    ...definedIn(env).flatMap(([name, value]) => ['--env', isOfWsh(name) ? `${name}=${value}` : name]),
  ];
  return ['--socket', socket, ...options, ...more, '--', ...command];
}

function definedIn(env: NonNullable<CommandSettings['env']>): [name: string, value: string][] {
  return Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

/** wsh itself reads these variables. */
function isOfWsh(name: string): boolean { return name.startsWith(VARIABLE); }

/** The variables that wsh's arguments name without their values, which everybody could read there. proc(5), cmdline */
export function settingsEnvironment({ env = {} }: CommandSettings): Record<string, string> {
  return Object.fromEntries(definedIn(env).filter(([name]) => !isOfWsh(name)));
}

/** wsh's environment. */
export function wshEnvironment({ lang, limits: limitValues = {}, ...settings }: RequestOptions): Record<string, string> {
  const given = Object.entries(limitValues).filter(([, value]) => value !== undefined);
  const limitEntries = given.map(([name, value]) => [`${VARIABLE}${name}`, limitText(value)]);
  return {
    ...(lang === undefined ? {} : { LANG: lang }), ...settingsEnvironment(settings),
    ...Object.fromEntries(limitEntries) as Record<string, string>,
  };
}

/** "SOFT HARD", -1 for unlimited. */
function limitText(value: LimitValue): string {
  const { soft, hard } = typeof value === 'object' ? value : { soft: value, hard: value };
  return [soft, hard].map((each) => (each === 'unlimited' ? '-1' : String(each))).join(' ');
}

/** The limits that the native wsh would take from its environment: RLIMIT_NAME="N" or "SOFT HARD". */
export function limitsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Partial<Record<LimitName, LimitValue>> {
  const found = Object.entries(environment).filter(([name]) => name.startsWith(VARIABLE));
  return Object.fromEntries(found.map(([name, given]) => {
    const match = /^\s*(-1|\d+)(?:\s+(-1|\d+))?\s*$/.exec(given ?? '');
    if (!match) throw usage(`${name} must be "N" or "SOFT HARD", whole numbers or -1 for unlimited, not ${JSON.stringify(given)}`);
    const [soft, hard] = [match[1]!, match[2] ?? match[1]!].map((word) => (word === '-1' ? 'unlimited' : Number(word)));
    return [name.slice(VARIABLE.length), { soft, hard }];
  }));
}

/** Throws USAGE for a command or a user that no request can carry. An empty `argv` is the user's login shell. */
export function checkRequest(argv: readonly string[], { user }: CommandSettings): void {
  const { commandBytes, userBytes } = BOUNDS;
  const bytes = argv.reduce((sum, argument) => sum + Buffer.byteLength(argument) + 1, 0);
  if (bytes > commandBytes.max) {
    throw usage(`the command and its arguments take ${bytes} bytes, and a request to a container holds ${commandBytes.max}; `
      + 'put them into a script, or pass them on standard input');
  }
  if (argv[0] === '') throw usage('the command is empty');
  if (user === '' || Buffer.byteLength(user ?? '') > userBytes.max) throw usage(`--user: a user has ${userBytes.min} to ${userBytes.max} bytes`);
}
