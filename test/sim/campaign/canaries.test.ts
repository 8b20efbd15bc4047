/** Deliberate mistakes in the logic, each of which the swarm's checkers have to find within 4,000 seeds. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadMarked } from '../../../src/sim/campaign/instrumented.js';
import { generate } from '../../../src/sim/scenario/generate.js';
import { runScenario } from '../../../src/sim/campaign/run-scenario.js';
import { type Change, compileModule } from '../../../tools/build/asc.js';

const SEEDS = 4000;

interface Canary {
  program: string;
  change: Change;
  /** The seed that found it last, if that is a late one: tried first. Others find it, too, once all scenarios have changed. */
  seed?: number;
}

const canaries: Readonly<Record<string, Canary>> = {
  'the last read at the command\'s exit is dropped': {
    program: 'iomux-spawn',
    change: { file: 'assembly/programs/iomux-spawn/index.ts', from: 'stream.left = waiting > 0 ? <u32>waiting : 0;', to: 'stream.left = 0;' },
  },
  'the ring wraps one byte too late': {
    program: 'iomux-spawn',
    change: {
      file: 'assembly/lib/ring.ts', from: 'const got = readv(handle, this.bytes + at, straight, this.bytes, most - straight);',
      to: 'const got = readv(handle, this.bytes + at, straight, this.bytes + 1, most - straight);',
    },
  },
  'a request\'s length is not checked': {
    program: 'wshd',
    change: { file: 'assembly/wire/request.ts', from: 'if (have > REQUEST_BYTES) return Verdict.TOO_LONG;', to: '' },
  },
  'a number of limits is not checked': {
    program: 'wshd',
    change: { file: 'assembly/wire/request.ts', from: 'return load<u32>(at + AT_LIMIT_COUNT) > <u32>LIMITS_MAX;', to: 'return false;' },
  },
  'a descriptor is not closed': {
    program: 'wshd', change: { file: 'assembly/programs/wshd/commands.ts', from: '  if (start.errors != 0) close(start.errors);\n}', to: '}' },
  },
  'the position is not carried on resume': {
    program: 'iomux-link', change: { file: 'assembly/programs/iomux-link/index.ts', from: '    output.resumeAt(saved.stdout);\n', to: '' },
  },
  'positions are saved that nobody knows': {
    program: 'iomux-link',
    change: { file: 'assembly/programs/iomux-link/index.ts', from: 'cursorFile != 0 && positionsAreKnown() && differs', to: 'cursorFile != 0 && differs' },
  },
  'a stream is copied before the other one\'s position is known': {
    program: 'iomux-link',
    change: { file: 'assembly/programs/iomux-link/index.ts', from: '  if (output.stage == Stage.HEADER || errors.stage == Stage.HEADER) return;\n', to: '' },
  },
  'a saved position counts what still waits in the buffer': {
    program: 'iomux-link', seed: 1049,
    change: { file: 'assembly/lib/relay.ts', from: 'return this.moved - (this.end - this.start);', to: 'return this.moved;' },
  },
  'the status is told before the end of the output': {
    program: 'iomux-spawn',
    change: {
      file: 'assembly/programs/iomux-spawn/links.ts', from: 'if (client.socket == 0 || client.channel != STATUS || hasOpenStream(client.link)) continue;',
      to: 'if (client.socket == 0 || client.channel != STATUS) continue;',
    },
  },
  'a pid is used after it was reaped': {
    program: 'iomux-spawn', seed: 300,
    change: { file: 'assembly/programs/iomux-spawn/index.ts', from: '  if (!child.ended) kill(', to: '  if (true) kill(' },
  },
  'a deadline is never set': {
    program: 'wshd', change: { file: 'assembly/programs/wshd/serve.ts', from: 'client.deadlineMs = nowMs() + REQUEST_DEADLINE_MS;', to: 'client.deadlineMs = NEVER;' },
  },
  'a relay waits for a source at its end while its target is full': {
    program: 'iomux-link', seed: 187,
    change: {
      file: 'assembly/lib/relay.ts', from: '    if (bytesAvailable(this.from) <= 0) return this.copyOnce();\n    this.waitFor(false);',
      to: '    this.waitFor(bytesAvailable(this.from) <= 0);',
    },
  },
  'a new size of the terminal is not passed on': {
    program: 'wsh', seed: 150,
    change: { file: 'assembly/programs/wsh/signals.ts', from: '  if (signal == SIGWINCH) {\n    copyWindowSize(terminal.local, terminal.master);\n', to: '  if (signal == SIGWINCH) {\n' },
  },
};

const suiteOfCanaries = suite('canaries');

for (const [what, { program, change, seed: last = 0 }] of Object.entries(canaries)) {
  suiteOfCanaries(what, async () => {
    const programs = await loadMarked({ [program]: await compileModule(program, [change]) });
    for (const seed of [last, ...Array(SEEDS).keys()]) {
      const { violation } = runScenario(programs, generate(seed));
      if (!violation) continue;
      console.log(`  ${what}: seed ${seed}, ${violation.check}: ${violation.words}`);
      return;
    }
    assert.unreachable(`not found within ${SEEDS} seeds`);
  });
}

suiteOfCanaries.run();
