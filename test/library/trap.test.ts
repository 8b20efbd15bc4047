/** The wsh module traps in the middle of a command: that costs the command, and nothing else. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WardenError, type Container } from '../../src/index.js';
import { wasmPath } from '../../src/paths.js';
import { type Change, compileModule } from '../support/asc.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, held, holdsOnly, noContainers } from './help.js';

const traps = suite('container.exec, whose module traps');
const test = unless(noContainers, traps);
const depot = new Depot();
let container: Container;
let before: string[];

const FILE = 'assembly/wsh/index.ts';
/** Where it traps when LANG is the place's number, and whether the command runs by then. */
const PLACES: readonly [what: string, behind: string, runs: boolean][] = [
  ['with its own stdin taken over', '  local = inherit(0);\n', false],
  ['with the request sent', '  state = State.AWAITING;\n', false],
  ['with the descriptors received', '  if (got < 0) return giveUp(Ending.REFUSED, "wsh: cannot receive wshd\'s answer", 0, got);\n', true],
  ['with its streams open', '  state = State.RELAYING;\n', true],
  ['with output on its way', '  if (handle == status) takeStatus();\n  if (input.owns(handle)) input.pump();\n', true],
  ['with the status known', '  if (got == -EAGAIN) return;\n  exitWith = got == STATUS_BYTES ? exitStatus(response) : -1;\n  ended = rawExit(exitWith);\n', false],
];

function changes(): Change[] {
  return PLACES.map(([, from], index) => ({
    file: FILE, from, to: `${from}  if (variable("LANG") != 0 && load<u8>(variable("LANG")) == ${'1'.charCodeAt(0) + index}) unreachable();\n`,
  }));
}

if (!noContainers) {
  traps.before(async () => {
    const variant = await compileModule('wsh', changes()), { readFileSync } = fs;
    // The module is read when it is first needed.
    const read = (path: never, options: never): unknown => (path === wasmPath('wsh') ? variant : readFileSync(path, options));
    fs.readFileSync = read as typeof fs.readFileSync;
    syncBuiltinESMExports();
    container = await depot.create();
    await container.exec(['true']).output();
    fs.readFileSync = readFileSync;
    syncBuiltinESMExports();
  });
  traps.after(async () => {
    await container.destroy();
    assert.equal(depot.left(), []);
    depot.remove();
  });
  traps.before.each(async () => { before = await held(); });
  traps.after.each(() => holdsOnly(before));
}

const processes = async (): Promise<number> => (await container.info()).processes.length;

for (const [index, [what, , runs]] of PLACES.entries()) {
  test(what, async () => {
    const command = runs ? 'echo started; sleep 1000' : 'echo started';
    const execution = container.exec(['sh', '-c', command], { lang: String(index + 1) });
    const error = await execution.output().then(() => undefined, (thrown: unknown) => thrown);
    assert.instance(error, WardenError);
    assert.equal([(error as WardenError).code, (error as WardenError).message], ['INTERNAL', 'the module trapped: assertion failed']);
    await until(async () => await processes() === 1, 'nothing is left of the command');
    assert.is((await container.exec(['echo', 'next']).output()).stdout.toString(), 'next\n');
  });
}

traps.run();
