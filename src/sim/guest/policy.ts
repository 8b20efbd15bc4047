/** Which paths a program may name, and for which use: shim/sys/policy.c. A test compares the two tables. */
import type { ProgramName } from '../../boundary/programs.js';

export type Shape = 'FIXED' | 'ARGUMENT' | 'VALUE' | 'NUMBERED' | 'OPTION' | 'NAMED' | 'INSIDE' | 'FOUND' | 'BEHIND' | 'VARIABLE' | 'DEPOT'
  | 'ENDING';
/** `USE_` of shim/sys/policy.h. */
export type Use = 'READ' | 'REPLACE' | 'INSPECT' | 'RENAME' | 'RENAMED' | 'UNLINK' | 'LISTEN' | 'CONNECT' | 'FOLLOW' | 'LOCATE'
  | 'MAKE' | 'REMOVE' | 'ENTER' | 'ROOT' | 'PIVOT' | 'UNMOUNT' | 'RUN' | 'HOME' | 'APPEND' | 'BOTH' | 'FIFO' | 'LINK' | 'STARTING';

/**
 * `FIXED`: this path; `ARGUMENT`: one of the program's arguments with this ending; `VALUE`: the same, or what
 * stands behind a '=' or ':' in one; `NUMBERED`: such a value, '.', one to four digits; `NAMED`: this path, then such a value;
 * `INSIDE`: such a value,
 * '/', and another with this ending; `FOUND`: an argument in some directory; `BEHIND`: the argument
 * behind this one, before any "--"; `VARIABLE`: the value of this environment
 * variable; `DEPOT`: a container of the depot that an argument names, and this ending;
 * `ENDING`: any path with this ending. Then the uses, with spaces between; `STARTING`: until the program serves.
 */
export const rules: readonly (readonly [program: ProgramName, shape: Shape, path: string, uses: string])[] = [
  ['wshd', 'FIXED', '/etc/passwd', 'READ'],
  ['wshd', 'FIXED', '/etc/group', 'READ'],
  ['wshd', 'FIXED', 'run', 'INSPECT LOCATE STARTING'],
  ['wshd', 'FIXED', 'lib', 'INSPECT LOCATE STARTING'],
  ['wshd', 'FIXED', 'root', 'INSPECT LOCATE STARTING'],
  ['wshd', 'ARGUMENT', '', 'INSPECT LOCATE STARTING'],
  ['wshd', 'ENDING', '/wshd.sock', 'LISTEN UNLINK CONNECT INSPECT STARTING'],
  ['wshd', 'ENDING', '/hook-parent-before-clone.sh', 'INSPECT STARTING'],
  ['wshd', 'ENDING', '/hook-parent-after-clone.sh', 'INSPECT STARTING'],
  ['wshd', 'ENDING', '/hook-child-before-pivot.sh', 'INSPECT STARTING'],
  ['wshd', 'ENDING', '/hook-child-after-pivot.sh', 'INSPECT STARTING'],
  ['wshd', 'FIXED', 'mnt', 'INSPECT MAKE REMOVE PIVOT STARTING'],
  ['wshd', 'FIXED', '/mnt', 'REMOVE ENTER STARTING'],
  ['wshd', 'FIXED', '.', 'PIVOT UNMOUNT STARTING'],
  ['wshd', 'FIXED', '/', 'ENTER STARTING'],
  ['wshd', 'ENDING', '', 'ROOT STARTING'],
  ['wshd', 'ENDING', '', 'RUN HOME'],
  ['wshd', 'FIXED', '/proc/self/oom_score_adj', 'REPLACE STARTING'],
  ['wshd', 'ARGUMENT', '', 'READ STARTING'],
  ['warden-runtime', 'ENDING', '', 'READ REPLACE INSPECT LOCATE MAKE REMOVE'],
  ['warden-runtime', 'ENDING', '', 'RENAME RENAMED RUN HOME CONNECT ENTER'],
  ['warden-runtime', 'FIXED', '.', 'PIVOT UNMOUNT'],
  ['wsh', 'FIXED', 'run/wshd.sock', 'CONNECT INSPECT'],
  ['wsh', 'BEHIND', '--socket', 'CONNECT INSPECT'],
  ['wsh', 'DEPOT', '/run/wshd.sock', 'CONNECT INSPECT'],
  ['wsh', 'VARIABLE', 'WSH_SOCKET=', 'CONNECT INSPECT'],
  ['iomux-spawn', 'ARGUMENT', '', 'INSPECT RUN'],
  ['iomux-spawn', 'FOUND', '', 'RUN'],
  ['iomux-spawn', 'ARGUMENT', '/stdout.sock', 'LISTEN UNLINK'],
  ['iomux-spawn', 'ARGUMENT', '/stderr.sock', 'LISTEN UNLINK'],
  ['iomux-spawn', 'ARGUMENT', '/status.sock', 'LISTEN UNLINK CONNECT'],
  ['iomux-spawn', 'OPTION', '', 'APPEND RENAME RENAMED'],
  ['iomux-spawn', 'OPTION', '.new', 'REPLACE RENAME'],
  ['iomux-spawn', 'OPTION', '.#', 'RENAME RENAMED'],
  ['iomux-spawn', 'OPTION', '.##', 'RENAME RENAMED'],
  ['iomux-spawn', 'OPTION', '.###', 'RENAME RENAMED'],
  ['iomux-spawn', 'OPTION', '.####', 'RENAME RENAMED'],
  ['iomux-link', 'ARGUMENT', '/stdout.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '/stderr.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '/status.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '', 'READ RENAMED'],
  ['iomux-link', 'ARGUMENT', '.new', 'REPLACE RENAME'],
  ['monitor', 'FIXED', '/proc/self/exe', 'RUN'],
  ['monitor', 'FIXED', '/proc/self/oom_score_adj', 'REPLACE'],
  ['monitor', 'FIXED', '/dev/null', 'BOTH'],
  ['monitor', 'FIXED', '/run/systemd/journal/socket', 'CONNECT'],
  ['monitor', 'FIXED', '/proc/self/fd/0', 'READ'],
  ['monitor', 'FIXED', '/proc/self/fd/1', 'READ'],
  ['monitor', 'FIXED', '/proc/self/fd/2', 'READ'],
  ['monitor', 'ENDING', '/cgroup', 'READ'],
  ['monitor', 'ENDING', '/memory.oom_control', 'READ'],
  ['monitor', 'ENDING', '/memory.events', 'READ'],
  ['monitor', 'FIXED', './attach', 'LISTEN UNLINK'],
  ['monitor', 'FIXED', './ctl', 'FIFO BOTH UNLINK'],
  ['monitor', 'FIXED', './winsz', 'FIFO BOTH UNLINK'],
  ['monitor', 'FIXED', './oom', 'REPLACE'],
  ['monitor', 'NAMED', './pidfile-', 'READ'],
  ['monitor', 'ENDING', '.conmon-term', 'LISTEN UNLINK'],
  ['monitor', 'VALUE', '', 'INSPECT READ RUN APPEND RENAME RENAMED'],
  ['monitor', 'VALUE', '.new', 'REPLACE RENAME'],
  ['monitor', 'NUMBERED', '', 'RENAME RENAMED'],
  ['monitor', 'VALUE', '/attach', 'LISTEN UNLINK'],
  ['monitor', 'VALUE', '/ctl', 'FIFO BOTH UNLINK'],
  ['monitor', 'VALUE', '/winsz', 'FIFO BOTH UNLINK'],
  ['monitor', 'VALUE', '/oom', 'REPLACE'],
  ['monitor', 'VALUE', '', 'CONNECT'],
  ['monitor', 'VALUE', '/notify/notify.sock', 'LISTEN UNLINK'],
  ['monitor', 'FIXED', './notify/notify.sock', 'LISTEN UNLINK'],
  ['monitor', 'VALUE', '/exit', 'RENAMED'],
  ['monitor', 'VALUE', '/exit.new', 'REPLACE RENAME'],
  ['monitor', 'INSIDE', '', 'RENAMED LINK UNLINK'],
  ['monitor', 'INSIDE', '.new', 'REPLACE RENAME'],
  ['oom', 'ARGUMENT', '', 'INSPECT FOLLOW'],
  ['oom', 'ARGUMENT', '/memory.oom_control', 'INSPECT READ'],
  ['oom', 'ARGUMENT', '/cgroup.event_control', 'INSPECT REPLACE'],
  ['oom', 'ARGUMENT', '/memory.events', 'INSPECT READ FOLLOW'],
];

/** True if the program is a runtime, which may change its own process. */
export function isRuntime(program: ProgramName): boolean { return program === 'warden-runtime'; }

/** The first argument is the program's own name, and does not count. */
function isOfArguments(argv: readonly string[], path: string, ending: string): boolean {
  return argv.slice(1).some((argument) => path === argument + ending
    // An option and its value in one argument: -wFILE.
    || (argument.length > 2 && argument.startsWith('-') && path === argument.slice(2) + ending));
}

/** Every value in the arguments: the whole argument, the text after an option's letter, after each '=' and ':'. */
function valuesIn(argv: readonly string[]): string[] {
  return argv.slice(1).flatMap((argument) => {
    const whole = /^-[^-]/.test(argument) ? argument.slice(2) : argument;
    return [whole, ...[...whole.matchAll(/[=:]/g)].map(({ index }) => whole.slice(index + 1))];
  }).filter((value) => value !== '');
}

/** The values of the options before the first operand. */
function optionValues(argv: readonly string[]): string[] {
  const values: string[] = [];
  for (let at = 1; at < argv.length && argv[at]!.startsWith('-') && argv[at] !== '--'; at++) {
    const separator = argv[at]!.search(/[=:]/), value = separator < 0 ? argv[++at] : argv[at]!.slice(separator + 1);
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** Before any "--", which ends a program's own options. */
function isBehind(argv: readonly string[], path: string, option: string): boolean {
  const end = argv.indexOf('--', 1), own = end < 0 ? argv : argv.slice(0, end);
  return own.some((argument, index) => index > 0 && argument === option && argv[index + 1] === path);
}

/** Whether the rest of a path is an ending, in which # stands for any digit. */
function endsAs(rest: string, ending: string): boolean {
  return rest.length === ending.length && rest.replace(/\d/g, '#') === ending.replace(/\d/g, '#');
}

function isOfValues(values: readonly string[], path: string, ending: string): boolean {
  return values.some((value) => path === value + ending);
}

function isInside(argv: readonly string[], path: string, ending: string): boolean {
  const values = valuesIn(argv);
  return values.some((value) => path.startsWith(`${value}/`) && isOfValues(values, path.slice(value.length + 1), ending));
}

const DEPOT_VARIABLE = 'WARDEN_DEPOT=';

/** True if HOST or USER@HOST among the arguments names the container. */
function isInDepot({ argv, environment }: Named, path: string, ending: string): boolean {
  const depot = environment.findLast((entry) => entry.startsWith(DEPOT_VARIABLE))?.slice(DEPOT_VARIABLE.length) ?? '/run/warden';
  const hosts = argv.slice(1).map((argument) => argument.slice(argument.lastIndexOf('@') + 1));
  return hosts.some((host) => host !== '' && !host.includes('/') && !host.startsWith('.') && path === `${depot}/${host}${ending}`);
}

/** The strings that a process was started with. */
interface Named { readonly argv: readonly string[]; readonly environment: readonly string[] }

type Allowed = (readonly [shape: Shape, text: string, whileStarting: boolean])[];

/** Rules by program and use. */
const allowed = new Map<ProgramName, Map<Use, Allowed>>();
for (const [program, shape, text, uses] of rules) {
  const byUse: Map<Use, Allowed> = allowed.get(program) ?? new Map<Use, Allowed>();
  allowed.set(program, byUse);
  const named = uses.split(' ') as Use[], whileStarting = named.includes('STARTING');
  for (const use of named) byUse.set(use, [...byUse.get(use) ?? [], [shape, text, whileStarting]]);
}

/** An older log file: its name and a number. */
const NUMBER = /\.\d{1,4}$/;

/** Whether a path is one of a rule's, by the rule's shape. */
const MATCHES: Readonly<Record<Shape, (process: Named, path: string, text: string) => boolean>> = {
  FIXED: (_process, path, text) => path === text,
  VARIABLE: ({ environment }, path, text) => environment.includes(text + path),
  BEHIND: ({ argv }, path, text) => isBehind(argv, path, text),
  FOUND: ({ argv }, path) => argv.slice(1).some((argument) => path.endsWith(`/${argument}`)),
  VALUE: ({ argv }, path, text) => isOfValues(valuesIn(argv), path, text),
  NUMBERED: ({ argv }, path, text) => NUMBER.test(path) && isOfValues(valuesIn(argv), path.replace(NUMBER, ''), text),
  OPTION: ({ argv }, path, text) => optionValues(argv).some((value) => path.startsWith(value) && endsAs(path.slice(value.length), text)),
  NAMED: ({ argv }, path, text) => path.startsWith(text) && isOfValues(valuesIn(argv), path.slice(text.length), ''),
  INSIDE: ({ argv }, path, text) => isInside(argv, path, text),
  DEPOT: isInDepot,
  ARGUMENT: ({ argv }, path, text) => isOfArguments(argv, path, text),
  ENDING: (_process, path, text) => path.endsWith(text),
};

/** `serves`: the program has closed what it was started with. */
export function isAllowed(program: ProgramName, process: Named, path: string, use: Use, serves: boolean): boolean {
  return (allowed.get(program)?.get(use) ?? []).some(([shape, text, whileStarting]) => (
    !(whileStarting && serves) && MATCHES[shape](process, path, text)));
}
