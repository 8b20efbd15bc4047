/** `--network`: loopback alone, the host's network, a network namespace by its path; and the recipe of docs/guides/network.md. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';
import type { ContainerInfo } from '../../../src/index.js';
import { noContainers } from '../../support/container.js';
import { unless } from '../../support/skip.js';
import { Depot, main, start } from '../help.js';

const all = suite('--network');
const it = unless(noContainers, all);
/** ip(8) makes the namespaces of these tests. */
const named = unless(noContainers ?? (spawnSync('ip', ['-V']).error ? 'no ip(8)' : undefined), all);
const NAMESPACE = `warden-test-${process.pid}`, PATH = `/run/netns/${NAMESPACE}`;
let depot: Depot;

all.before(() => { depot = new Depot(); });
all.after(async () => {
  assert.equal(await depot.leftovers(), []);
  depot.remove();
});

const namespaceOf = async (...args: string[]): Promise<string> => (await depot.prints('run', ...args, '--', 'readlink', '/proc/self/ns/net')).trim();
const interfaces = async (...args: string[]): Promise<string[]> => {
  const text = await depot.prints('run', ...args, '--', 'cat', '/proc/net/dev');
  return text.split('\n').slice(2).map((line) => line.split(':')[0]!.trim()).filter((name) => name !== '').sort();
};

it('none, the default: loopback alone', async () => {
  for (const options of [[], ['--network', 'none']]) {
    assert.is.not(await namespaceOf(...options), readlinkSync('/proc/self/ns/net'));
    assert.equal((await interfaces(...options)).includes('lo'), true);
  }
});

for (const userns of ['auto', 'host']) {
  it(`host: the host's interfaces, with ids ${userns}`, async () => {
    assert.is(await namespaceOf('--network', 'host', '--userns', userns), readlinkSync('/proc/self/ns/net'));
  });
}

it('info shows the network, and the exposure counts the host\'s', async () => {
  await depot.prints('create', '--name', 'c', '--network', 'host');
  const info = JSON.parse(await depot.prints('info', 'c', '--json')) as ContainerInfo;
  assert.equal([info.network, info.inForce!.namespaces.includes('network')], ['host', false]);
  assert.ok(info.inForce!.exposure.reasons.includes('the host\'s network'));
  assert.match(await depot.prints('info', 'c'), /^network {5}host$/m);
  await depot.prints('destroy', 'c');
});

it('answers what is no network with one sentence, and makes nothing', async () => {
  const bad: readonly (readonly [words: RegExp, ...options: string[]])[] = [
    [/must be none, host or the absolute path of a network namespace, not "bridge"/, 'bridge'],
    [/there is no network namespace \/nonexistent\/net: ip netns add NAME/, '/nonexistent/net'],
    [/there is no network namespace \/etc\/passwd/, '/etc/passwd'],
    [/\/proc\/self\/ns\/uts cannot be entered: .*Invalid argument/, '/proc/self/ns/uts'],
    [/net\.ipv4\.ip_forward belongs to a network that is not the container's own/, 'host', '--sysctl', 'net.ipv4.ip_forward=1'],
  ];
  for (const [words, ...options] of bad) {
    const { code, stdout, stderr } = await depot.warden('create', '--network', ...options);
    assert.equal([code, stdout], [2, ''], stderr);
    assert.match(stderr, words);
    assert.match(stderr, /^warden create: [^\n]+\n$/);
  }
});

named('a path: that network namespace', async () => {
  assert.is(spawnSync('ip', ['netns', 'add', NAMESPACE]).status, 0);
  try {
    for (const userns of ['auto', 'host']) {
      assert.is(await namespaceOf('--network', PATH, '--userns', userns), `net:[${statSync(PATH).ino}]`);
    }
  } finally {
    spawnSync('ip', ['netns', 'del', NAMESPACE]);
  }
});

named('the recipe of the guide gives a container its address, and takes everything back', async () => {
  const blocks = [...readFileSync(`${packageRoot}docs/guides/network.md`, 'utf8').matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block!);
  const script = `set -e\nwarden() { "${process.execPath}" "${main}" "$@"; }\n${blocks.join('')}`;
  // In a network namespace of its own: the names and addresses of the recipe are the machine's.
  const inside = start(['unshare', '--net', '--mount', 'sh', '-c', `mkdir -p /run/netns; mount -t tmpfs none /run/netns; ${script}`], '', depot.environment);
  const { code, stdout, stderr } = await inside.result;
  assert.equal([code, stderr], [0, '']);
  assert.is(stdout, 'web\n10.201.0.2 \n');
  assert.not.ok(existsSync('/run/netns/web'));
});

all.run();
