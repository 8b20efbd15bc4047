/** The first runs of the exhaustive search: these, and the failures in them, reach every call site. */
import { EXIT_UNKNOWN } from '../../boundary/constants.js';
import { SIGCONT, SIGSTOP, SIGTERM, SIGTSTP } from '../kernel/signals.js';
import {
  type Act, type Command, type CommandPlan, type ContainerPlan, type MonitorPlan, NO_FAULTS, type Scenario, type SecondVersion,
} from '../scenario/scenario.js';
import type { Injected, Injection } from './injection.js';

const HOOKS = { 'parent-before-clone': 'exit 0', 'parent-after-clone': 'sleep 1', 'child-before-pivot': 'exit 0', 'child-after-pivot': 'exit 0' };
const SIGHUP = 1, SIGINT = 2;

function command(script: readonly string[], more: Partial<Command> = {}): Command {
  return { run: { script }, options: [], stdout: 0, stderr: 0, later: 0, echoes: false, ends: 0, ...more };
}

const SHELL = command(['say 1 ready', 'interpret'], { ends: 5 });

/** A client of wshd that sends the beginning of a request, and nothing more. */
const MUTE: Act = { do: 'rude', container: 0, sends: 'part', bytes: 9, closes: false };

type Given = Act | [after: number, act: Act];

function scenario(seed: number, acts: readonly Given[], containers: readonly ContainerPlan[] = [{ hooks: {} }]): Scenario {
  return {
    seed, habits: { shorten: 0, interrupt: 0 }, containers, faults: NO_FAULTS,
    acts: acts.map((each) => (Array.isArray(each) ? { after: each[0], act: each[1] } : { after: 0, act: each })),
  };
}

const eager = { stdout: 'eager', stderr: 'eager' } as const;
function wsh(given: Command, more: Partial<CommandPlan> = {}): CommandPlan {
  return { do: 'wsh', container: 0, command: given, ...eager, ...more };
}

/** Runs without failures. */
function scenarios(): Scenario[] {
  return [
    scenario(1, [wsh(command(['write 1 10', 'write 2 5', 'exit 3'], { stdout: 10, stderr: 5, ends: 3 }))], [{ hooks: HOOKS }]),
    // From a socket bytes are read, not spliced: an error there loses some of them.
    scenario(2, [wsh(command(['copy', 'exit 0'], { echoes: true }), { stdin: { bytes: 100, ends: true }, sockets: true })]),
    scenario(3, [wsh(command(['write 1 70000', 'die 9'], { stdout: 70_000, ends: -9 }), { stdout: 'late' })]),
    scenario(4, [wsh(SHELL, { terminal: 24, keys: ['print 1 size\r', 'exit 5\r'] }), [40, { do: 'resize', wsh: 0, rows: 30 }]]),
    scenario(5, [
      { do: 'job', container: 0, command: command(['write 1 9000', 'write 2 5', 'exit 4'], { stdout: 9_000, stderr: 5, ends: 4 }), options: ['--ring', '4K'] },
      [20, { do: 'link', job: 0, cursor: 0, ...eager }], [10, { do: 'link', job: 0, cursor: undefined, stdout: 'late', stderr: 'eager' }],
      [100, { do: 'signal', to: 'link', index: 0, signal: SIGTERM }], { do: 'link', job: 0, cursor: 0, ...eager, sockets: true },
    ]),
    scenario(6, [
      { do: 'job', container: 0, command: command(['write 1 20000', 'hang'], { stdout: 20_000, ends: undefined }), options: ['--ring', '4K', '--slow', 'drop', '--linger', '2'] },
      [20, { do: 'link', job: 0, cursor: 1, stdout: 'late', stderr: 'eager' }], [10, { do: 'link', job: 0, cursor: 2, ...eager }],
      [300, { do: 'signal', to: 'job', index: 0, signal: SIGTERM }],
    ]),
    scenario(7, [{ do: 'oom', version: 1, kills: 1, removed: false }, { do: 'oom', version: 2, kills: 1, removed: false },
      { do: 'oom', version: 1, kills: 0, removed: true }, { do: 'oom', version: 2, kills: 0, removed: true }]),
    scenario(8, [MUTE, { do: 'rude', container: 0, sends: 'long', bytes: 0, closes: false },
      wsh(command([], { run: { argv: ['/bin/nothing-of-this-name'] }, ends: EXIT_UNKNOWN })),
      wsh(command([], { options: ['--user', 'nobody-known'], run: { argv: ['/bin/script'] }, ends: EXIT_UNKNOWN })),
      wsh(command(['exit 0'], { options: ['--user', 'vcap'] }))]),
    scenario(9, [
      wsh(SHELL, { terminal: 24 }), [60, { do: 'resize', wsh: 0, rows: 30 }],
      [20, { do: 'signal', to: 'wsh', index: 0, signal: SIGTSTP }],
      [20, { do: 'signal', to: 'wsh', index: 0, signal: SIGCONT }], [20, { do: 'signal', to: 'wsh', index: 0, signal: SIGHUP }],
    ]),
    scenario(10, [wsh(SHELL, { asksFor: 24 }), [120, { do: 'resize', wsh: 0, rows: 30 }]]),
    // A pty without a local terminal: keys for the end of input, and for a signal.
    scenario(24, [wsh(command(['copy', 'exit 0'], { options: ['-n'] }), { asksFor: 24 })]),
    scenario(25, [wsh(command(['hang'], { ends: undefined }), { asksFor: 24 }), [60, { do: 'signal', to: 'wsh', index: 0, signal: SIGINT }]]),
    scenario(11, [wsh(command(['die 15'], { options: ['--raise'], ends: -SIGTERM }))]),
    // The terminal hangs up before the status comes; no input; a login shell as ssh starts it, which the simulated sh rejects.
    scenario(19, [wsh(command(['die 9'], { ends: -9 }), { terminal: 24 }), wsh(command(['copy', 'exit 0'], { options: ['-n'] }))]),
    scenario(20, [wsh(command([], { options: ['--ssh', 'h'], run: { argv: [] }, ends: 2 }), { terminal: 24 })]),
    scenario(12, [
      { do: 'oom', version: 1, kills: 2, removed: false, follows: true }, { do: 'oom', version: 2, kills: 1, removed: true, follows: true },
    ]),
    scenario(13, [
      { do: 'miscall', argv: ['wshd', '--help'], ends: 0 }, { do: 'miscall', argv: ['wsh', '--help'], ends: 0 },
      { do: 'miscall', argv: ['iomux-spawn', '--help'], ends: 0 }, { do: 'miscall', argv: ['iomux-link', '--help'], ends: 0 },
      { do: 'miscall', argv: ['oom', '--help'], ends: 0 }, { do: 'miscall', argv: ['wsh', '--ssh', '-G', 'h'], ends: 0 },
      { do: 'miscall', argv: ['wsh', '--ssh', '-V'], ends: 0 }, { do: 'miscall', argv: ['iomux-spawn'], ends: 1 },
      { do: 'miscall', argv: ['iomux-spawn', '--log-max-files', '10', '/', 'x'], ends: 1 },
      { do: 'miscall', argv: ['wshd', '--run'], ends: 1 }, { do: 'miscall', argv: ['wshd', '--nonsense', 'x'], ends: 1 },
      { do: 'miscall', argv: ['wshd', '--run', 'x'.repeat(1_024)], ends: 1 }, { do: 'miscall', argv: ['wshd', '--title', 'x'.repeat(256)], ends: 1 },
      { do: 'miscall', argv: ['wsh', 'true'], environment: ['RLIMIT_NOFILE=many'], ends: EXIT_UNKNOWN },
    ]),
    // A user namespace, with ids for others, and without.
    scenario(21, [wsh(command(['exit 0']))], [{ hooks: HOOKS, options: ['--user-namespace', '--owner', '7'] }]),
    scenario(22, [wsh(command(['exit 0']))], [{ hooks: {}, options: ['--user-namespace', '--keep-groups', '--share-network', '--no-new-privs'] }]),
    // An after-pivot hook, and no mnt in the root for it; where it fails, what was made is taken back.
    scenario(14, [wsh(command(['exit 0']))], [
      { hooks: { 'child-after-pivot': 'exit 0' }, mnt: false }, { hooks: { 'child-after-pivot': 'exit 1' }, mnt: false, refuses: true },
    ]),
    scenario(15, [
      { do: 'job', container: 0, command: command(['sleep 50', 'exit 0']), options: [] },
      [20, { do: 'intruder', job: 0, socket: 'stdout', manner: 'chatters' }], { do: 'link', job: 0, cursor: undefined, ...eager },
    ]),
    // More output than one turn passes on, when a link that did not read begins to read.
    scenario(19, [
      { do: 'job', container: 0, command: command(['write 1 400000 65536', 'exit 0'], { stdout: 400_000 }), options: ['--ring', '4K'] },
      [20, { do: 'link', job: 0, cursor: undefined, stdout: 'late', stderr: 'eager' }],
    ]),
    // A log that becomes full, is opened again, and an exit file.
    scenario(54, [
      {
        do: 'job', container: 0, command: command(['write 1 9000 100', 'write 2 500', 'sleep 300', 'write 1 20', 'exit 4'], { stdout: 9_020, stderr: 500, ends: 4 }),
        options: ['--ring', '4K', '--log', '/job-log', '--log-size-max', '4000', '--log-max-files', '2', '--exit-file', '/job-exit'],
      },
      [20, { do: 'link', job: 0, cursor: undefined, ...eager }], [100, { do: 'signal', to: 'job', index: 0, signal: SIGHUP }],
    ]),
    // More connections than the table of links has places.
    scenario(16, [
      { do: 'job', container: 0, command: command(['exit 0']), options: [], descriptorsMax: 4096 },
      [20, { do: 'intruder', job: 0, socket: 'status', manner: 'stares', count: 1_537 }],
    ]),
    // Accepting leaves descriptors for commands.
    scenario(17, [...Array.from({ length: 5 }, () => MUTE), wsh(command(['exit 0']))], [{ hooks: {}, descriptorsMax: 25 }]),
    // PID 1 that gives up what commands are not to have; one whose filter is none; names that no capability has.
    scenario(23, [wsh(command(['exit 0'])), ...['nonsense', 'chown,,kill', 'none'].map((list): Act => (
      { do: 'miscall', argv: ['wshd', '--run', '/c0/run', '--lib', '/c0/lib', '--root', '/c0/root', '--capabilities', list, '--filter', '/c0/no'], ends: 1 }))],
    [{ hooks: HOOKS, confined: true }]),
    ...monitored(),
    // More commands at once than STARTS_MAX, each executed before its report is read.
    { ...scenario(18, [
      { do: 'signal', to: 'wshd', index: 0, signal: SIGSTOP }, ...Array.from({ length: 66 }, () => wsh(command(['exit 0']))),
      [1, { do: 'signal', to: 'wshd', index: 0, signal: SIGCONT }],
    ]), habits: { shorten: 0, interrupt: 0.3 } },
    ...firstVersion(), ...secondVersion(),
    // A command whose user stops it before it is executed, and is never continued.
    scenario(70, [{ do: 'signal', to: 'next-start', index: 0, signal: SIGSTOP }, wsh(command([], { run: { argv: ['/bin/never'] }, ends: EXIT_UNKNOWN }))]),
  ];
}

/** Commands in protocol 1. */
function firstVersion(): Scenario[] {
  const unmarked = { hooks: {}, unmarked: true }, first = (seed: number, ...acts: Given[]): Scenario => scenario(seed, acts, [unmarked]);
  return [
    first(78, wsh(command(['write 1 10', 'write 2 5', 'exit 3'], { stdout: 10, stderr: 5, ends: 3 })), wsh(command(['die 9'], { ends: -9 }))),
    first(79, wsh(SHELL, { terminal: 24, keys: ['print 1 size\r', 'exit 5\r'] })),
    first(80, wsh(SHELL, { asksFor: 24 }), [120, { do: 'resize', wsh: 0, rows: 30 }]),
    first(81, wsh(command(['hang'], { ends: undefined }), { asksFor: 24 }), [60, { do: 'signal', to: 'wsh', index: 0, signal: SIGINT }]),
    first(82,
      wsh(command([], { run: { argv: ['/bin/nothing-of-this-name'] }, ends: EXIT_UNKNOWN })),
      wsh(command([], { options: ['--user', 'nobody-known'], run: { argv: ['/bin/script'] }, ends: EXIT_UNKNOWN })),
      wsh(command(['exit 0'], { options: ['--user', 'vcap'] })), wsh(command([], { options: ['--ssh', 'h'], run: { argv: [] }, ends: 2 }), { terminal: 24 })),
    // What it does not carry.
    first(83, wsh(command([], { options: ['--workdir', '/tmp'], run: { argv: ['/bin/script'] }, ends: EXIT_UNKNOWN }))),
    scenario(84, [...Array.from({ length: 5 }, () => MUTE), wsh(command(['exit 0']))], [{ ...unmarked, descriptorsMax: 25 }]),
    { ...first(85,
      { do: 'signal', to: 'wshd', index: 0, signal: SIGSTOP }, ...Array.from({ length: 66 }, () => wsh(command(['exit 0']))),
      [1, { do: 'signal', to: 'wshd', index: 0, signal: SIGCONT }],
    ), habits: { shorten: 0, interrupt: 0.3 } },
    first(86, { do: 'signal', to: 'next-start', index: 0, signal: SIGSTOP }, wsh(command([], { run: { argv: ['/bin/never'] }, ends: EXIT_UNKNOWN }))),
  ];
}

/** Commands that protocol 2 alone carries. */
function secondVersion(): Scenario[] {
  const sends = (how: SecondVersion): Act => ({ do: 'rude', container: 0, sends: how, bytes: 0, closes: false });
  const all = ['--env', 'A=b', '--env', 'PATH=/bin', '--workdir', '/tmp', '--umask', '027', '--user', 'vcap:users,users,5'];
  const nothing = { run: { argv: ['/bin/script', 'exit 0'] }, ends: EXIT_UNKNOWN };
  const fails = (...options: string[]): CommandPlan => wsh(command([], { ...nothing, options }));
  return [
    scenario(71, [wsh(command(['write 1 10', 'write 2 5', 'exit 3'], { options: all, stdout: 10, stderr: 5, ends: 3 }))], [{ hooks: {} }]),
    scenario(72, [wsh(SHELL, { asksFor: 24 }), wsh({ ...SHELL, options: ['--env', 'A=b'] }, { terminal: 24, keys: ['exit 5\r'] })]),
    scenario(73, [wsh(command(['hang'], { options: ['--env', 'A=b'], ends: undefined })), [60, { do: 'signal', to: 'wsh', index: 0, signal: SIGTERM }]]),
    scenario(74, [
      fails('--workdir', '/nowhere'), fails('--user', 'nobody-known:users'), fails('--user', 'root:unknown'),
      wsh(command(['exit 0'], { options: ['--user', '4242'] })), wsh(command(['exit 0'], { options: ['--user', 'vcap,1,2'] })),
      wsh(command(['die 9'], { options: ['--umask', '0'], ends: -9 })),
      wsh(command([], { options: ['--env', 'A=b'], run: { argv: ['nothing-of-this-name'] }, ends: EXIT_UNKNOWN })),
      wsh(command([], { options: ['--env', 'A=b'], run: { argv: [] }, ends: 2 }), { terminal: 24 }),
    ]),
    // A signal when the command has ended, and wsh still passes its output on.
    scenario(75, [
      wsh(command(['write 1 150000', 'exit 0'], { options: ['--env', 'A=b'], stdout: 150_000 }), { stdout: 'late' }),
      [400, { do: 'signal', to: 'wsh', index: 0, signal: SIGTERM }],
    ]),
    // Descriptors, and a signal, that no wsh sends. The command is stopped before it is executed, so that it outlasts the signal.
    scenario(76, [sends('given'), sends('surplus'), sends('tardy')]),
    scenario(77, [{ do: 'signal', to: 'next-start', index: 0, signal: SIGSTOP }, sends('signal')]),
  ];
}

const TALKS = command(['write 1 9000', 'write 2 500 100', 'exit 3'], { stdout: 9_000, stderr: 500, ends: 3 });

/** A monitor and its container. */
function monitored(): Scenario[] {
  const attach: Act = { do: 'attach', monitor: 0, sends: 0, reads: 'eager', closes: false };
  /** Steps during which clients may connect. */
  const lasts = 'repeat 60 { sleep 5 }';
  const play = (seed: number, given: Command, options: readonly string[], more: Partial<MonitorPlan> = {}, ...acts: Given[]): Scenario => (
    scenario(seed, [{ do: 'monitor', command: given, options, ...more }, ...acts], []));
  const resize: Act = { do: 'control', monitor: 0, fifo: 'ctl', text: '1 30 80\nnonsense\n' };
  const echoes = command([lasts, 'copy', 'exit 4'], { echoes: true, stdout: 300_000, ends: 4 });
  return [
    play(40, TALKS, [], { startPipe: true }, [20, attach]),
    play(41, echoes, ['--stdin', '--sync'], {}, [30, { ...attach, sends: 300_000, closes: true }], { ...attach, reads: 'never', closes: true }),
    play(42, TALKS, ['--exec', '--exec-attach', '--exec-process-spec', '/m0/spec', '-l', 'none']),
    play(43, command([lasts, 'print 1 size', 'exit 0'], { stdout: 7 }), ['--terminal', '-l', 'none'], {}, [50, resize], { ...attach, sends: 10 }),
    play(44, TALKS, [], { refuses: true, runtime: ['say 2 no container', 'exit 1'] }),
    play(45, command(['hang'], { ends: -9 }), ['--timeout', '1', '--exit-delay', '1']),
    play(46, command([lasts, 'hang'], { ends: undefined }), [], {}, [40, { do: 'control', monitor: 0, fifo: 'ctl', text: '2 0 0\n' }],
      [20, { do: 'signal', to: 'monitor', index: 0, signal: SIGTERM }]),
    scenario(47, ['--help', '--version', '-c one', `-c ${'x'.repeat(5000)}`, '-c one -u one -r /nosuch -l none', '-c one --nosuch', '-c one --runtime', '-c one --sync=yes',
      '-c one -u one -r /usr/bin/monitor -l other:/log', '-c one -u one -r /usr/bin/monitor -b /b -p /p -l none -T soon'].map((words): Act => (
      { do: 'miscall', argv: ['monitor', ...words.split(' ')], ends: words.length < 10 && words !== '-c one' ? 0 : 1 })), []),
    play(48, command([lasts, 'repeat 200 { sleep 5 }', 'exit 0']), [], { bare: true, preserves: 1 },
      ...Array.from({ length: 66 }, (): Given => [6, { ...attach, reads: 'never' }])),
    // Records that exceed a file's limit, and a client that reads from the older files.
    play(52, command([lasts, 'write 1 300000', 'exit 0'], { stdout: 300_000 }), ['--log-size-max', '20000', '--log-max-files', '3'], {},
      [50, { ...attach, reads: 'late' }]),
    play(53, command([lasts, 'write 1 300000 100', 'exit 0'], { stdout: 300_000 }), ['--log-size-max', '1000'], {}, [50, { ...attach, reads: 'late' }]),
    play(54, TALKS, ['-l', 'journald', '-n', 'name', '--log-label', 'LABEL=value']),
    play(55, TALKS, ['-l', 'json-file:/m0/docker', '--log-size-max', '4000'], { outOfMemory: true }),
    // So little, so often, that the monitor lets it gather.
    play(57, command(['repeat 60 { write 1 100 }', 'exit 0'], { stdout: 6_000 }), []),
    play(56, command(['exit 3'], { ends: 3 }), ['-l', 'passthrough']),
    // Messages for a service manager, and a link to the bundle for callers that look for attach there.
    play(58, command([lasts, 'exit 0']), ['--sdnotify-socket', '/manager', '--socket-dir-path', '/m0/sockets'], {},
      ...Array.from({ length: 4 }, (): Given => [20, { do: 'control', monitor: 0, fifo: 'notify', text: 'READY=1\nMAINPID=7\nSTATUS=on' }]),
      [5, { do: 'control', monitor: 0, fifo: 'notify', text: 'BARRIER=1' }]),
    // A client whose input waits and whose output is refused.
    play(51, command([lasts, 'write 1 10', 'repeat 20 { sleep 5 }', 'copy', 'exit 0'], { echoes: true, stdout: 0, ends: undefined }), ['--stdin'], {},
      [30, { ...attach, sends: 200_000, reads: 'never' }], [20, { ...attach, sends: 5, closes: true }]),
    play(49, command([lasts, 'write 1 900000', 'exit 0'], { stdout: 900_000 }), [], {}, [50, { ...attach, reads: 'late' }]),
  ];
}

/** Runs with a failure from the start, which leads to sites that a second one strikes. */
function premises(): Injected[] {
  const rude = scenario(30, [MUTE, [50, wsh(command(['exit 0']))]]);
  const terminal = scenario(31, [wsh(SHELL, { terminal: 24, keys: ['exit 5\r'] })]);
  const job = scenario(32, [
    { do: 'job', container: 0, command: command(['exit 0']), options: [] }, [20, { do: 'link', job: 0, cursor: undefined, ...eager }],
  ]);
  const second = scenario(33, [wsh(command(['exit 0'], { options: ['--env', 'A=b'] }))]);
  const at = (program: Injection['program'], place: string, hit: number, blow: Injection['blow']): Injection => ({ program, place, hit, blow });
  return [
    // A client is dropped while wshd can accept none.
    { scenario: rude, injections: [at('wshd', 'accept', 3, { errno: 'EMFILE', forEver: true })] },
    { scenario: terminal, injections: [at('wsh', 'copyWindowSize', 1, { trap: true })] },
    { scenario: job, injections: [at('iomux-spawn', 'accept', 1, { trap: true })] },
    // A request that is sent in parts.
    { scenario: second, injections: [at('wsh', 'send', 1, { size: 100 })] },
  ];
}

export function bases(): Injected[] {
  return [...scenarios().map((each) => ({ scenario: each, injections: [] })), ...premises()];
}
