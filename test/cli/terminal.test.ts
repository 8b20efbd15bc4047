/** `warden run` with somebody at a terminal. */
import { existsSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { Depot } from './help.js';

const all = suite('warden run at a terminal');
const it = unless(noContainers, all);
const full = unless(noContainers ?? (existsSync('/usr/bin/top') ? undefined : 'no top here'), all);
let depot: Depot;
const terminals: Terminal[] = [];

all.before(() => { depot = new Depot(); });
all.after.each(async () => {
  for (const terminal of terminals.splice(0)) await terminal.close();
  assert.equal(await depot.leftovers(), []);
});
all.after(() => depot.remove());

function atTerminal(...args: string[]): Terminal {
  const terminal = new Terminal(depot.command(...args), { rows: 30, columns: 90, env: { ...process.env, TERM: 'xterm' } });
  terminals.push(terminal);
  return terminal;
}

it('is a terminal inside, with its size and TERM', async () => {
  const terminal = atTerminal('--', 'sh', '-c', 'tty; stty size; echo $TERM; exit 42');
  await terminal.sees('/dev/pts/0\r\n30 90\r\nxterm\r\n');
  assert.is(await terminal.ends(), 42);
});

it('belongs to the user', async () => {
  const terminal = atTerminal('--user', 'vcap', '--', 'sh', '-c', 'stat -c %U $(tty); echo x > /dev/tty');
  await terminal.sees('vcap\r\nx\r\n');
  assert.is(await terminal.ends(), 0);
});

it('takes a variable for a command\'s name when it is given one', async () => {
  const terminal = atTerminal('--', 'A=B');
  await terminal.sees('wsh: cannot execute A=B: no such file or directory');
  assert.is(await terminal.ends(), 255);
});

it('sends Ctrl-C to the command', async () => {
  const terminal = atTerminal('--', 'sh', '-c', 'trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.1; done');
  await terminal.sees('ready');
  terminal.type('\x03');
  await terminal.sees('interrupted');
  assert.is(await terminal.ends(), 3);
});

it('has job control', async () => {
  const terminal = atTerminal('--', 'bash', '--norc');
  await terminal.sees('# ');
  terminal.type('sh -c "echo rea""dy; exec sleep 4242"\r');
  await terminal.sees(/[\r\n]ready/);
  terminal.type('\x1a');
  await terminal.sees(/Stopped +sh -c[^#]*# /);
  terminal.type('fg\r');
  await terminal.sees(/fg[\r\n][^#]*sh -c "echo/);
  terminal.type('\x03');
  await terminal.sees('# ');
  terminal.type('exit 9\r');
  assert.is(await terminal.ends(), 9);
});

it('passes a new size on', async () => {
  const terminal = atTerminal('--', 'sh', '-c', 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done');
  await terminal.sees('ready');
  terminal.resize(20, 70);
  await terminal.sees('20 70');
  assert.is(await terminal.ends(), 0);
});

full('shows a full-screen program', async () => {
  const terminal = atTerminal('--', 'top');
  await terminal.sees('COMMAND');
  terminal.type('q');
  assert.is(await terminal.ends(), 0);
});

const ends: [how: string, end: (terminal: Terminal) => void, expected: number][] = [
  ['exits', (terminal) => terminal.type('exit 6\r'), 6],
  ['is ended by SIGTERM', (terminal) => terminal.kill('SIGTERM'), 143],
  ['is ended by SIGHUP', (terminal) => terminal.kill('SIGHUP'), 129],
  ['is ended by SIGKILL', (terminal) => terminal.kill('SIGKILL'), -9],
];
for (const [how, end, expected] of ends) {
  it(`puts the terminal back when it ${how}`, async () => {
    const terminal = atTerminal('--', 'sh', '-c', 'sleep 0.1; echo ready; exec sh');
    const before = await terminal.settings();
    await terminal.sees('ready');
    assert.not.equal(await terminal.settings(), before);
    end(terminal);
    assert.is(await terminal.ends(), expected);
    await depot.leftovers();
    // A wsh whose parent was killed puts it back a little later than that is gone.
    if (expected !== -9) assert.equal(terminal.settingsLeft, before);
  });
}

it('ends with the terminal', async () => {
  const terminal = atTerminal('--', 'sh', '-c', 'trap "" HUP; echo ready; while :; do sleep 0.1; done');
  await terminal.sees('ready');
  terminal.hangUp();
  assert.is(await terminal.ends(), -1);
});

all.run();
