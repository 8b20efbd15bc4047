/** wshd's clients in protocol 2: docs/reference/protocol.md §6 to §8, on the wire. */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import { codec } from '../../../src/wire/codec.js';
import { encode } from '../../../src/wire/message.js';
import { noContainers, startContainer, type TestContainer } from '../../support/container.js';
import { descriptorsAtRest, descriptorsOf, run, scratch, until } from '../../support/process.js';
import { unless } from '../../support/skip.js';

const version2 = suite('wshd and protocol 2');
const it = unless(noContainers, version2);
const files = scratch();
let container: TestContainer, request: string, openBefore = 0;

version2.before(async () => {
  if (noContainers !== undefined) return;
  container = await startContainer();
  openBefore = await descriptorsAtRest(container.pid);
  request = `${files.path}/request`;
  writeFileSync(request, encode(codec(), 'request-2', { fields: { umask: -1n, command: 'sh' } }));
});
version2.after(async () => {
  if (noContainers === undefined) await container.destroy();
  files.remove();
});

async function tells(name: string): Promise<string[]> {
  const { stdout, stderr, code } = await run(['python3', `${packageRoot}test/programs/wshd/version_2.py`, container.socket, request, name]);
  assert.equal([stderr, code], ['', 0]);
  return stdout.toString().trimEnd().split('\n');
}

const RUNNING = '1 0 0 0 0 3', EXITED_3 = '3 0 0 0 768 0', EINVAL = 22;
const RUNS = [RUNNING, EXITED_3, 'b\'ran\\n\''];
const NO_BLOCK = [RUNNING, `2 12 ${EINVAL} 0 0 0`, 'b\'\''];
const REFUSED = ['2 32 0 -23 0 0'];

/** What comes of each client: the records, then the command's output. */
const cases: Record<string, string[]> = {
  'plain': RUNS,
  'pieces': RUNS,
  'shutdown': RUNS,
  // An invalid signal ends the connection, and not the command.
  'nonsense': [RUNNING, 'b\'ran\\n\''],
  'signal': [RUNNING, '3 0 0 0 9 0', 'b\'\''],
  'descriptor': [RUNNING, '3 0 0 0 0 0', 'b\'from the client\\n\''],
  'unsealed': NO_BLOCK,
  'half-sealed': NO_BLOCK,
  'short': NO_BLOCK,
  'long': NO_BLOCK,
  'endless': NO_BLOCK,
  'pipe': NO_BLOCK,
  'none': REFUSED,
  'surplus': REFUSED,
  'many': REFUSED,
  'late': REFUSED,
  'bad': ['2 32 0 -21 0 0'],
  // More than execve(2) takes: E2BIG of the block, or of the execution.
  'huge': [RUNNING, '2 12 7 0 0 0', 'b\'\''],
};
for (const [name, expected] of Object.entries(cases)) {
  it(`a client that is "${name}"`, async () => {
    assert.equal(await tells(name), expected);
  });
}

it('others are served, and nothing is left behind', async () => {
  assert.equal(await tells('plain'), RUNS);
  await until(() => descriptorsOf(container.pid) === openBefore, 'the descriptors are as before');
});

version2.run();
