/** What can be fuzzed: each target's program, and what its input is. host/targets.c runs them. */

export interface Target {
  name: string;
  /** The module that is compiled in. */
  program: string;
  about: string;
  /** Longest input. */
  bytes: number;
  /** What an input must spell to get further, for the fuzzer to put in. */
  words?: readonly string[];
}

const OPTIONS = ['--', '--help\0', '-h\0'];

export const targets: readonly Target[] = [
  { name: 'request', program: 'codec', bytes: 256, about: 'wsh\'s request, decoded' },
  { name: 'message', program: 'codec', bytes: 9500, about: 'any message, field by field, as warden wire decode reads it; texts for one' },
  { name: 'wshd', program: 'wshd', bytes: 4096, about: 'wshd\'s clients, commands and kernel while it serves' },
  { name: 'passwd', program: 'wshd', bytes: 9000, about: 'the container\'s /etc/passwd',
    words: ['root:x:0:0::/root:/bin/sh\n', 'root:', ':', '4294967295', '\n'] },
  { name: 'wshd-child', program: 'wshd', bytes: 6000, about: 'wshd as the container\'s first process, until it serves, and on' },
  { name: 'wshd-parent', program: 'wshd', bytes: 2048, about: 'wshd on the host: command line, hooks, kernel',
    words: [...OPTIONS, '--run\0', '--lib\0', '--root\0', '--title\0'] },
  { name: 'response', program: 'wsh', bytes: 2048, about: 'wshd\'s response and its descriptors; relays, status, signals',
    words: ['--tty\0', '24x80\0', '--raise\0', '--user\0', 'true\0'] },
  { name: 'rsh', program: 'wsh', bytes: 9500, about: 'wsh\'s command line, --rsh among it',
    words: [...OPTIONS, '--rsh\0', '--tty\0', '24x80\0', '65536x1\0', '--raise\0', '--user\0', '--socket\0', '-l\0', '-t\0', '-4\0', '-n\0'] },
  { name: 'limits', program: 'wsh', bytes: 2048, about: 'RLIMIT_* and LANG in wsh\'s environment',
    words: ['RLIMIT_NOFILE=', 'RLIMIT_CPU=', 'LANG=', '-1', ' ', '\t', '18446744073709551615', '18446744073709551616'] },
  { name: 'link', program: 'iomux-link', bytes: 2048, about: 'a job\'s streams and status',
    words: [...OPTIONS, '-w', 'job\0'] },
  { name: 'cursor', program: 'iomux-link', bytes: 1024, about: 'the cursor file, then the streams that it is compared with' },
  { name: 'spawn', program: 'iomux-spawn', bytes: 6000, about: 'iomux-spawn\'s clients, its command\'s output and end',
    words: [...OPTIONS, '--ring\0', '64M\0', '4096\0', '--slow\0', 'wait\0', 'drop\0', '--linger\0', '86400\0'] },
  { name: 'oom', program: 'oom', bytes: 1024, about: 'a memory cgroup\'s files and events',
    words: [...OPTIONS, '--follow\0', 'oom_kill ', 'oom_kill 3\n', 'oom_kill 4\n'] },
];

export function findTarget(name: string): Target | undefined { return targets.find((target) => target.name === name); }
