import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Container } from '../../src/core/container/container.js';
import { programPath } from '../../src/base/paths.js';
import { ROLES, type Topology } from '../../src/topology/model.js';
import { main, start } from '../cli/help.js';
import { startInside } from '../containers/chain.js';
import { noContainers, startContainer, type TestContainer } from '../support/container.js';
import { isActive, type Job, startLink, stopAll } from '../support/iomux.js';
import { scratch, until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Terminal } from '../support/terminal.js';

const commands = suite('warden ps, warden topology');
const live = unless(noContainers, commands);
const { path: directory, remove } = scratch();
let container: TestContainer;
let job: Job;

commands.before(async () => {
  if (noContainers !== undefined) return;
  container = await startContainer();
  job = await startInside(container, 'exec sleep 1000');
  startLink(job.directory);
  await until(() => isActive(job), 'the command runs');
});
commands.after(async () => {
  await stopAll();
  if (noContainers === undefined) await container.destroy();
  remove();
});

function argv(...args: string[]): string[] { return [process.execPath, main, ...args]; }
async function warden(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await start(argv(...args)).result;
  assert.is(stderr, '');
  assert.is(code, 0);
  return stdout;
}

live('a tree of processes', async () => {
  const text = await warden('ps', container.path);
  for (const words of ['iomux-spawn job 1', 'wsh job 1', 'iomux-link job 1', 'wshd', 'sleep  1000']) assert.ok(text.includes(words), words);
  assert.not.match(text, /\x1b/);
});

live('a tree of processes and their descriptors', async () => {
  const text = await warden('topology', container.path);
  assert.match(text, / 8 {2}job's stdout +pipe \d+ ← wsh \d+:/);
  assert.match(text, /request socket +sock \d+ ◦ run\/wshd\.sock/);
  assert.match(text, /request +sock \d+ ⇄ wsh \d+:/);
});

/** Where the form is fixed, and the values are not: each key once, with the kind of its value. */
function form(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [form(value[0])];
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, form(inner)]));
}

const PROCESS = {
  pid: 'number', parent: 'number', containerPid: 'object', where: 'string', program: 'string', job: 'string', name: 'string',
  command: ['string'], state: 'string', uid: 'number', threads: 'number', residentKib: 'number', cpuMs: 'number',
};

live('JSON, in a form that does not change', async () => {
  const it = JSON.parse(await warden('topology', '--json', container.path)) as Topology;
  const spawned = it.processes.find(({ program }) => program === 'iomux-spawn')!;
  const link = it.channels.find(({ role }) => role === 'stdout-link')!;
  assert.equal(form({ ...it, processes: [spawned], channels: [link] }), {
    version: 'number', container: { id: 'string', directory: 'string', pid: 'number', monitor: 'object' },
    processes: [{ ...PROCESS, descriptors: [{ fd: 'number', access: 'string', role: 'string', channel: 'string', target: 'string' }] }],
    channels: [{ id: 'string', kind: 'string', role: 'string', path: 'string', job: 'string',
      ends: [{ pid: 'number', fds: ['number'], side: 'string', socket: 'number' }] }],
  });
  assert.is(it.version, 1);
  for (const { role } of it.channels) assert.ok(role in ROLES, role);
  const ps = JSON.parse(await warden('ps', '--json', container.path)) as Topology;
  const again = ps.processes.find(({ program }) => program === 'iomux-spawn')!;
  assert.equal(form({ ...ps, processes: [again] }), { ...form({ version: 1, container: it.container }) as object, processes: [PROCESS] });
});

live('a picture, whole and of nothing but the container', async () => {
  const file = `${directory}/chain.svg`;
  assert.is(await warden('topology', '--svg', file, container.path), '');
  const picture = readFileSync(file, 'utf8');
  assert.is(await warden('topology', '--format', 'svg', container.path), picture);
  for (const name of ['iomux-spawn', 'wsh', 'iomux-link', 'wshd', 'sleep', 'request', 'wshd.sock']) assert.ok(picture.includes(name), name);
  assert.not.ok(picture.includes(container.path));
});

live('boxes that do not overlap each other or a label', async () => {
  const picture = await warden('topology', '--format', 'svg', container.path);
  const rectangles = [...picture.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="\d+" class="(?:box|label)/g)]
    .map((match) => match.slice(1).map(Number) as [number, number, number, number]);
  assert.ok(rectangles.length > 8);
  const overlapping = rectangles.flatMap((a, at) => rectangles.slice(at + 1).filter((b) => (
    a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3])));
  assert.equal(overlapping, []);
});

live('at a terminal of 80 columns: colours, and no line is longer', async () => {
  for (const command of ['ps', 'topology']) {
    for (const env of [{}, { NO_COLOR: '1' }]) {
      const { NO_COLOR: _, FORCE_COLOR: __, ...rest } = process.env;
      const terminal = new Terminal(argv(command, container.path), { columns: 80, env: { ...rest, TERM: 'xterm', ...env } });
      assert.is(await terminal.ends(), 0);
      await terminal.close();
      const shown = terminal.shown.toString();
      assert.is(/\x1b\[\d+m/.test(shown), !('NO_COLOR' in env), command);
      const lines = shown.replace(/\x1b\[\d+m/g, '').split(/\r?\n/);
      assert.equal(lines.filter((line) => [...line].length > 80), [], command);
    }
  }
});

live('what a command calls itself does not steer the terminal', async () => {
  const child = start([programPath('wsh'), '--socket', container.socket, 'bash', '-c', 'exec -a "$(printf "evil\\033[2J")" sleep 1001']);
  try {
    await until(async () => (await warden('ps', container.path)).includes('1001'), 'the command runs');
    for (const format of ['tree', 'svg']) assert.not.match(await warden('topology', '--format', format, container.path), /\x1b/);
    assert.not.match(await warden('ps', container.path), /\x1b/);
  } finally {
    child.child.kill('SIGKILL');
    await child.result;
  }
});

live('all containers of a depot; a picture of one only', async () => {
  const depot = `${directory}/depot`;
  // Those of a monitor are shown with every depot: other tests may have some.
  const inDepot = async (command: string): Promise<Topology[]> => (
    (JSON.parse(await warden(command, '--json', '--depot', depot)) as Topology[]).filter(({ container: { monitor } }) => monitor === null));
  assert.equal(await inDepot('ps'), []);
  const made = [await Container.create({ depot, id: 'one' }), await Container.create({ depot, id: 'two' })];
  try {
    const all = await inDepot('topology');
    assert.equal(all.map(({ container: { id } }) => id), ['one', 'two']);
    assert.equal(all.map(({ processes }) => processes.map(({ program }) => program)), [['wshd'], ['wshd']]);
    process.kill(all[0]!.container.pid!, 'SIGKILL');
    await until(async () => /^one .*\nit does not run: /.test(await warden('topology', '--depot', depot, 'one')), 'it has ended');
    const picture = await start(argv('topology', '--format', 'svg', '--depot', depot)).result;
    assert.is(picture.code, 2);
    assert.match(picture.stderr, /^warden topology: a picture shows one container, and there are \d+ /);
  } finally {
    for (const one of made) await one.destroy();
  }
});

live('refuses what is not there', async () => {
  for (const [args, exitCode, words] of [
    [['ps', 'nosuch'], 1, /^warden ps: there is no container \S+nosuch; /],
    [['topology', '/nosuch'], 1, /^warden topology: there is no container \/nosuch; /],
    [['topology', '../x y'], 1, /^warden topology: there is no container /],
    [['ps', '.hidden'], 2, /^warden ps: "\.hidden" is neither a container's id nor/],
    [['topology', '--svg', `${directory}/no/such.svg`, container.path], 2, /^warden topology: cannot write the picture to \S+such\.svg: ENOENT/],
    [['topology', '--svg', 'x', '--json', container.path], 2, /^warden topology: option /],
    [['topology', '--format', 'png'], 2, /^warden topology: option '--format <format>' argument 'png' is invalid/],
  ] as const) {
    const { code, stdout, stderr } = await start(argv(...args)).result;
    assert.match(stderr, words);
    assert.is(code, exitCode);
    assert.is(stdout, '');
  }
});

commands.run();
