/** Which paths a program may name at all: shim/sys/policy.c, and a test holds the two tables together. */
import type { ProgramName } from './files.js';

export type Shape = 'FIXED' | 'ARGUMENT' | 'ENDING';

/** `FIXED`: this path; `ARGUMENT`: one of the program's arguments with this ending; `ENDING`: any path with this ending. */
export const rules: readonly (readonly [program: ProgramName, shape: Shape, path: string])[] = [
  ['wshd', 'FIXED', '/etc/passwd'],
  ['wshd', 'FIXED', 'run'],
  ['wshd', 'FIXED', 'lib'],
  ['wshd', 'FIXED', 'root'],
  ['wshd', 'FIXED', 'mnt'],
  ['wshd', 'ARGUMENT', ''],
  ['wshd', 'ENDING', '/wshd.sock'],
  ['wshd', 'ENDING', '/hook-parent-before-clone.sh'],
  ['wshd', 'ENDING', '/hook-parent-after-clone.sh'],
  ['wshd', 'ENDING', '/hook-child-before-pivot.sh'],
  ['wshd', 'ENDING', '/hook-child-after-pivot.sh'],
  ['wsh', 'FIXED', 'run/wshd.sock'],
  ['wsh', 'ARGUMENT', ''],
  ['iomux-spawn', 'ARGUMENT', ''],
  ['iomux-spawn', 'ARGUMENT', '/stdout.sock'],
  ['iomux-spawn', 'ARGUMENT', '/stderr.sock'],
  ['iomux-spawn', 'ARGUMENT', '/status.sock'],
  ['iomux-link', 'ARGUMENT', '/stdout.sock'],
  ['iomux-link', 'ARGUMENT', '/stderr.sock'],
  ['iomux-link', 'ARGUMENT', '/status.sock'],
  ['iomux-link', 'ARGUMENT', ''],
  ['iomux-link', 'ARGUMENT', '.new'],
  ['oom', 'ARGUMENT', ''],
  ['oom', 'ARGUMENT', '/memory.oom_control'],
  ['oom', 'ARGUMENT', '/cgroup.event_control'],
  ['oom', 'ARGUMENT', '/memory.events'],
];

function isOfArguments(argv: readonly string[], path: string, ending: string): boolean {
  return argv.some((argument) => path === argument + ending
    // An option with its value in one: -wFILE.
    || (argument.length > 1 && argument.startsWith('-') && path === argument.slice(2) + ending));
}

export function isAllowed(program: ProgramName, argv: readonly string[], path: string): boolean {
  return rules.some(([owner, shape, text]) => {
    if (owner !== program) return false;
    if (shape === 'FIXED') return path === text;
    // As in C: a path that is empty ends with nothing.
    return shape === 'ARGUMENT' ? isOfArguments(argv, path, text) : path.endsWith(text);
  });
}
