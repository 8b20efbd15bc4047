/** `warden kill`, `wait`, `sweep` and `doctor`. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerInfo } from '../../src/index.js';
import { noContainers } from '../support/container.js';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { depotWithContainer } from './help.js';

const commands = suite('warden kill, wait, sweep, doctor');
const it = unless(noContainers, commands);
const depot = depotWithContainer(commands);

const spawn = async (script: string): Promise<string> => (await depot.prints('spawn', 'c', '--', 'sh', '-c', script)).trim();

async function stateOf(job: string): Promise<string | undefined> {
  return (JSON.parse(await depot.prints('info', 'c', '--json')) as ContainerInfo).jobs.find(({ id }) => id === job)?.state;
}

it('sends a signal of choice to a job, and to nothing else', async () => {
  const job = await spawn('trap "exit 5" HUP; while :; do sleep 0.05; done'), other = await spawn('sleep 1000');
  assert.match(await depot.prints('kill', '--signal', 'HUP', `c/${job}`), /^\d+ process(es)? got SIGHUP\n$/);
  assert.is(await depot.prints('wait', `c/${job}`), '5\n');
  assert.is(await stateOf(other), 'running');
  await depot.prints('kill', `c/${other}`);
  assert.is(await depot.prints('wait', `c/${other}`), '137\n');
});

it('kills everything in a container but its init', async () => {
  const jobs = [await spawn('sleep 1000'), await spawn('sleep 1000')];
  assert.match(await depot.prints('kill', 'c'), /^\d+ processes got SIGKILL\n$/);
  assert.is(await depot.prints('wait', ...jobs.map((job) => `c/${job}`)), '137\n137\n');
  assert.is((await depot.warden('exec', 'c', 'true')).code, 0);
});

it('does not start a job by waiting for it', async () => {
  const job = (await depot.prints('spawn', 'c', '--wait-for-link', '--', 'sh', '-c', 'exit 7')).trim();
  const waiting = depot.startWarden(['wait', `c/${job}`]);
  await until(async () => (await depot.prints('ps', 'c')).length > 0, 'it is there');
  assert.is(await stateOf(job), 'waiting');
  assert.is((await depot.warden('link', 'c', job)).code, 7);
  assert.is((await waiting.result).stdout, '7\n');
});

const WRONG: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
  [['kill', '--signal', 'NOSUCH', 'c'], 2, /^warden kill: the signal must be the name of a signal/],
  [['kill', 'nothing'], 1, /^warden kill: there is no container /],
  [['kill', 'c/nothing'], 1, /^warden kill: there is no job nothing in the container /],
  [['kill', 'c'], 1, /^warden kill: no process is there to get the signal$/m],
  [['wait', 'c'], 2, /^warden wait: c is a container, and only jobs have an exit code/],
  [['wait', 'c/nothing'], 1, /^warden wait: there is no job nothing /],
  [['wait'], 2, /^warden wait: missing required argument 'job'/],
];
for (const [args, code, message] of WRONG) {
  it(`refuses ${args.join(' ')}`, async () => {
    const result = await depot.warden(...args);
    assert.match(result.stderr, message);
    assert.equal([result.code, result.stdout], [code, '']);
  });
}

it('sweeps abandoned containers, and leaves others alone', async () => {
  await depot.prints('create', '--name', 'half');
  // As if its remover had died.
  symlinkSync('999999999 1', join(depot.path, 'half.owner'));
  assert.equal(JSON.parse(await depot.prints('sweep', '--json')), { removed: ['half'] });
  assert.is(await depot.prints('sweep'), '');
  assert.match(await depot.prints('list'), /^c +serving/m);
});

it('finds that containers can be made here', async () => {
  const findings = JSON.parse(await depot.prints('doctor', '--json')) as { subject: string; state: string }[];
  assert.equal(findings.filter(({ state }) => state === 'missing'), []);
  assert.match(await depot.prints('doctor', '--engines'), /^ENGINE +FOUND +HOW +GUIDE\npodman +\S+ +podman .*--conmon \S+\/conmon run …  docs\/guides\/podman\.md$/m);
  assert.match(await depot.prints('doctor'), /^user +good +root$[^]*\ncontainers can be made here/m);
});

commands.run();
