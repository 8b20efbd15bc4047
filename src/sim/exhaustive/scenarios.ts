/** The scenarios whose calls are failed one by one: together they, and what failures lead to, reach every call site. */
import { generate } from '../scenarios/generate.js';
import { type Act, type Command, type CommandPlan, type ContainerPlan, NO_FAULTS, type Scenario } from '../scenarios/scenario.js';

const HOOKS = { 'parent-before-clone': 'exit 0', 'parent-after-clone': 'sleep 1', 'child-before-pivot': 'exit 0', 'child-after-pivot': 'exit 0' };

function command(script: readonly string[], more: Partial<Command> = {}): Command {
  return { run: { script }, options: [], stdout: 0, stderr: 0, later: 0, echoes: false, ends: 0, ...more };
}

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

/** Seeds whose scenarios go ways that the others do not. */
const SEEDS: readonly number[] = [];

export function scenarios(): Scenario[] {
  return [
    scenario(1, [wsh(command(['write 1 10', 'write 2 5', 'exit 3'], { stdout: 10, stderr: 5, ends: 3 }))], [{ hooks: HOOKS }]),
    scenario(2, [wsh(command(['copy', 'exit 0'], { echoes: true }), { stdin: { bytes: 100, ends: true } })]),
    scenario(3, [wsh(command(['write 1 70000', 'die 9'], { stdout: 70_000, ends: -9 }), { stdout: 'late' })]),
    scenario(4, [wsh(command(['say 1 ready', 'interpret'], { ends: 5 }), { terminal: 24, keys: ['print 1 size\r', 'exit 5\r'] }), [40, { do: 'resize', wsh: 0, rows: 30 }]]),
    scenario(5, [
      { do: 'job', container: 0, command: command(['write 1 9000', 'write 2 5', 'exit 4'], { stdout: 9_000, stderr: 5, ends: 4 }), options: ['--ring', '4K'] },
      [20, { do: 'link', job: 0, cursor: 0, ...eager }], [10, { do: 'link', job: 0, cursor: undefined, stdout: 'late', stderr: 'eager' }],
      [100, { do: 'signal', to: 'link', index: 0, signal: 15 }], { do: 'link', job: 0, cursor: 0, ...eager },
    ]),
    scenario(6, [
      { do: 'job', container: 0, command: command(['write 1 20000', 'hang'], { stdout: 20_000, ends: undefined }), options: ['--ring', '4K', '--slow', 'drop', '--linger', '2'] },
      [20, { do: 'link', job: 0, cursor: 1, stdout: 'late', stderr: 'eager' }], [10, { do: 'link', job: 0, cursor: 2, ...eager }],
      [300, { do: 'signal', to: 'job', index: 0, signal: 15 }],
    ]),
    scenario(7, [{ do: 'oom', version: 1, kills: 1, removed: false }, { do: 'oom', version: 2, kills: 1, removed: false },
      { do: 'oom', version: 1, kills: 0, removed: true }, { do: 'oom', version: 2, kills: 0, removed: true }]),
    scenario(8, [{ do: 'rude', container: 0, sends: 'part', bytes: 9, closes: false }, { do: 'rude', container: 0, sends: 'long', bytes: 0, closes: false },
      wsh(command([], { run: { argv: ['/bin/nothing-of-this-name'] }, ends: 255 })),
      wsh(command([], { options: ['--user', 'nobody-known'], run: { argv: ['/bin/script'] }, ends: 255 })),
      wsh(command(['exit 0'], { options: ['--user', 'vcap'] }))]),
    ...SEEDS.map(generate).map((each) => ({ ...each, faults: NO_FAULTS })),
  ];
}
