import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { firstOf, isChannel, Kind, lastAtMost, type Recording, valueAt } from '../../src/playground/record/recording.js';
import { describeMessage, record } from '../../src/playground/record/run.js';
import { traceOf } from '../../src/sim/campaign/batch.js';
import { bases } from '../../src/sim/campaign/exhaustive-scenarios.js';
import { loadMarked } from '../../src/sim/campaign/instrumented.js';
import { generate } from '../../src/sim/scenario/generate.js';
import { parseScenario, ScenarioError } from '../../src/sim/scenario/parse.js';

const programs = await loadMarked();
const recording = suite('the recording of a run');
const SEEDS = [0, 3, 5, 13, 34], WITH_JOB = 3;
const recordings = new Map<number, Recording>();

function of(seed: number): Recording {
  let made = recordings.get(seed);
  if (!made) recordings.set(seed, made = record(programs, generate(seed)));
  return made;
}

recording('has the lines of the trace, and those of the world outside between them', () => {
  for (const seed of SEEDS) {
    const { lines, kinds } = of(seed);
    assert.equal(lines.filter((_, event) => kinds[event] !== Kind.OUTSIDE as number), traceOf(programs, seed).split('\n'));
  }
});

recording('of a seed is the same every time', () => assert.equal(record(programs, generate(WITH_JOB)), of(WITH_JOB)));

recording('counts in a channel what was written to it and not read from it', () => {
  for (const seed of SEEDS) {
    const { flows, fills, channels } = of(seed);
    let looked = 0;
    channels.forEach((name, channel) => {
      const moves = Array.from(flows.channel.keys()).filter((at) => flows.channel[at] === channel);
      // Descriptors that nobody received take their bytes with them, and a terminal changes what it carries.
      if (!name.startsWith('pipe:')) return;
      let inside = 0;
      for (const [index, at] of moves.entries()) {
        inside += flows.bytes[at]!;
        const event = flows.event[at]!;
        // A splice between two calls of the same event is one event.
        if (flows.event[moves[index + 1] ?? -1] === event) continue;
        assert.is(valueAt(fills[channel]!, event), inside, `seed ${seed}, ${name}, event ${event}`);
        looked++;
      }
    });
    assert.ok(looked > 5, `seed ${seed}: ${looked}`);
  }
});

recording('draws what moves at a line of its picture', () => {
  let all = 0;
  const missing: string[] = [];
  for (const seed of SEEDS) {
    const { flows, channels, moments, lines: trace } = of(seed);
    all += flows.event.length;
    for (const at of flows.event.keys()) {
      const channel = channels[flows.channel[at]!]!, pid = flows.pid[at]!, moment = moments[flows.moment[at]!];
      const isDrawn = moment?.lines.some(({ above, below, words }) => (
        (above === pid || below === pid) && words.some((word) => isChannel(word.channel, channel))));
      if (!isDrawn) missing.push(`seed ${seed}: ${trace[flows.event[at]!]}`);
    }
  }
  // What is written to a pipe whose other end is still on its way in a message, or is gone, has nobody to lead to.
  assert.ok(missing.length <= all / 20, missing.join('\n'));
});

recording('names channels as the topology does', () => {
  const words = of(WITH_JOB).moments.flatMap(({ lines }) => lines.flatMap((line) => line.words.map(({ text }) => text.replace(/ .*/, ''))));
  for (const word of ['stdout', 'stderr', 'status', 'exit', 'request']) assert.ok(words.includes(word), `${word} is a line's word`);
});

recording('gives each process a place that no other has at the same time, and boxes that do not cover each other', () => {
  for (const seed of SEEDS) {
    const { moments, layout } = of(seed);
    for (const { boxes } of moments) assert.is(new Set(boxes.map(({ id }) => layout.slots[id])).size, boxes.length);
    const covers = layout.boxes.flatMap((a, index) => layout.boxes.slice(index + 1).filter((b) => (
      Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2)));
    assert.equal(covers, [], `seed ${seed}`);
  }
});

recording('follows the rings of a job', () => {
  const { rings, flows } = of(13), used = rings.filter(({ head }) => head.values.length > 0);
  assert.ok(used.length > 0 && used.some(({ links }) => links.length > 0));
  for (const { head, links, size } of used) {
    assert.ok(size >= 4096);
    assert.equal([...head.values].sort((a, b) => a - b), [...head.values]);
    for (const { position } of links) for (const event of position.at) assert.ok(valueAt(position, event) <= valueAt(head, event));
  }
  assert.ok(flows.descriptors.some((count) => count > 0), 'descriptors travel');
});

recording('finds a place in a sorted list', () => {
  const sorted = Int32Array.of(2, 2, 5, 9);
  assert.equal([1, 2, 4, 5, 10].map((event) => lastAtMost(sorted, event)), [-1, 1, 1, 2, 3]);
  assert.equal([1, 2, 3, 9, 10].map((event) => firstOf(sorted, event)), [0, 0, 2, 3, 4]);
});

recording('records a run that ends with a violation', () => {
  const { violation, lines, moments } = record(programs, parseScenario(JSON.stringify({
    ...generate(1), containers: [{ hooks: {} }], faults: { errno: 0, kill: 0, stall: 0, jump: 0, most: 0 },
    acts: [{ after: 0, act: { do: 'miscall', argv: ['wsh', '--help'], ends: 9 } }],
  })));
  assert.is(violation?.check, 'exit-code');
  assert.ok(lines.length > 0 && moments.length > 0);
});

recording.run();

const written = suite('a written scenario');

written('of every seed, and of the exhaustive run, is taken as it is', () => {
  for (let seed = 0; seed < 300; seed++) {
    const json = JSON.stringify(generate(seed));
    assert.equal(parseScenario(json), JSON.parse(json));
  }
  for (const { scenario } of bases()) parseScenario(JSON.stringify(scenario));
});

const good = { ...JSON.parse(JSON.stringify(generate(WITH_JOB))) as Record<string, unknown>, acts: [] };
const act = (fields: object): object => ({ ...good, acts: [{ after: 0, act: fields }] });
const mistakes: [text: string, words: RegExp][] = [
  ['{', /^the scenario is no JSON: /],
  ['[]', /^scenario is \[\]: it has to be an object$/],
  [JSON.stringify({ ...good, seed: -1 }), /^scenario\.seed is -1: it has to be a whole number from 0 to /],
  [JSON.stringify({ ...good, seeds: 1 }), /^scenario has "seeds", which nothing asks for: it takes seed, habits, /],
  [JSON.stringify({ ...good, faults: undefined }), /^scenario\.faults is missing: an object$|^scenario\.faults is missing/],
  [JSON.stringify({ ...good, habits: { shorten: 2, interrupt: 0 } }), /^scenario\.habits\.shorten is 2: it has to be a number from 0 to 1$/],
  [JSON.stringify(act({ do: 'dance' })), /^scenario\.acts\[0\]\.act\.do is "dance": it has to be one of "wsh", /],
  [JSON.stringify(act({ do: 'resize', wsh: 0, rows: 1, columns: 2 })), /^scenario\.acts\[0\]\.act has "columns"/],
  [JSON.stringify(act({ do: 'link', job: 0, stdout: 'eager', stderr: 'eager' })), /^acts\[0\]\.act\.job is 0: there are 0 before this act/],
  [JSON.stringify(act({ do: 'rude', container: 9, bytes: 0, closes: true, sends: 'part' })), /^acts\[0\]\.act\.container is 9: there are \d+ before/],
];
for (const [text, words] of mistakes) {
  written(`is refused: ${text.slice(-60)}`, () => {
    try {
      parseScenario(text);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ScenarioError);
      assert.match((error as ScenarioError).message, words);
    }
  });
}

written.run();

const message = suite('a pasted message');
message('is described, by its kind or as all that it may be', () => {
  assert.equal(describeMessage('00000000: 0000 0300', 'status').isGood, true);
  assert.match(describeMessage('00 00 03 00', 'status').text, /exited with 3/);
  assert.ok(describeMessage('00 00 03 00', undefined).text.split('\n\n').length > 1);
  assert.throws(() => describeMessage('hello', undefined), (error: unknown) => error instanceof RangeError);
});
message.run();
