/** What the exhaustive run begins with: together these runs, and what failures in them lead to, reach every call site. */
import { EXIT_UNKNOWN } from '../../vocabulary.js';
import { SIGCONT, SIGSTOP, SIGTERM, SIGTSTP } from '../signals.js';
import { type Act, type Command, type CommandPlan, type ContainerPlan, NO_FAULTS, type Scenario } from '../scenarios/scenario.js';
import type { Injected, Injection } from './injection.js';

const HOOKS = { 'parent-before-clone': 'exit 0', 'parent-after-clone': 'sleep 1', 'child-before-pivot': 'exit 0', 'child-after-pivot': 'exit 0' };
const SIGHUP = 1;

function command(script: readonly string[], more: Partial<Command> = {}): Command {
  return { run: { script }, options: [], stdout: 0, stderr: 0, later: 0, echoes: false, ends: 0, ...more };
}

const SHELL = command(['say 1 ready', 'interpret'], { ends: 5 });

/** A client of wshd that begins a request, and says no more. */
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

/** Where all goes well, at first. */
function scenarios(): Scenario[] {
  return [
    scenario(1, [wsh(command(['write 1 10', 'write 2 5', 'exit 3'], { stdout: 10, stderr: 5, ends: 3 }))], [{ hooks: HOOKS }]),
    // From a socket bytes are read, not spliced: an error there costs some of them.
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
    scenario(11, [wsh(command(['die 15'], { options: ['--raise'], ends: -SIGTERM }))]),
    scenario(12, [
      { do: 'oom', version: 1, kills: 2, removed: false, follows: true }, { do: 'oom', version: 2, kills: 1, removed: true, follows: true },
    ]),
    scenario(13, [
      { do: 'miscall', argv: ['wshd', '--help'], ends: 0 }, { do: 'miscall', argv: ['wsh', '--help'], ends: 0 },
      { do: 'miscall', argv: ['iomux-spawn', '--help'], ends: 0 }, { do: 'miscall', argv: ['iomux-link', '--help'], ends: 0 },
      { do: 'miscall', argv: ['oom', '--help'], ends: 0 }, { do: 'miscall', argv: ['iomux-spawn'], ends: 1 },
      { do: 'miscall', argv: ['wsh', 'true'], environment: ['RLIMIT_NOFILE=many'], ends: EXIT_UNKNOWN },
    ]),
    // An after-pivot hook, and no mnt in the root for it; where it fails, what was made is taken back.
    scenario(14, [wsh(command(['exit 0']))], [
      { hooks: { 'child-after-pivot': 'exit 0' }, mnt: false }, { hooks: { 'child-after-pivot': 'exit 1' }, mnt: false, refuses: true },
    ]),
    scenario(15, [
      { do: 'job', container: 0, command: command(['sleep 50', 'exit 0']), options: [] },
      [20, { do: 'intruder', job: 0, socket: 'stdout', manner: 'chatters' }], { do: 'link', job: 0, cursor: undefined, ...eager },
    ]),
    // More output than can be passed on in one turn, when a link that has kept it back reads on.
    scenario(19, [
      { do: 'job', container: 0, command: command(['write 1 400000 65536', 'exit 0'], { stdout: 400_000 }), options: ['--ring', '4K'] },
      [20, { do: 'link', job: 0, cursor: undefined, stdout: 'late', stderr: 'eager' }],
    ]),
    // More connections than the table of links has places.
    scenario(16, [
      { do: 'job', container: 0, command: command(['exit 0']), options: [], descriptorsMax: 4096 },
      [20, { do: 'intruder', job: 0, socket: 'status', manner: 'stares', count: 1_537 }],
    ]),
    // Accepting leaves descriptors for commands.
    scenario(17, [...Array.from({ length: 5 }, () => MUTE), wsh(command(['exit 0']))], [{ hooks: {}, descriptorsMax: 25 }]),
    // More commands at once than can be on their way to execution, each executed before its report is looked at.
    { ...scenario(18, [
      { do: 'signal', to: 'wshd', index: 0, signal: SIGSTOP }, ...Array.from({ length: 66 }, () => wsh(command(['exit 0']))),
      [1, { do: 'signal', to: 'wshd', index: 0, signal: SIGCONT }],
    ]), habits: { shorten: 0, interrupt: 0.3 } },
  ];
}

/** Where a failure is given: it leads to what a second one strikes. */
function premises(): Injected[] {
  const rude = scenario(30, [MUTE, [50, wsh(command(['exit 0']))]]);
  const terminal = scenario(31, [wsh(SHELL, { terminal: 24, keys: ['exit 5\r'] })]);
  const job = scenario(32, [
    { do: 'job', container: 0, command: command(['exit 0']), options: [] }, [20, { do: 'link', job: 0, cursor: undefined, ...eager }],
  ]);
  const at = (program: Injection['program'], place: string, hit: number, blow: Injection['blow']): Injection => ({ program, place, hit, blow });
  return [
    // A client is dropped while none can be accepted.
    { scenario: rude, injections: [at('wshd', 'accept', 3, { errno: 'EMFILE', forEver: true })] },
    { scenario: terminal, injections: [at('wsh', 'windowSize', 1, { trap: true })] },
    { scenario: job, injections: [at('iomux-spawn', 'accept', 1, { trap: true })] },
  ];
}

export function bases(): Injected[] {
  return [...scenarios().map((each) => ({ scenario: each, injections: [] })), ...premises()];
}
