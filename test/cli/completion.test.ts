/** Completion, as bash asks for it: its own words and its own function. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../support/container.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';
import { Depot, main } from './help.js';

const all = suite('warden completion');
const asRoot = unless(noContainers, all);
const files = scratch();
const bin = join(files.path, 'bin');
let depot: Depot;

all.before(() => {
  depot = new Depot();
  mkdirSync(bin);
  symlinkSync(main, join(bin, 'warden'));
});
all.after(async () => {
  assert.equal(await depot.leftovers(), []);
  depot.remove();
  files.remove();
});

const environment = (): NodeJS.ProcessEnv => ({ ...depot.environment, PATH: `${bin}:${process.env['PATH']}` });

/** What bash would offer for the last of these words. */
function offers(...words: string[]): string[] {
  const script = 'source <(warden completion bash); COMP_WORDS=(warden "$@"); COMP_CWORD=$#; compopt() { echo ":$*"; }; '
    + '_warden warden "${@: -1}"; for word in "${COMPREPLY[@]}"; do echo "$word"; done';
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], { env: environment(), encoding: 'utf8' });
  assert.equal([status, stderr], [0, '']);
  return stdout.split('\n').slice(0, -1);
}

all('commands', () => {
  assert.equal(offers('ex'), ['exec']);
  const commands = offers('');
  for (const command of ['run', 'create', 'exec', 'spawn', 'link', 'list', 'info', 'stop', 'destroy', 'ps', 'topology', 'wire', 'completion']) {
    assert.ok(commands.includes(command), command);
  }
  assert.not.ok(commands.includes('complete'), 'what the scripts call is hidden');
  assert.equal(offers('wire', 'enc'), ['encode']);
});

all('options, those that are given already no more, but for those that may be', () => {
  assert.equal(offers('run', '--me'), ['--memory']);
  assert.equal(offers('run', '--memory', '1G', '--me'), []);
  assert.equal(offers('run', '--bind', 'a:/b', '--bi'), ['--bind']);
  assert.equal(offers('exec', 'c', '--us'), ['--user']);
  assert.equal(offers('wire', 'decode', '--he'), ['--hex', '--help']);
});

all('values of options and arguments', () => {
  assert.equal(offers('spawn', 'c', '--slow-reader', ''), ['block', 'disconnect']);
  assert.equal(offers('spawn', 'c', '--slow-reader', '=', 'd'), ['disconnect']);
  assert.equal(offers('completion', ''), ['bash', 'zsh', 'fish']);
  assert.equal(offers('run', '--depot', ''), [':-o dirnames']);
  assert.equal(offers('link', 'c', 'j', '--cursors', ''), [':-o default']);
  assert.equal(offers('run', '--name', ''), []);
});

all('nothing of ours where another program\'s words stand', () => {
  assert.equal(offers('run', '--', '--me'), [':-o default']);
  assert.equal(offers('run', 'ls', '--me'), [':-o default']);
  assert.equal(offers('exec', 'c', 'ls', '--us'), [':-o default']);
  assert.equal(offers('exec', 'c', '--', '--us'), [':-o default']);
});

asRoot('containers and jobs', async () => {
  for (const name of ['blue', 'black', 'red']) await depot.prints('create', '--name', name);
  try {
    const job = (await depot.prints('spawn', 'red', '--name', 'job.1', '--', 'sleep', '4242')).trim();
    assert.equal(offers('exec', 'bl'), ['black', 'blue']);
    assert.equal(offers('destroy', 'blue', 'bl'), ['black']);
    assert.equal(offers('link', 'red', ''), [job]);
    assert.equal(offers('link', 'blue', ''), []);
    assert.equal(offers('destroy', 'red', '--job', ''), [job]);
    assert.equal(offers('destroy', '--job', ''), []);
    assert.equal(offers('link', 'nosuch', ''), []);
    assert.equal(offers('info', '--depot', '/nonexistent', ''), []);
  } finally {
    await depot.prints('destroy', 'blue', 'black', 'red');
  }
});

all('completes in a real bash', async () => {
  const terminal = new Terminal(['bash', '--norc', '--noprofile'], { env: { ...environment(), TERM: 'dumb' } });
  try {
    await terminal.sees(/[#$] /);
    terminal.type('source <(warden completion bash); echo rea""dy\r');
    await terminal.sees(/[\r\n]ready/);
    terminal.type('warden comp\tba\t\x01echo \r');
    await terminal.sees(/[\r\n]warden completion bash/);
    terminal.type('exit\r');
    await terminal.ends();
  } finally {
    await terminal.close();
  }
});

all('the client\'s commands, and the fields of one', () => {
  assert.equal(offers('client', '--', 'li'), ['limit_bandwidth', 'limit_cpu', 'limit_disk', 'limit_memory', 'link', 'list']);
  assert.equal(offers('client', 'pi'), ['ping']);
  assert.equal(offers('client', '--socket', '/s', '--', 'net_in', '--h'), ['--handle', '--host_port']);
  assert.equal(offers('client', '--', 'nonsense', '--h'), []);
  assert.equal(offers('client', '--exit'), ['--exit_on_error']);
});

all.run();
