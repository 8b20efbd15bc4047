import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unless } from '../../support/skip.js';
import { countedSources, type Place } from './branches.js';
import { coverage, coverageReport, judged } from './coverage.js';
import { noRecording } from '../tools.js';

const covering = suite('coverage');

unless(noRecording(), covering)('the kept inputs reach every branch of the modules that any input can reach', async () => {
  const found = await coverage();
  assert.is(found.missed.length + found.wrong.length, 0, coverageReport(found));
  console.log(`  ${coverageReport(found).split('\n')[0]}`);
});

covering('the sources have their places', () => {
  const { places } = countedSources();
  const of = (file: string): string[] => places.filter((place) => place.file === file).map(({ name, text }) => `${name}: ${text}`);
  assert.equal(of('assembly/lib/ring.ts'), [
    'Ring.begin: function', 'Ring.oldest: function', 'Ring.oldest: this.head > this.size', 'Ring.room: function',
    'Ring.fill: function', 'Ring.fill: got > 0', 'Ring.at: function', 'Ring.piece: function', 'Ring.drain: function',
  ]);
  assert.ok(of('assembly/wire/request.ts').includes('suffersFrom: case Verdict.BAD_LIMIT_ID'));
  assert.equal(of('assembly/lib/errno.ts'), ['describeError: function']);
});

const place: Place = { file: 'a.ts', line: 1, name: 'f', text: 'x > 0', outcomes: ['false', 'true'] };
const reason = { at: 'a.ts f: x > 0', outcome: 'true', why: 'it is never so' } as const;

covering('what is not reached needs a reason', () => {
  assert.equal(judged([place], new Set([0]), []).missed, [{ place, outcome: 'true' }]);
  assert.equal(judged([place], new Set([0]), [reason]), {
    all: 2, reached: 1, explained: [{ place, outcome: 'true', why: reason.why }], missed: [], wrong: [],
  });
});

covering('the reason of a function that is not reached is its branches\', and only then', () => {
  const entry: Place = { file: 'a.ts', line: 1, name: 'f', text: 'function', outcomes: ['reached'] };
  const never = { at: 'a.ts f: function', outcome: 'reached', why: 'nobody calls it' } as const;
  assert.is(judged([entry, place], new Set(), [never]).explained.length, 3);
  assert.is(judged([entry, place], new Set([0]), [never]).missed.length, 2);
  assert.equal(judged([entry, place], new Set([0]), [never]).wrong, [never]);
});

covering('a reason for what is reached, or is not there, is wrong', () => {
  assert.equal(judged([place], new Set([0, 1]), [reason]).wrong, [reason]);
  assert.equal(judged([place], new Set([0, 1]), [{ ...reason, at: 'a.ts g: x > 0' }]).wrong.length, 1);
});

covering.run();
