/** A stream of more than 2^32 bytes, all of which iomux-spawn counts: links before, across and behind 2^32. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observer } from '../../../src/sim/kernel/events.js';
import type { Process } from '../../../src/sim/kernel/process.js';
import { type Act, NO_FAULTS, type Scenario, type Timed } from '../../../src/sim/scenario/scenario.js';
import { loadMarked } from '../../../src/sim/campaign/instrumented.js';
import { runScenario } from '../../../src/sim/campaign/run-scenario.js';
import { compileModule } from '../../../tools/build/asc.js';

const FULL = 0x1_0000_0000, SIGTERM = 15;
/** iomux-spawn's ring by default. */
const RING = 65_536;
/** Where the command pauses. */
const pauses = [FULL - 100_000, FULL - 20_000, FULL + 30_000, FULL + 50_000, FULL + 100_000] as const;
const END = FULL + 150_000;
/** In steps of the world: iomux-spawn reads what was written; links get what there is. The clock moves hundreds of times. */
const READ = 20, AWHILE = 250, PAUSE = 'repeat 400 { sleep 10 }';

const script = [
  `zeros 1 ${pauses[0]}`, PAUSE,
  ...pauses.slice(1).flatMap((position, index) => [`write 1 ${position - pauses[index]!}`, PAUSE]),
  `write 1 ${END - pauses[4]}`,
];

function at(written: number, ...acts: Act[]): Timed[] { return acts.map((act) => ({ after: READ, act, until: { command: 0, written } })); }
function link(cursor: number | undefined): Act { return { do: 'link', job: 0, cursor, stdout: 'eager', stderr: 'eager' }; }
function stop(index: number): Timed { return { after: AWHILE, act: { do: 'signal', to: 'link', index, signal: SIGTERM } }; }

/** Cursors 0 and 1 stop before 2^32 and go on behind it; a link without one runs across. */
const scenario: Scenario = {
  seed: 1, habits: { shorten: 0, interrupt: 0 }, containers: [{ hooks: {} }], faults: NO_FAULTS,
  acts: [
    {
      after: 0, act: {
        do: 'job', container: 0, options: [],
        command: { run: { script }, options: [], stdout: END, stderr: 0, zeros: pauses[0], later: 0, echoes: false, ends: 0 },
      },
    },
    { after: 20, act: link(undefined) }, { after: 60, act: { do: 'signal', to: 'link', index: 0, signal: SIGTERM } },
    ...at(pauses[0], link(0)), stop(1),
    ...at(pauses[1], link(1), link(undefined)), stop(2),
    ...at(pauses[2], link(1)), stop(4),
    ...at(pauses[3], link(1)), stop(5),
    // Once iomux-spawn has read, too, what the command has written.
    { after: 20, act: link(0), until: { command: 0, written: pauses[4] } }, ...at(pauses[4], link(1)),
  ],
};

/** What links say, and how each ends. */
class Ends implements Observer {
  readonly words: string[] = [];
  readonly codes: (number | undefined)[] = [];
  print({ program }: Process, _fd: number, text: string): void { if (program === 'iomux-link') this.words.push(text); }
  exited({ program, exitCode }: Process): void { if (program === 'iomux-link') this.codes.push(exitCode); }
}

const positions = suite('positions across 2^32');

positions('each link gets its bytes, the gap is told, each cursor is right', async () => {
  const ends = new Ends(), { violation } = runScenario(await loadMarked(), scenario, [ends]);
  assert.is(violation, undefined);
  // Only the cursor of the first pause is too far behind when its link comes back: a ring's size before the last pause.
  const lost = `${pauses[4] - RING - pauses[0]} bytes are lost between position ${pauses[0]} and ${pauses[4] - RING - FULL}`;
  assert.equal(ends.words, [`iomux-link: stdout: ${lost} (written while no link was here, and no longer kept)\n`]);
  assert.equal(ends.codes, Array.from({ length: 8 }, () => 0));
});

positions('a position that is compared modulo 2^32 is found out', async () => {
  const file = 'assembly/programs/iomux-spawn/links.ts', from = 'while (client.position < ring.head)', to = 'while (<u32>client.position < <u32>ring.head)';
  const programs = await loadMarked({ 'iomux-spawn': await compileModule('iomux-spawn', [{ file, from, to }]) });
  assert.ok(runScenario(programs, scenario).violation);
});

positions.run();
