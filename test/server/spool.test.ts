/** The files of a job's output: order, positions, limits, and what a server that was killed has left. */
import { appendFileSync, existsSync, readdirSync, statSync, writeSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PIECE_BYTES_MAX, Spool, type SpoolReader } from '../../src/server/job/spool.js';
import { type Scratch, scratch } from '../support/process.js';

const spool = suite('server spool');
let place: Scratch;

spool.before.each(() => { place = scratch(); });
spool.after.each(() => { place.remove(); });

const pathOf = (): string => `${place.path}/7`;

/** As a link does: writes to the files, then the server looks. */
function write(to: Spool, ...pieces: readonly (readonly [0 | 1, string])[]): void {
  for (const [index, text] of pieces) {
    writeSync(to.files[index], text);
    to.grow(Infinity);
  }
}

function rest(reader: SpoolReader): string[] {
  const all: string[] = [];
  for (let pieces = reader.next(); pieces.length > 0; pieces = reader.next()) all.push(...pieces.map(({ name, data }) => `${name} ${data.toString()}`));
  return all;
}

spool('pieces come in their order, to a reader from the start and to one that reads while they come', () => {
  const one = Spool.open(pathOf()), early = one.reader(), came: string[] = [];
  for (const [index, text] of [[0, 'a'], [0, 'b'], [1, 'c'], [0, 'd'], [1, 'e'], [1, 'f']] as const) {
    write(one, [index, text]);
    came.push(...rest(early));
  }
  assert.equal(came, ['stdout a', 'stdout b', 'stderr c', 'stdout d', 'stderr e', 'stderr f']);
  assert.equal(rest(one.reader()), ['stdout ab', 'stderr c', 'stdout d', 'stderr ef']);
  assert.equal(Object.values(one.collect()).map(String), ['abd', 'cef']);
  assert.equal([one.bytes, one.cursors], [6, { stdout: 3, stderr: 3 }]);
  one.close();
});

spool('a stream alone needs no third file; a large one comes in pieces, whatever a reader takes at once', () => {
  const one = Spool.open(pathOf()), text = 'x'.repeat(PIECE_BYTES_MAX * 2 + 5);
  write(one, [1, text]);
  for (const bytes of [undefined, PIECE_BYTES_MAX, 1_000]) {
    const pieces = rest(one.reader(bytes));
    assert.is(pieces.map((piece) => piece.slice('stderr '.length)).join(''), text);
    assert.ok(pieces.every((piece) => piece.length <= PIECE_BYTES_MAX + 'stderr '.length));
  }
  assert.equal(readdirSync(place.path).sort(), ['7.stderr', '7.stdout']);
  one.remove();
  one.close();
  assert.equal(readdirSync(place.path), []);
});

spool('the next server finds order and positions, also of what no server has looked at', () => {
  const one = Spool.open(pathOf());
  write(one, [0, 'a'], [1, 'b'], [0, 'c']);
  // Written by the link; the server is killed before it looks.
  writeSync(one.files[1], 'd');
  writeSync(one.files[0], 'e');
  one.close();
  // Nor has it finished its last record.
  appendFileSync(`${pathOf()}.order`, Buffer.from([1, 9]));
  const next = Spool.open(pathOf());
  assert.equal(rest(next.reader()), ['stdout a', 'stderr b', 'stdout ce', 'stderr d']);
  assert.equal(next.cursors, { stdout: 3, stderr: 2 });
  write(next, [0, 'f']);
  next.close();
  assert.equal(rest(Spool.open(pathOf()).reader()), ['stdout a', 'stderr b', 'stdout ce', 'stderr d', 'stdout f']);
});

spool('what the job did not hold any more counts for the positions, also after a restart', () => {
  const one = Spool.open(pathOf());
  write(one, [0, 'abc']);
  one.addLoss('stdout', 100);
  one.addLoss('stderr', 2 ** 32 - 1);
  write(one, [0, 'd'], [1, 'e']);
  for (const each of [one, Spool.open(pathOf())]) {
    assert.equal(each.cursors, { stdout: 104, stderr: 0 });
    assert.equal(rest(each.reader()), ['stdout abc', 'stdout d', 'stderr e']);
  }
});

spool('what is beyond the limit is not handed out, and cut off', () => {
  const one = Spool.open(pathOf());
  writeSync(one.files[0], '123456');
  writeSync(one.files[1], 'abc');
  one.grow(8);
  one.grow(8);
  assert.is(one.bytes, 8);
  one.cut();
  assert.equal([statSync(`${pathOf()}.stdout`).size, statSync(`${pathOf()}.stderr`).size], [6, 2]);
  assert.equal(rest(one.reader()), ['stdout 123456', 'stderr ab']);
});

spool('closed files are opened again; removed ones are not made again', () => {
  const one = Spool.open(pathOf());
  write(one, [0, 'a'], [1, 'b']);
  const reader = one.reader();
  one.close();
  assert.equal(rest(one.reader()), ['stdout a', 'stderr b']);
  one.remove();
  assert.equal(rest(reader), ['stdout a', 'stderr b']);
  one.close();
  assert.throws(() => rest(one.reader()), /was removed/);
  assert.not.ok(existsSync(`${pathOf()}.stdout`));
});

spool.run();
