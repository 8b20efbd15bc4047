/** What users of podman and docker type first, and look at first: each gets what works, or the sentence that helps. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../../support/container.js';
import { until } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { Terminal } from '../../support/terminal.js';
import { depotWithContainer, main } from '../help.js';

const all = suite('warden, for newcomers');
const it = unless(noContainers, all);
const depot = depotWithContainer(all, '--memory', '64M');

const foreign: readonly (readonly [args: readonly string[], words: RegExp])[] = [
  [['pull', 'ubuntu'], /^warden: there is no command pull: warden has no images; --root DIR runs in a directory, .*guides\/images\.md/],
  [['images'], /^warden: there is no command images: warden has no images/],
  [['start', 'c'], /^warden: there is no command start: "warden create" starts the container, too/],
  [['top', 'c'], /^warden: there is no command top: it is "warden ps CONTAINER"/],
  [['network', 'ls'], /^warden: there is no command network: .*--network/],
  [['inspet', 'c'], /^warden: unknown command 'inspet' \(Did you mean inspect\?\); --help shows what there is\n$/],
  [['exec', 'c', '--nosuch'], /^warden exec: unknown option '--nosuch'; "warden exec --help" shows what there is\n$/],
  [['rm'], /^warden destroy: missing required argument 'container'; "warden destroy --help" shows what there is\n$/],
];
for (const [args, words] of foreign) {
  all(`${args.join(' ')}: says what there is`, async () => {
    const { code, stdout, stderr } = await depot.warden(...args);
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, words);
  });
}

it('run IMAGE: says that there are no images', async () => {
  const { code, stderr } = await depot.run(['ubuntu', 'true']);
  assert.is(code, 255);
  assert.match(stderr, /\nwarden run: this machine has no program ubuntu, .*Is it an image\? warden has none: --root DIR .*docs\/guides\/images\.md/);
  assert.not.match((await depot.run(['sh', '-c', 'exit 255'])).stderr, 'image');
});

it('runs programs of the host that PATH leaves out, as root and as others', async () => {
  const tool = `/usr/local/bin/warden-test-${process.pid}`, name = tool.slice(tool.lastIndexOf('/') + 1);
  writeFileSync(tool, '#!/bin/sh\necho "$0 $1"\n', { flag: 'wx' });
  chmodSync(tool, 0o755);
  const { unlinkSync } = await import('node:fs');
  try {
    assert.is(await depot.prints('exec', 'c', '-n', '--', name, 'x'), `${tool} x\n`);
    assert.is(await depot.prints('exec', 'c', '-n', '--user', 'vcap', '--timeout', '1m', '--', name, 'x'), `${tool} x\n`);
    assert.is(await depot.prints('run', '-n', name, 'x'), `${tool} x\n`);
    const job = (await depot.prints('spawn', 'c', '--', name, 'x')).trim();
    assert.is(await depot.prints('link', 'c', job), `${tool} x\n`);
    assert.is((await depot.warden('exec', 'c', '-n', '-e', 'PATH=/usr/bin', '--', name)).code, 255, 'a PATH that is given counts');
  } finally {
    unlinkSync(tool);
  }
  if (existsSync('/usr/sbin/chroot')) assert.is((await depot.warden('exec', 'c', '-n', '--user', 'vcap', '--', 'chroot', '--version')).code, 0);
});

it('info shows that a job\'s command could not be executed', async () => {
  const job = (await depot.prints('spawn', 'c', '--', 'nosuchcmd')).trim();
  await depot.prints('wait', `c/${job}`);
  assert.match(await depot.prints('info', 'c'), new RegExp(`^${job} +ended +255 `, 'm'));
});

it('link and exec say that memory has run out', async () => {
  const hog = ['sh', '-c', 'head -c 200M /dev/zero | tail; exit 137'], words = /^warden (link|exec): memory has run out in the container: the kernel has killed \d+ process(es)? of it so far; the limit is 64 MiB$/m;
  const job = (await depot.prints('spawn', 'c', '--', ...hog)).trim();
  assert.match((await depot.warden('link', 'c', job)).stderr, words);
  assert.match((await depot.warden('exec', 'c', '-n', '--timeout', '1m', '--', ...hog)).stderr, words);
});

it('ps and topology name links as warden\'s, jobs by their commands, and files of the container by short paths', async () => {
  const job = (await depot.prints('spawn', 'c', '--name', 'j', '--', 'sleep', '4321')).trim(), link = depot.startWarden(['link', 'c', job]);
  let text = '';
  await until(async () => (text = await depot.prints('topology', 'c')).includes('warden link'), () => `the link is there: ${text}`);
  assert.match(text, /stdout link +sock \d+ ⇄ warden link \d+:/);
  assert.match(text, /stderr +jobs\/j\/messages$/m);
  const terminal = new Terminal(['sh', '-c', `stty cols 80; ${process.execPath} ${main} ps c`], { env: depot.environment });
  assert.is(await terminal.ends(), 0);
  const shown = terminal.shown.toString().replace(/\x1b\[[0-9;]*m/g, '');
  await terminal.close();
  assert.match(shown, /COMMAND in c\r\n/);
  assert.match(shown, /iomux-spawn job j  sleep 4321\r\n/);
  assert.match(shown, /wsh job j  sleep 4321\r\n/);
  link.child.kill('SIGTERM');
  await link.result;
  await depot.prints('destroy', 'c', '--job', job);
});

all.run();
