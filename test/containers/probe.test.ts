/** What the probe (probe.c) sees and can do in a container of each kind, held to the table of docs/security.md. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { source } from '../boundary/sources.js';
import { Depot, start } from '../cli/help.js';
import { noContainers } from '../support/container.js';
import { asUser, OrdinaryUser, whyNoIds } from '../support/rootless/ordinary-user.js';
import { scratch } from '../support/process.js';
import { unless } from '../support/skip.js';

const probe = suite('the probe');
const { path: directory, remove } = scratch();
let depot: Depot;

/** The columns of ours that root makes, and the options that make a container of the kind. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'root': ['--userns', 'required'],
  'user': ['--userns', 'required', '--user', 'vcap'],
  'root, host\'s ids': ['--userns', 'host'],
  'user, host\'s ids': ['--userns', 'host', '--user', 'vcap'],
  'privileged root': ['--privileged'],
};

/** Rows by name, each with its cells by column. */
function readTable(): Map<string, Map<string, string>> {
  const [, text = ''] = /<!-- probe -->\n([^]*?)\n<!-- end of probe -->/.exec(source('docs/security.md')) ?? [];
  const rows = text.split('\n').map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim().replaceAll('`', '')));
  const [head = [], , ...body] = rows;
  return new Map(body.map(([name = '', ...cells]) => [name, new Map(cells.map((cell, index) => [head[index + 1]!, cell]))]));
}

probe.before(() => {
  depot = new Depot();
  if (noContainers !== undefined) return;
  chmodSync(directory, 0o755);
  const files = ['-o', `${directory}/probe`, `${packageRoot}test/containers/probe.c`];
  execFileSync('cc', ['-static', '-O1', '-Wall', '-Wextra', '-Werror', ...files]);
});
probe.after.each(async () => assert.equal(await depot.leftovers(), []));
probe.after(() => {
  depot.remove();
  remove();
});

/** Holds what the probe prints to the page's column; what depends on the machine is not compared. */
function compare(kind: string, stdout: string): void {
  const found = new Map(stdout.trim().split('\n').map((line) => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), line.slice(space + 1)] as const;
  }));
  const table = readTable();
  assert.equal([...found.keys()], [...table.keys()], 'the rows');
  const differences = [...found].map(([name, value]) => [name, value, table.get(name)!.get(kind)] as const)
    .filter(([, value, expected]) => expected !== '·' && value !== expected);
  assert.equal(differences.map(([name, value, expected]) => `${name}: ${value}, and the page says ${expected}`), []);
}

const command = ['--bind', `${directory}:/probe:ro`, '--', '/probe/probe'];

for (const [kind, options] of Object.entries(KINDS)) {
  unless(noContainers, probe)(`finds what the page says of ${kind}`, async () => {
    const { code, stdout, stderr } = await depot.run([...options, ...command]);
    assert.equal([code, stderr], [0, '']);
    compare(kind, stdout);
  });
}

for (const [kind, options] of [['rootless root', []], ['rootless user', ['--user', 'vcap']]] as const) {
  unless(whyNoIds, probe)(`finds what the page says of ${kind}`, async () => {
    const user = new OrdinaryUser();
    try {
      const { code, stdout } = await user.wardenWithIds('run', ...options, ...command);
      assert.is(code, 0);
      compare(kind, stdout);
      assert.equal(user.leftovers(), []);
    } finally {
      user.remove();
    }
  });
}

const BWRAP = ['bwrap', '--unshare-all', '--ro-bind', '/usr', '/usr', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--ro-bind', directory, '/probe'];
const NAME = `warden-probe-${process.pid}`;

/** The columns of others: the tool, and the command line behind which the probe's stands. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  'podman root': ['podman', '--runtime', 'runc', 'run', '--rm', '--network', 'none', '--rootfs', `${directory}/root`],
  'podman user': ['podman', '--runtime', 'runc', 'run', '--rm', '--network', 'none', '--user', '10001', '--rootfs', `${directory}/root`],
  'bubblewrap root': BWRAP,
  'bubblewrap user': [...asUser, ...BWRAP],
  'nspawn root': [
    'systemd-nspawn', '--quiet', `--machine=${NAME}`, '--register=no', '--keep-unit', '--private-network', '--console=pipe',
    '-D', `${directory}/root`,
  ],
};

/** A root for tools that need one. */
function makeRoot(): void {
  for (const name of ['usr', 'etc', 'proc', 'dev', 'sys', 'tmp', 'run', 'root', 'var', 'probe']) {
    mkdirSync(`${directory}/root/${name}`, { recursive: true });
  }
  writeFileSync(`${directory}/root/etc/os-release`, 'ID=probe\n');
  copyFileSync(`${directory}/probe`, `${directory}/root/probe/probe`);
  writeFileSync(`${directory}/containers.conf`, '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n'
    + '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n');
  writeFileSync(`${directory}/storage.conf`, `[storage]\ndriver = "vfs"\ngraphroot = "${directory}/graph"\nrunroot = "${directory}/run"\n`);
}

for (const [kind, before] of Object.entries(PEERS)) {
  const tool = kind.startsWith('bubblewrap') ? 'bwrap' : before[0]!;
  unless(noContainers ?? (existsSync(`/usr/bin/${tool}`) ? undefined : `there is no ${tool}`), probe)(`finds what the page says of ${kind}`, async () => {
    makeRoot();
    const env = { ...process.env, CONTAINERS_CONF: `${directory}/containers.conf`, CONTAINERS_STORAGE_CONF: `${directory}/storage.conf` };
    const { code, stdout, stderr } = await start([...before, '/probe/probe'], '', env).result;
    assert.is(code, 0, stderr);
    compare(kind, stdout);
    rmSync(`/run/systemd/nspawn/propagate/${NAME}`, { recursive: true, force: true });
  });
}

probe.run();
