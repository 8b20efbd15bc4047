/** What can be fuzzed: each target's program, and what its input is. host/targets.c runs them. */

export interface Target {
  name: string;
  /** The module that is compiled in. */
  program: string;
  about: string;
  /** Longest input. */
  bytes: number;
}

export const targets: readonly Target[] = [
  { name: 'request', program: 'codec', bytes: 256, about: 'wsh\'s request, decoded' },
  { name: 'wshd', program: 'wshd', bytes: 2048, about: 'wshd\'s clients, commands and kernel while it serves' },
  { name: 'passwd', program: 'wshd', bytes: 9000, about: 'the container\'s /etc/passwd' },
  { name: 'wshd-child', program: 'wshd', bytes: 2048, about: 'wshd as the container\'s first process, until it serves, and on' },
  { name: 'wshd-parent', program: 'wshd', bytes: 1024, about: 'wshd on the host: command line, hooks, kernel' },
  { name: 'response', program: 'wsh', bytes: 2048, about: 'wshd\'s response and its descriptors; relays, status, signals' },
  { name: 'rsh', program: 'wsh', bytes: 9500, about: 'wsh\'s command line, --rsh among it' },
  { name: 'limits', program: 'wsh', bytes: 2048, about: 'RLIMIT_* and LANG in wsh\'s environment' },
  { name: 'link', program: 'iomux-link', bytes: 2048, about: 'a job\'s streams and status' },
  { name: 'cursor', program: 'iomux-link', bytes: 1024, about: 'the cursor file, then the streams that it is compared with' },
  { name: 'spawn', program: 'iomux-spawn', bytes: 2048, about: 'iomux-spawn\'s clients, its command\'s output and end' },
  { name: 'oom', program: 'oom', bytes: 1024, about: 'a memory cgroup\'s files and events' },
];

export function findTarget(name: string): Target | undefined { return targets.find((target) => target.name === name); }
