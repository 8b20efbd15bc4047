import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runScenario } from '../../../src/sim/campaign/run-scenario.js';
import type { CallEvent } from '../../../src/sim/kernel/events.js';
import { type Act, type Command, NO_FAULTS, type Scenario } from '../../../src/sim/scenario/scenario.js';
import { loadPrograms } from '../../../src/sim/world/node.js';

const programs = await loadPrograms();
const monitor = suite('a monitored container in the simulation');

function command(script: readonly string[], more: Partial<Command> = {}): Command {
  return { run: { script }, options: [], stdout: 0, stderr: 0, later: 0, echoes: false, ends: 0, ...more };
}

function scenario(seed: number, ...acts: (Act | [number, Act])[]): Scenario {
  return {
    seed, habits: { shorten: 0.1, interrupt: 0.1 }, containers: [], faults: NO_FAULTS,
    acts: acts.map((each) => (Array.isArray(each) ? { after: each[0], act: each[1] } : { after: 0, act: each })),
  };
}

const talks = command(['write 1 300000', 'write 2 5000 7', 'exit 3'], { stdout: 300_000, stderr: 5_000, ends: 3 });

const stories: Record<string, (seed: number) => Scenario> = {
  'a container writes and ends': (seed) => scenario(seed, { do: 'monitor', command: talks, options: [], startPipe: true }),
  'the first process goes on with --sync': (seed) => scenario(seed, { do: 'monitor', command: talks, options: ['--sync'] }),
  'a container is killed': (seed) => scenario(seed, { do: 'monitor', command: command(['die 9'], { ends: -9 }), options: [] }),
  'the time is out': (seed) => scenario(seed, { do: 'monitor', command: command(['hang'], { ends: -9 }), options: ['--timeout', '1'] }),
  'the runtime fails': (seed) => scenario(seed, {
    do: 'monitor', command: talks, options: [], refuses: true, runtime: ['say 2 no "container"', 'exit 1'],
  }),
  'a client reads, another one late': (seed) => scenario(
    seed, { do: 'monitor', command: talks, options: [], startPipe: true },
    [40, { do: 'attach', monitor: 0, sends: 0, reads: 'eager', closes: false }], [5, { do: 'attach', monitor: 0, sends: 0, reads: 'late', closes: true }],
  ),
  'a client sends input': (seed) => scenario(
    seed, { do: 'monitor', command: command(['copy', 'exit 4'], { echoes: true, stdout: 20_000, ends: 4 }), options: ['--stdin'] },
    [60, { do: 'attach', monitor: 0, sends: 20_000, reads: 'eager', closes: true }],
  ),
  'a command is executed': (seed) => scenario(seed, {
    do: 'monitor', command: talks, options: ['--exec', '--exec-attach', '--exec-process-spec', '/m0/spec', '-l', 'none'],
  }),
  'a terminal': (seed) => scenario(
    seed, { do: 'monitor', command: command(['sleep 100', 'print 1 size', 'exit 0'], { ends: 0, stdout: 7 }), options: ['--terminal', '-l', 'none'] },
    [80, { do: 'control', monitor: 0, fifo: 'ctl', text: '1 30 80\nnonsense\n2 0 0\n' }],
  ),
};

for (const [name, story] of Object.entries(stories)) {
  monitor(`${name}: everything that is asked of it holds`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { violation } = runScenario(programs, story(seed));
      assert.is(violation, undefined, `seed ${seed}: ${violation?.check}: ${violation?.words}`);
    }
  });
}

/** Reads that gave something, of a container that writes 600 times, 100 bytes each. */
function readsOf(options: readonly string[]): number {
  let reads = 0;
  const call = ({ process, name, result }: CallEvent): void => { if (process.program === 'monitor' && name === 'read' && result > 0) reads++; };
  const plan = scenario(3, { do: 'monitor', command: command(['repeat 600 { write 1 100 }', 'exit 0'], { stdout: 60_000 }), options: [...options] });
  const { violation } = runScenario(programs, plan, [{ call }]);
  assert.is(violation, undefined, violation?.words);
  return reads;
}

monitor('a container that writes little and often has many of its writes read at once, where there is a log', () => {
  const reads = readsOf([]), one = readsOf(['-l', 'none']);
  assert.ok(reads < 200, `${reads} reads of 600 writes`);
  console.log(`  ${reads} reads with a log, ${one} without`);
});

monitor.run();
