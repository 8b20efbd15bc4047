/** What a caller needs of a failure: where the call was, and what to do when the process has no descriptors left. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Container } from '../../../src/index.js';
import { packageRoot } from '../../../src/base/paths.js';
import { run } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Depot, noContainers } from '../help.js';

const callers = suite('failures, for callers');
const test = unless(noContainers, callers);
const depot = new Depot();
let container: Container;

callers.before(async () => { if (!noContainers) container = await depot.create(); });
callers.after(async () => {
  if (!noContainers) await container.destroy();
  depot.remove();
});

test('the stack of a rejected result leads to the call of exec', async () => {
  function theCaller(): Promise<unknown> { return container.exec(['sleep', '60'], { signal: AbortSignal.timeout(50) }).result; }
  const error = await theCaller().then(() => undefined, (reason: unknown) => reason as Error);
  assert.match(error!.stack!, /^WardenError: aborted by the caller's signal\n.*Container\.exec .*\n.*theCaller /);
});

test('without descriptors everything is UNSUPPORTED, and says what to raise', async () => {
  const program = `
    import { Container } from ${JSON.stringify(`${packageRoot}build/js/src/index.js`)};
    const container = await Container.open(${JSON.stringify(container.directory)});
    const { openSync } = await import('node:fs');
    const outcomes = new Set();
    const note = ({ code, message }) => {
      outcomes.add(code === 'UNSUPPORTED' && message.includes('ulimit -n') ? 'UNSUPPORTED, with the limit' : code + ': ' + message);
    };
    await container.exec(['true']).result;
    const fds = [];
    for (;;) try { fds.push(openSync('/dev/null')); } catch { break; }
    const { closeSync } = await import('node:fs');
    for (let free = 0; free < 12; free++) {
      await container.exec(['true'], { stdio: 'ignore' }).result.catch(note);
      await Container.create({ depot: ${JSON.stringify(depot.path)}, ephemeral: true }).then((made) => made.destroy(), note);
      closeSync(fds.pop());
    }
    console.log([...outcomes].join('\\n'));
  `;
  const { stdout, stderr } = await run(['sh', '-c', 'ulimit -n 200; exec "$0" --input-type=module -e "$1"', process.execPath, program], { timeoutMs: 120_000 });
  assert.is(stdout.toString(), 'UNSUPPORTED, with the limit\n', stderr);
});

callers.run();
