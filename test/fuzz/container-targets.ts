/** The targets of what podman and containerd start: warden-runtime and the monitor. host/containers.c runs them. */
const HELP = ['--help\0', '-h\0', '--version\0'];

/** Members and words that documents of the OCI runtime specification spell. */
const MEMBERS = [
  'ociVersion', 'process', 'args', 'env', 'cwd', 'user', 'uid', 'gid', 'umask', 'additionalGids', 'terminal', 'consoleSize', 'height', 'width',
  'capabilities', 'bounding', 'effective', 'permitted', 'inheritable', 'ambient', 'rlimits', 'type', 'soft', 'hard', 'noNewPrivileges',
  'oomScoreAdj', 'apparmorProfile', 'selinuxLabel', 'scheduler', 'policy', 'nice', 'priority', 'flags', 'ioPriority', 'class', 'root', 'path',
  'readonly', 'hostname', 'domainname', 'mounts', 'destination', 'source', 'options', 'hooks', 'prestart', 'createRuntime',
  'createContainer', 'startContainer', 'poststart', 'poststop', 'timeout', 'annotations', 'linux', 'namespaces', 'uidMappings',
  'gidMappings', 'containerID', 'hostID', 'size', 'devices', 'fileMode', 'major', 'minor', 'cgroupsPath', 'maskedPaths', 'readonlyPaths',
  'rootfsPropagation', 'sysctl', 'personality', 'domain', 'timeOffsets', 'secs', 'nanosecs', 'resources', 'memory', 'limit', 'swap',
  'reservation', 'swappiness', 'disableOOMKiller', 'checkBeforeUpdate', 'cpu', 'shares', 'quota', 'period', 'burst', 'idle', 'cpus', 'mems',
  'realtimePeriod', 'realtimeRuntime', 'pids', 'blockIO', 'weight', 'leafWeight', 'weightDevice', 'throttleReadBpsDevice', 'rate',
  'hugepageLimits', 'pageSize', 'network', 'classID', 'priorities', 'name', 'rdma', 'hcaHandles', 'hcaObjects', 'unified', 'allow', 'access',
  'intelRdt', 'memoryPolicy', 'netDevices', 'seccomp', 'execCPUAffinity',
].map((name) => `"${name}":`);
const VALUES = [
  '"1.0.2"', '"1.2.0"', '"mount"', '"pid"', '"network"', '"user"', '"cgroup"', '"time"', '"bind"', '"rbind"', '"tmpfs"', '"proc"', '"sysfs"', '"mqueue"',
  '"devpts"', '"tmpcopyup"', '"rro"', '"rprivate"', '"rshared"', '"mode=755"', '"size=64k"', '"CAP_CHOWN"', '"CAP_NONE"', '"RLIMIT_NOFILE"',
  '"SCHED_FIFO"', '"SCHED_DEADLINE"', '"IOPRIO_CLASS_RT"', '"LINUX32"', '"private"', '"rwm"', '"c"', '"b"', '"p"', '"monotonic"', '"boottime"',
  '"net.core.somaxconn"', '"slice:prefix:name"', '"memory.max"', '"../x"', '\\u0000', '\\ud83d\\ude00', '{"ociVersion":"1.0.2","process":{"args":["/a"],"cwd":"/"},"root":{"path":"r"}',
];
const SECCOMP = [
  'defaultAction', 'defaultErrnoRet', 'architectures', 'archMap', 'subArchitectures', 'flags', 'syscalls', 'names', 'name', 'action', 'errnoRet',
  'args', 'index', 'value', 'valueTwo', 'op', 'listenerPath',
].map((name) => `"${name}":`);
const SECCOMP_VALUES = [
  ...['ALLOW', 'ERRNO', 'KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'TRACE', 'LOG', 'NOTIFY'].map((name) => `"SCMP_ACT_${name}"`),
  ...['EQ', 'NE', 'LT', 'LE', 'GT', 'GE', 'MASKED_EQ'].map((name) => `"SCMP_CMP_${name}"`),
  ...['X86_64', 'X86', 'X32', 'AARCH64', 'ARM'].map((name) => `"SCMP_ARCH_${name}"`),
  '"SECCOMP_FILTER_FLAG_LOG"', '"SECCOMP_FILTER_FLAG_TSYNC"', '"read"', '"clone"', '"personality"', '"socketcall"', '"ipc"', '"socket"',
];

const RUNTIME_OPTIONS = [
  ...HELP, ...['create', 'run', 'start', 'state', 'kill', 'delete', 'exec', 'list', 'ps', 'pause', 'resume', 'update', 'events', 'features', 'spec',
    'checkpoint', 'help', '--root', '--log', '--log-format', '--log-format=json', '--systemd-cgroup', '--systemd-cgroup=false', '--cgroup-manager',
    'cgroupfs', 'disabled', '--debug', '--criu', '--rootless=true', '--log-level', '--bundle', '-b', '--pid-file', '--console-socket',
    '--preserve-fds', '29', '--no-pivot', '--no-new-keyring', '--no-subreaper', '--detach', '-d', '--keep', '--process', '-p', '--tty', '-t', '--cwd',
    '/', '--user', '-u', '1:2', '--env', '-e', 'A=b', '--all', '-a', '--force', '-f', '--format', 'json', '--quiet', '-q', '--resources', '-r', '-',
    '--stats', '--interval', '5s', '500ms', '--memory', '64m', '--memory-swap=-1', '--cpu-quota', '--cpuset-cpus', '0-1', '--pids-limit', '--blkio-weight',
    '--kernel-memory', 'one', 'KILL', 'SIGTERM', 'RTMIN+3', '9'].map((word) => `${word}\0`),
];
const MONITOR_OPTIONS = [
  ...HELP, ...['--api-version', '1', '-c', 'abcdefabcdefabcdef', '-u', '-r', '/r', '-b', '/b', '-p', '/b/pid', '-n', '-l', 'k8s-file:/l', 'json-file:/l', 'journald',
    'passthrough', 'passthrough-tty', 'none', 'off', 'null', ':k8s-file', '--exit-dir', '--persist-dir', '-0', '--full-attach', '--log-level', '--log-tag',
    '--log-label', 'A=b', '--log-size-max', '-1', '--log-max-files', '--log-global-size-max', '--log-rotate', '--log-allowlist-dir', '--runtime-arg',
    '--runtime-opt', '--preserve-fds', '-t', '-i', '-ti', '--timeout=1', '-T', '-s', '--no-pivot', '--no-new-keyring', '--no-sync-log', '--sdnotify-socket',
    '/n', '--restore', '--restore-arg', '--conmon-pidfile', '-P', '--pidfile', '--exit-command', '--exit-command-arg', '--exit-delay', '-e', '--exec-attach',
    '--exec-process-spec', '--leave-stdin-open', '--socket-dir-path', '--replace-listen-pid', '--sync', '--syslog', '--no-container-partial-message',
    '--daemon-stage'].map((word) => `${word}\0`),
];

export const containerTargets = [
  { name: 'config', program: 'warden-runtime', bytes: 16000, json: true, about: 'config.json, and the kernel that the container is made of',
    words: [...MEMBERS, ...VALUES], uncounted: true },
  { name: 'seccomp', program: 'warden-runtime', bytes: 16000, json: true, about: 'the seccomp profile of config.json',
    words: [...SECCOMP, ...SECCOMP_VALUES], uncounted: true },
  { name: 'process', program: 'warden-runtime', bytes: 16000, json: true, about: 'process.json of exec, and resources of update',
    words: [...MEMBERS, ...VALUES], uncounted: true },
  { name: 'state', program: 'warden-runtime', bytes: 4096, json: true, about: 'state.json, for each command that reads it',
    words: ['"pid":', '"pidStart":', '"bundle":', '"groups":', '"foundGroups":', '"annotations":'], uncounted: true },
  { name: 'runtime-options', program: 'warden-runtime', bytes: 4096, about: 'warden-runtime\'s command line',
    words: RUNTIME_OPTIONS, uncounted: true },
  { name: 'monitor', program: 'monitor', bytes: 4096, about: 'a container\'s monitor: runtime, output, log, clients, end',
    words: ['1 24 80\n', '2 0 0\n'], uncounted: true },
  { name: 'attach', program: 'monitor', bytes: 4096, about: 'packets of clients and lines of ctl and winsz, while the container runs',
    words: ['1 24 80\n', '2 0 0\n', '24 80\n', '1 1001 1\n'], uncounted: true },
  { name: 'monitor-options', program: 'monitor', bytes: 4096, about: 'the monitor\'s command line, which is conmon\'s',
    words: MONITOR_OPTIONS, uncounted: true },
] as const;
