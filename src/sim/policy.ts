/** Which paths a program may name, and for what: shim/sys/policy.c, and a test holds the two tables together. */
import type { ProgramName } from './files.js';

export type Shape = 'FIXED' | 'ARGUMENT' | 'FOUND' | 'ENDING';
/** `USE_` of shim/sys/policy.h. */
export type Use = 'READ' | 'REPLACE' | 'INSPECT' | 'RENAME' | 'RENAMED' | 'UNLINK' | 'LISTEN' | 'CONNECT' | 'FOLLOW' | 'LOCATE'
  | 'MAKE' | 'REMOVE' | 'ENTER' | 'ROOT' | 'PIVOT' | 'UNMOUNT' | 'RUN' | 'HOME';

/**
 * `FIXED`: this path; `ARGUMENT`: one of the program's arguments with this ending; `FOUND`: one of them in some directory;
 * `ENDING`: any path with this ending. Then the uses, with spaces between.
 */
export const rules: readonly (readonly [program: ProgramName, shape: Shape, path: string, uses: string])[] = [
  ['wshd', 'FIXED', '/etc/passwd', 'READ'],
  ['wshd', 'FIXED', 'run', 'INSPECT LOCATE'],
  ['wshd', 'FIXED', 'lib', 'INSPECT LOCATE'],
  ['wshd', 'FIXED', 'root', 'INSPECT LOCATE'],
  ['wshd', 'ARGUMENT', '', 'INSPECT LOCATE'],
  ['wshd', 'ENDING', '/wshd.sock', 'LISTEN UNLINK CONNECT INSPECT'],
  ['wshd', 'ENDING', '/hook-parent-before-clone.sh', 'INSPECT'],
  ['wshd', 'ENDING', '/hook-parent-after-clone.sh', 'INSPECT'],
  ['wshd', 'ENDING', '/hook-child-before-pivot.sh', 'INSPECT'],
  ['wshd', 'ENDING', '/hook-child-after-pivot.sh', 'INSPECT'],
  ['wshd', 'FIXED', 'mnt', 'INSPECT MAKE REMOVE PIVOT'],
  ['wshd', 'FIXED', '/mnt', 'REMOVE ENTER'],
  ['wshd', 'FIXED', '.', 'PIVOT UNMOUNT'],
  ['wshd', 'FIXED', '/', 'ENTER'],
  ['wshd', 'ENDING', '', 'ROOT RUN HOME'],
  ['wsh', 'FIXED', 'run/wshd.sock', 'CONNECT'],
  ['wsh', 'ARGUMENT', '', 'CONNECT'],
  ['iomux-spawn', 'ARGUMENT', '', 'INSPECT RUN'],
  ['iomux-spawn', 'FOUND', '', 'RUN'],
  ['iomux-spawn', 'ARGUMENT', '/stdout.sock', 'LISTEN UNLINK'],
  ['iomux-spawn', 'ARGUMENT', '/stderr.sock', 'LISTEN UNLINK'],
  ['iomux-spawn', 'ARGUMENT', '/status.sock', 'LISTEN UNLINK CONNECT'],
  ['iomux-link', 'ARGUMENT', '/stdout.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '/stderr.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '/status.sock', 'CONNECT'],
  ['iomux-link', 'ARGUMENT', '', 'READ RENAMED'],
  ['iomux-link', 'ARGUMENT', '.new', 'REPLACE RENAME'],
  ['oom', 'ARGUMENT', '', 'INSPECT FOLLOW'],
  ['oom', 'ARGUMENT', '/memory.oom_control', 'INSPECT READ'],
  ['oom', 'ARGUMENT', '/cgroup.event_control', 'INSPECT REPLACE'],
  ['oom', 'ARGUMENT', '/memory.events', 'INSPECT READ FOLLOW'],
];

/** Of the arguments the first is the program's own name. */
function isOfArguments(argv: readonly string[], path: string, ending: string): boolean {
  return argv.slice(1).some((argument) => path === argument + ending
    // An option with its value in one: -wFILE.
    || (argument.length > 1 && argument.startsWith('-') && path === argument.slice(2) + ending));
}

type Allowed = (readonly [shape: Shape, text: string])[];

/** By program and use. */
const allowed = new Map<ProgramName, Map<Use, Allowed>>();
for (const [program, shape, text, uses] of rules) {
  const byUse: Map<Use, Allowed> = allowed.get(program) ?? new Map();
  allowed.set(program, byUse);
  for (const use of uses.split(' ') as Use[]) byUse.set(use, [...byUse.get(use) ?? [], [shape, text]]);
}

export function isAllowed(program: ProgramName, argv: readonly string[], path: string, use: Use): boolean {
  return (allowed.get(program)?.get(use) ?? []).some(([shape, text]) => {
    if (shape === 'FIXED') return path === text;
    if (shape === 'FOUND') return argv.slice(1).some((argument) => path.endsWith(`/${argument}`));
    return shape === 'ARGUMENT' ? isOfArguments(argv, path, text) : path.endsWith(text);
  });
}
