/** Resource limits of a command: setrlimit(2). */
import { check, type Check, fieldsOf, objectOf, usage } from '../base/validate.js';

export const LIMIT_NAMES = [
  'AS', 'CORE', 'CPU', 'DATA', 'FSIZE', 'LOCKS', 'MEMLOCK', 'MSGQUEUE', 'NICE', 'NOFILE', 'NPROC', 'RSS', 'RTPRIO', 'SIGPENDING', 'STACK',
] as const;
/** Resource limits by the names of setrlimit(2), without RLIMIT_, in its units. */
export type LimitName = typeof LIMIT_NAMES[number];
export type LimitValue = number | 'unlimited' | { soft: number | 'unlimited'; hard: number | 'unlimited' };
export type Limits = Partial<Record<LimitName, LimitValue>>;

/** Of wsh's environment. docs/reference/wsh.md */
export const LIMIT_VARIABLE = 'RLIMIT_';

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
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

/** Throws USAGE unless the value is `Limits`. */
export const limitsCheck = objectOf(Object.fromEntries(LIMIT_NAMES.map((name) => [name, limit])) as Record<LimitName, Check>);

/** A container's limits count where a command has none of its own, in its options or in the environment that wsh reads. */
export function withLimits<Options extends { limits?: Limits | undefined }>(
  ofContainer: Limits | undefined, options: Options, environment: Readonly<Record<string, string | undefined>> = {},
): Options {
  const own: unknown = fieldsOf<{ limits: Limits }>(options).limits;
  // What is no object is refused when the options are checked.
  if (ofContainer === undefined || Object.keys(ofContainer).length === 0 || (own !== undefined && !isObject(own))) return options;
  const left = Object.entries(ofContainer).filter(([name]) => environment[`${LIMIT_VARIABLE}${name}`] === undefined);
  return { ...options, limits: { ...Object.fromEntries(left), ...own } };
}

/** "SOFT HARD", -1 for unlimited. */
export function limitText(value: LimitValue): string {
  const { soft, hard } = typeof value === 'object' ? value : { soft: value, hard: value };
  return [soft, hard].map((each) => (each === 'unlimited' ? '-1' : String(each))).join(' ');
}

/** The limits that the native wsh would take from its environment: RLIMIT_NAME="N" or "SOFT HARD". */
export function limitsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Limits {
  const found = Object.entries(environment).filter(([name]) => name.startsWith(LIMIT_VARIABLE));
  return Object.fromEntries(found.map(([name, given]) => {
    const match = /^\s*(-1|\d+)(?:\s+(-1|\d+))?\s*$/.exec(given ?? '');
    if (!match) throw usage(`${name} must be "N" or "SOFT HARD", whole numbers or -1 for unlimited, not ${JSON.stringify(given)}`);
    const [soft, hard] = [match[1]!, match[2] ?? match[1]!].map((word) => (word === '-1' ? 'unlimited' : Number(word)));
    return [name.slice(LIMIT_VARIABLE.length), { soft, hard }];
  }));
}
