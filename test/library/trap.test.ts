/** A module traps in this process: that costs the command, the link or the watch that it was at, and nothing else. */
import { once } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WardenError, type Container } from '../../src/index.js';
import { wasmPath } from '../../src/base/paths.js';
import { type Change, compileModule } from '../../tools/build/asc.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const traps = suite('the library, whose modules trap');
const test = unless(noContainers, traps);
const depot = new Depot();
let container: Container;
let before: string[];

const FILE = 'assembly/programs/wsh/index.ts';
/** Where it traps when LANG is the place's number, and whether the command runs by then. */
const PLACES: readonly [what: string, behind: string, runs: boolean][] = [
  ['with its own stdin taken over', '  terminal.local = adoptFd(0);\n', false],
  ['with the request sent', '  if (result > 0) moveTo(State.AWAITING);\n', false],
  ['with the descriptors received', '  if (kind != RecordKind.RUNNING) return giveUp(Ending.PROTOCOL, "wsh: wshd\'s answer is not of protocol version 2");\n', true],
  ['with its streams open', '  moveTo(State.RELAYING);\n', true],
  ['with output on its way', '  if (handle == connection.status) takeStatus();\n  if (input.owns(handle)) input.pump();\n', true],
  ['with the status known', '  const raw = kind == RecordKind.ENDED ? recordedStatus() : -1;\n', false],
];

/** For a link that goes on at this position of stdout. */
const TRAPPED_AT = 57_005;
const LINK: readonly Change[] = [{
  file: 'assembly/programs/iomux-link/index.ts', from: '  if (handle == statusChannel.socket) takeStatus();\n',
  to: `  if (output.origin == ${TRAPPED_AT}) unreachable();\n  if (handle == statusChannel.socket) takeStatus();\n`,
}];
const WATCH: readonly Change[] = [{
  file: 'assembly/programs/oom/index.ts', from: '  const got = read(group.watched, event, EVENT_BYTES);\n', to: '  const got = read(group.watched, event, EVENT_BYTES);\n  unreachable();\n',
}];

const IMPORT = 'import { argument, exit, loadArguments, loadEnvironment } from "../../boundary/wasi";\n';

function changes(): Change[] {
  const variable: Change = { file: FILE, from: IMPORT, to: IMPORT.replace('loadEnvironment', 'loadEnvironment, variable') };
  return [variable, ...PLACES.map(([, from], index) => ({
    file: FILE, from, to: `${from}  if (variable("LANG") != 0 && load<u8>(variable("LANG")) == ${'1'.charCodeAt(0) + index}) unreachable();\n`,
  }))];
}

if (!noContainers) {
  traps.before(async () => {
    const variants = new Map<unknown, Uint8Array>();
    for (const [program, changed] of Object.entries({ 'wsh': changes(), 'iomux-link': LINK, 'oom': WATCH })) {
      variants.set(wasmPath(program), await compileModule(program, changed));
    }
    const { readFileSync } = fs;
    // A module is read when it is first needed.
    const read = (path: never, options: never): unknown => variants.get(path) ?? readFileSync(path, options);
    fs.readFileSync = read as typeof fs.readFileSync;
    syncBuiltinESMExports();
    container = await depot.create();
    await container.exec(['true']).output();
    const job = await container.spawn(['true']);
    await job.remove();
    container.watchOom().close();
    fs.readFileSync = readFileSync;
    syncBuiltinESMExports();
  });
  traps.after(async () => {
    await container.destroy();
    assert.equal(await depot.leftovers(), []);
    depot.remove();
  });
  traps.before.each(async () => { before = await held(); });
  traps.after.each(() => holdsOnly(before));
}

function isTrap(error: unknown): void {
  assert.instance(error, WardenError);
  assert.equal([(error as WardenError).code, (error as WardenError).message], ['INTERNAL', 'the module trapped: assertion failed']);
}

const processes = async (): Promise<number> => (await container.info()).processes.length;

for (const [index, [what, , runs]] of PLACES.entries()) {
  test(`exec: ${what}`, async () => {
    // Again and again: what comes while the relay is made is taken in the same turn, and nothing would happen behind it.
    const command = runs ? 'while echo started; do sleep 0.1; done' : 'echo started';
    const execution = container.exec(['sh', '-c', command], { lang: String(index + 1) });
    isTrap(await execution.output().catch((thrown: unknown) => thrown));
    await until(async () => await processes() === 1, 'nothing is left of the command');
    assert.is((await container.exec(['echo', 'next']).output()).stdout.toString(), 'next\n');
  });
}

test('link: the job goes on, and so does the next link', async () => {
  const job = await container.spawn(['sh', '-c', 'echo kept; sleep 1000']);
  isTrap(await job.link({ cursors: { stdout: TRAPPED_AT, stderr: 0 }, stdio: 'ignore' }).result.catch((thrown: unknown) => thrown));
  const link = job.link();
  const [piece] = await once(link.stdout!, 'data') as [Buffer];
  assert.is(piece.toString(), 'kept\n');
  await link.stop();
  await job.stop({ graceMs: 0 });
  await job.remove();
});

test('watchOom: it says so, and the next watch watches', async () => {
  const brief = await depot.create(), watch = brief.watchOom(), failed = once(watch, 'error');
  await brief.destroy();
  isTrap((await failed)[0]);
  const next = container.watchOom(), end = once(next, 'end');
  next.close();
  assert.equal(await end, ['closed']);
});

traps.run();
