/** Deliberate mistakes in the logic, each of which the swarm's checkers have to find within 1,000 seeds. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadMarked } from '../../src/sim/swarm/marked.js';
import { generate } from '../../src/sim/scenarios/generate.js';
import { runScenario } from '../../src/sim/swarm/run.js';
import { type Change, compileModule } from '../support/asc.js';

const SEEDS = 1_000;

interface Canary { program: string; change: Change }

const canaries: Readonly<Record<string, Canary>> = {
  'the last read at the command\'s exit is dropped': {
    program: 'iomux-spawn',
    change: { file: 'assembly/iomux-spawn/index.ts', from: 'it.left = waiting > 0 ? <u32>waiting : 0;', to: 'it.left = 0;' },
  },
  'the ring wraps one byte too late': {
    program: 'iomux-spawn',
    change: {
      file: 'assembly/shared/ring.ts', from: 'const got = readv(handle, this.bytes + at, straight, this.bytes, most - straight);',
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
    program: 'wshd', change: { file: 'assembly/wshd/jobs.ts', from: '  close(start.errors);\n  start.pid = 0;', to: '  start.pid = 0;' },
  },
  'the position is not carried on resume': {
    program: 'iomux-link', change: { file: 'assembly/iomux-link/index.ts', from: '    output.resumeAt(savedStdout);\n', to: '' },
  },
  'positions are saved that nobody knows': {
    program: 'iomux-link',
    change: { file: 'assembly/iomux-link/index.ts', from: 'cursorFile != 0 && positionsAreKnown() && differs', to: 'cursorFile != 0 && differs' },
  },
  'a stream is copied before the other one\'s position is known': {
    program: 'iomux-link',
    change: { file: 'assembly/iomux-link/index.ts', from: '  if (output.stage == Stage.HEADER || errors.stage == Stage.HEADER) return;\n', to: '' },
  },
  'a saved position counts what still waits in the buffer': {
    program: 'iomux-link',
    change: { file: 'assembly/shared/relay.ts', from: 'return this.moved - (this.end - this.start);', to: 'return this.moved;' },
  },
  'the status is told before the end of the output': {
    program: 'iomux-spawn',
    change: {
      file: 'assembly/iomux-spawn/clients.ts', from: 'if (client.socket == 0 || client.channel != STATUS || hasOpenStream(client.link)) continue;',
      to: 'if (client.socket == 0 || client.channel != STATUS) continue;',
    },
  },
  'a pid is used after it was reaped': {
    program: 'iomux-spawn',
    change: { file: 'assembly/iomux-spawn/index.ts', from: '  if (!childEnded) kill(', to: '  if (true) kill(' },
  },
  'a deadline is never set': {
    program: 'wshd', change: { file: 'assembly/wshd/serve.ts', from: 'client.deadlineMs = nowMs() + REQUEST_DEADLINE_MS;', to: 'client.deadlineMs = NEVER;' },
  },
  'a relay waits for a source at its end while its target is full': {
    program: 'iomux-link',
    change: {
      file: 'assembly/shared/relay.ts', from: '    if (pending(this.from) <= 0) return this.copyOnce();\n    this.waitFor(false);',
      to: '    this.waitFor(pending(this.from) <= 0);',
    },
  },
  'a new size of the terminal is not passed on': {
    program: 'wsh',
    change: { file: 'assembly/wsh/index.ts', from: '  if (signal == SIGWINCH) {\n    windowSize(local, master);\n', to: '  if (signal == SIGWINCH) {\n' },
  },
};

const suiteOfCanaries = suite('canaries');

for (const [what, { program, change }] of Object.entries(canaries)) {
  suiteOfCanaries(what, async () => {
    const programs = await loadMarked({ [program]: await compileModule(program, [change]) });
    for (let seed = 0; seed < SEEDS; seed++) {
      const { violation } = runScenario(programs, generate(seed));
      if (!violation) continue;
      console.log(`  ${what}: seed ${seed}, ${violation.check}: ${violation.words}`);
      return;
    }
    assert.unreachable(`not found within ${SEEDS} seeds`);
  });
}

suiteOfCanaries.run();
