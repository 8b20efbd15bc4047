/** A request to wshd: what is asked for besides the command, as arguments and environment of wsh. docs/reference/wsh.md */
import { type Checks, fullText, integer, listOf, mustBe, text, usage } from '../../base/validate.js';
import { BOUNDS } from '../options.js';
import { LIMIT_VARIABLE, type Limits, limitsCheck, limitText } from '../../linux/rlimits.js';

export { LIMIT_NAMES, type LimitName, type Limits, limitsFromEnvironment, type LimitValue, withLimits } from '../../linux/rlimits.js';

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
  /** Resource limits other than the container's, and those that docs/reference/protocol.md §1 lists. */
  limits?: Limits | undefined;
}

export interface RequestOptions extends CommandSettings {
  /** The command's LANG; without it there is none. */
  lang?: string | undefined;
}

function variables(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mustBe(name, 'an object of strings, such as { A: \'b\' }', value);
  }
  for (const [key, each] of Object.entries(value)) {
    if (!/^[^=\0]+$/.test(key)) throw usage(`${name}: ${JSON.stringify(key)} is no name of a variable`);
    if (each !== undefined) text(`${name}.${key}`, each);
  }
}

export const settingsChecks: Checks<CommandSettings> = {
  user: fullText, env: variables, workdir: fullText, umask: integer(0, 0o777), limits: limitsCheck,
};

/** The settings among other options. */
export function settingsOf({ user, env, workdir, umask, limits }: CommandSettings): CommandSettings {
  return { user, env, workdir, umask, limits };
}

export const requestChecks: Checks<RequestOptions> = { ...settingsChecks, lang: text };

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
function isOfWsh(name: string): boolean { return name.startsWith(LIMIT_VARIABLE); }

/**
 * The variables that wsh's arguments name without their values, which everybody could read there (proc(5), cmdline); and those by
 * which it learns of limits.
 */
export function settingsEnvironment({ env = {}, limits = {} }: CommandSettings): Record<string, string> {
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  const ofLimits = given.map(([name, value]) => [`${LIMIT_VARIABLE}${name}`, limitText(value)] as const);
  return Object.fromEntries([...definedIn(env).filter(([name]) => !isOfWsh(name)), ...ofLimits]);
}

/** wsh's environment. */
export function wshEnvironment({ lang, ...settings }: RequestOptions): Record<string, string> {
  return { ...(lang === undefined ? {} : { LANG: lang }), ...settingsEnvironment(settings) };
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
