/** What can be fuzzed: each target's program, and what its input is. host/targets.c runs them. */

import { containerTargets } from './container-targets.js';

export interface Target {
  name: string;
  /** The module that is compiled in. */
  program: string;
  about: string;
  /** Longest input. */
  bytes: number;
  /** What an input must spell to get further, for the fuzzer to put in. */
  words?: readonly string[];
  /** It begins with JSON, which is changed by its grammar. */
  json?: true;
  /** The kept inputs need not reach every branch of its module. */
  uncounted?: true;
}

const OPTIONS = ['--', '--help\0', '-h\0'];

export const targets: readonly Target[] = [
  { name: 'request', program: 'codec', bytes: 256, about: 'wsh\'s request, decoded' },
  { name: 'message', program: 'codec', bytes: 14_000, about: 'any message, field by field, as warden wire decode reads it; texts for one' },
  { name: 'wshd', program: 'wshd', bytes: 4096, about: 'wshd\'s clients, commands and kernel while it serves' },
  { name: 'passwd', program: 'wshd', bytes: 9000, about: 'the container\'s /etc/passwd',
    words: ['root:x:0:0::/root:/bin/sh\n', 'root:', ':', '4294967295', '\n'] },
  { name: 'wshd-child', program: 'wshd', bytes: 6000, about: 'wshd as the container\'s first process, until it serves, and on',
    words: ['BPFs\0\0\0\0\x06\0\0\0\0\0\xff\x7f'] },
  { name: 'wshd-parent', program: 'wshd', bytes: 2048, about: 'wshd on the host: command line, hooks, kernel',
    words: [...OPTIONS, '--run\0', '--lib\0', '--root\0', '--title\0', '--no-new-privs\0', '--confine\0', '--capabilities\0', 'chown,kill\0', 'none\0', '--filter\0'] },
  { name: 'response', program: 'wsh', bytes: 2048, about: 'wshd\'s response and its descriptors; relays, status, signals',
    words: ['--ssh\0', '-tt\0', '-n\0', 'h\0', '-T\0', '--tty\0', '24x80\0', '--raise\0', '--user\0', 'true\0'] },
  { name: 'rsh', program: 'wsh', bytes: 9500, about: 'wsh\'s command line, --rsh and --ssh among it',
    words: [...OPTIONS, '--ssh\0', '-tt\0', '-T\0', '-i\0', '-s\0', 'sftp\0', '-G\0', '-V\0', '-oUser=u\0', '-o\0',
      'requesttty=', 'force\0', 'yes\0', 'no\0', 'stdinnull ', 'u@h\0', '/warden-ssh\0', 'WSH_SOCKET=', 'WARDEN_DEPOT=', '--rsh\0', '--tty\0', '24x80\0', '65536x1\0', '--raise\0', '--user\0', '--socket\0', '-l\0', '-t\0', '-4\0', '-n\0'] },
  { name: 'limits', program: 'wsh', bytes: 2048, about: 'RLIMIT_* and LANG in wsh\'s environment',
    words: ['RLIMIT_NOFILE=', 'RLIMIT_CPU=', 'LANG=', '-1', ' ', '\t', '18446744073709551615', '18446744073709551616'] },
  { name: 'link', program: 'iomux-link', bytes: 2048, about: 'a job\'s streams and status',
    words: [...OPTIONS, '-w', 'job\0'] },
  { name: 'cursor', program: 'iomux-link', bytes: 1024, about: 'the cursor file, then the streams that it is compared with' },
  { name: 'spawn', program: 'iomux-spawn', bytes: 6000, about: 'iomux-spawn\'s clients, its command\'s output and end',
    words: [...OPTIONS, '--ring\0', '64M\0', '4096\0', '--slow\0', 'wait\0', 'drop\0', '--slow-reader\0', 'block\0', 'disconnect\0', '--linger\0', '86400\0', '5ms\0', '5s\0', '5m\0', '5h\0',
      '--log\0', '--log-size-max\0', '--log-max-files\0', '--exit-file\0', '600\0'] },
  { name: 'oom', program: 'oom', bytes: 1024, about: 'a memory cgroup\'s files and events',
    words: [...OPTIONS, '--follow\0', 'oom_kill ', 'oom_kill 3\n', 'oom_kill 4\n'] },
  ...containerTargets,
];

export function findTarget(name: string): Target | undefined { return targets.find((target) => target.name === name); }
