import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/process.js';
import { unless } from '../support/skip.js';
import { Depot, noContainers } from './help.js';

const silent = suite('links to silent jobs');
const test = unless(noContainers, silent);

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

test('a link sets no timer once its readers have taken everything', async () => {
  const depot = new Depot(), container = await depot.create();
  const job = await container.spawn(['sh', '-c', 'echo said; exec sleep 1000']), none = timers(), link = job.link();
  let said = '';
  link.stdout!.on('data', (piece: Buffer) => { said += piece.toString(); });
  link.stderr!.resume();
  await until(() => said === 'said\n', 'the output comes');
  await until(() => timers() === none, 'no timer of the link is left');
  await job.stop({ graceMs: 0 });
  assert.is.not((await link.result).signal, null);
  await job.remove();
  await container.destroy();
  depot.remove();
});

silent.run();
