/** `warden cp`: files, directories and tar streams, in and out, by podman's rules; hostile containers. */
import {
  chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noContainers } from '../../support/container.js';
import { scratch } from '../../support/process.js';
import { unless } from '../../support/skip.js';
import { depotWithContainer, main, type Result, start } from '../help.js';

const all = suite('warden cp');
const it = unless(noContainers, all);
const files = scratch();
const depot = depotWithContainer(all);
const host = (...names: string[]): string => join(files.path, ...names);

all.before(() => {
  mkdirSync(host('tree/deep'), { recursive: true });
  writeFileSync(host('tree/file'), 'content');
  writeFileSync(host('tree/deep/- a "name"\nof two lines'), 'odd');
  symlinkSync('/nowhere', host('tree/link'));
  linkSync(host('tree/file'), host('tree/second'));
  chmodSync(host('tree/file'), 0o751);
  utimesSync(host('tree/file'), 1_000_000_000, 1_000_000_000);
});
all.after(() => files.remove());

const sh = (script: string): Promise<string> => depot.prints('exec', 'c', '-n', '--', 'sh', '-c', script);
const fails = async (words: RegExp, code: number, ...args: string[]): Promise<void> => {
  const result = await depot.warden('cp', ...args);
  assert.equal([result.code, result.stdout], [code, ''], `cp ${args.join(' ')}: ${result.stderr}`);
  assert.match(result.stderr, words);
  assert.match(result.stderr, /^warden cp: [^\n]+\n$/);
};

it('copies a file in: its mode and time stay, and it belongs to root', async () => {
  await depot.prints('cp', host('tree/file'), 'c:/tmp');
  await depot.prints('cp', host('tree/file'), 'c:tmp/other name');
  await depot.prints('cp', host('tree/file'), 'c:/tmp/-d');
  for (const name of ['file', 'other name', '-d']) {
    assert.is(await sh(`cat "/tmp/${name}"; stat -c ' %a %Y %u' "/tmp/${name}"`), 'content 751 1000000000 0\n');
  }
  await sh('chmod 600 /tmp/file; echo longer than before > /tmp/file');
  await depot.prints('cp', host('tree/file'), 'c:/tmp/file');
  assert.is(await sh('cat /tmp/file'), 'content', 'in place of what was there');
});

it('copies a file out: its mode and time stay', async () => {
  await sh('printf x > "/tmp/a file"; chmod 640 "/tmp/a file"; touch -d @900000000 "/tmp/a file"');
  mkdirSync(host('out'));
  await depot.prints('cp', 'c:/tmp/a file', host('out'));
  await depot.prints('cp', 'c:/tmp/a file', host('out/-new'));
  for (const name of ['a file', '-new']) {
    assert.is(readFileSync(host('out', name), 'latin1'), 'x');
    assert.equal([statSync(host('out', name)).mode & 0o777, statSync(host('out', name)).mtimeMs], [0o640, 900_000_000_000]);
  }
  await sh('ln -s "/tmp/a file" /tmp/to-file');
  await depot.prints('cp', 'c:/tmp/to-file', host('out/through'));
  assert.ok(lstatSync(host('out/through')).isFile(), 'a link that is named is followed');
});

it('copies a directory in and out: links stay links, names stay as they are', async () => {
  await depot.prints('cp', host('tree'), 'c:/var');
  await depot.prints('cp', host('tree'), 'c:/var/renamed');
  await sh('mkdir /var/flat');
  await depot.prints('cp', `${host('tree')}/.`, 'c:/var/flat');
  for (const place of ['tree', 'renamed', 'flat']) {
    await depot.prints('cp', `c:/var/${place}`, host(`back-${place}`));
    const back = (...names: string[]): string => host(`back-${place}`, ...names);
    assert.equal(readdirSync(back()).sort(), ['deep', 'file', 'link', 'second']);
    assert.is(readFileSync(back('deep', '- a "name"\nof two lines'), 'latin1'), 'odd');
    assert.is(readlinkSync(back('link')), '/nowhere');
    assert.is(lstatSync(back('file')).ino, lstatSync(back('second')).ino);
    assert.equal([lstatSync(back('file')).mode & 0o777, lstatSync(back('file')).mtimeMs], [0o751, 1_000_000_000_000]);
  }
});

it('merges a directory into one that is there', async () => {
  await sh('mkdir -p /var/m/sub; echo new > /var/m/sub/same; echo more > /var/m/more');
  mkdirSync(host('merged/m/sub'), { recursive: true });
  writeFileSync(host('merged/m/sub/same'), 'old');
  writeFileSync(host('merged/m/sub/kept'), 'kept');
  await depot.prints('cp', 'c:/var/m', host('merged'));
  await depot.prints('cp', 'c:/var/m/.', host('merged'));
  assert.equal(readdirSync(host('merged'), { recursive: true, encoding: 'utf8' }).sort(), ['m', 'm/more', 'm/sub', 'm/sub/kept', 'm/sub/same', 'more', 'sub', 'sub/same']);
  assert.is(readFileSync(host('merged/m/sub/same'), 'latin1'), 'new\n');
});

/** A shell's line with the command as `warden`. */
const line = (script: string): Promise<Result> => start(['bash', '-c', `set -o pipefail; cd "$0"; warden() { "${process.execPath}" "${main}" "$@"; }; ${script}`, files.path], '', depot.environment).result;

it('takes and gives tar streams', async () => {
  await sh('mkdir -p /var/stream');
  assert.equal(await line('tar c tree | warden cp - c:/var/stream && warden cp c:/var/stream/tree - | tar t | sort'), {
    code: 0, signal: null, stderr: '', stdout: 'tree/\ntree/deep/\ntree/deep/- a "name"\\nof two lines\ntree/file\ntree/link\ntree/second\n',
  });
  assert.is((await line('warden cp c:/var/stream/. - | tar t | head -2')).stdout, './\n./tree/\n');
  await fails(/there is no directory \/var\/nothing of the container c/, 1, '-', 'c:/var/nothing');
  await fails(/\/etc\/passwd of the container c is no directory/, 2, '-', 'c:/etc/passwd');
  const damaged = await line('echo damaged | warden cp - c:/var/stream');
  assert.equal([damaged.code, /^warden cp: cannot unpack into \/var\/stream of the container c: tar: [^\n]+\n$/.test(damaged.stderr)], [1, true], damaged.stderr);
});

it('copies what is larger than any buffer', async () => {
  assert.equal(await line('head -c 30000000 /dev/urandom > big && warden cp big c:/var && warden cp c:/var/big big2 && cmp big big2 && echo same'), { code: 0, signal: null, stdout: 'same\n', stderr: '' });
});

it('keeps owners with --archive', async () => {
  await sh('mkdir -p /var/owned; echo x > /var/owned/f; chown 10001:7 /var/owned/f');
  assert.is((await line('warden cp -a c:/var/owned owned && stat -c "%u %g" owned/f && warden cp -a owned c:/var/owned2 && warden cp owned c:/var/owned3')).stdout, '10001 7\n');
  assert.is(await sh('stat -c "%u %g" /var/owned2/f /var/owned3/f'), '10001 7\n0 0\n');
});

it('answers what cannot be copied with one sentence, and changes nothing', async () => {
  const tree = host('tree'), file = host('tree/file');
  await fails(/there is no \/nothing of the container c/, 1, 'c:/nothing', files.path);
  await fails(/there is no .*nothing on the host/, 1, host('nothing'), 'c:/tmp');
  await fails(/there is no directory \/no of the container c/, 1, file, 'c:/no/where');
  await fails(/there is no directory \/tmp\/new\/ of the container c/, 1, file, 'c:/tmp/new/');
  await fails(/there is no directory .*new\/ on the host/, 1, 'c:/etc/passwd', `${host('new')}/`);
  await fails(/there is no directory .*no on the host/, 1, 'c:/etc', host('no/where'));
  await fails(/\/etc\/passwd of the container c is a file, and a directory cannot be copied to a file/, 2, tree, 'c:/etc/passwd');
  await fails(/is no directory/, 2, 'c:/etc', file);
  await fails(/\/dev\/null of the container c is a device, a FIFO or a socket/, 2, 'c:/dev/null', host('x'));
  await fails(/neither a nor b is in a container: CONTAINER:PATH/, 2, 'a', 'b');
  await fails(/both are in a container/, 2, 'c:/a', 'c:/b');
  await fails(/c: names no path/, 2, 'c:', 'b');
  await fails(/there is no container .*nosuch/, 1, 'nosuch:/a', 'b');
  await fails(/there is no \.\/c:x on the host/, 1, './c:x', 'c:/');
  assert.not.ok(existsSync(host('new')) || existsSync(host('x')) || existsSync(host('no')));
});

it('names a program that the container lacks', async () => {
  mkdirSync(host('bare'));
  await depot.prints('create', '--name', 'bare', '--root', host('bare'), '--no-etc');
  await fails(/cannot look at \/proc of the container bare: .*; a copy needs sh, cat and tar in the container/, 1, 'bare:/proc', host('x'));
  await depot.prints('destroy', 'bare');
});

it('a container\'s links lead nowhere but into the container', async () => {
  writeFileSync(host('secret'), 'of the host');
  await sh(`rm -rf /var/trap; mkdir -p /var/trap${files.path}; ln -s / /var/trap/root; ln -s ${host('secret')} /var/trap/secret; ln -s ${files.path} /var/trap/up`);
  await fails(/secret of the container c is a link that leads nowhere/, 1, 'c:/var/trap/secret', host('x'));
  await fails(/there is no .* of the container c/, 1, `c:/var/trap/root${host('secret')}`, host('x'));
  await fails(/there is no directory/, 1, host('tree/file'), 'c:/var/trap/up/new');
  await fails(/there is no \/\.\.\/\.\..* of the container c/, 1, `c:../..${host('secret')}`, host('x'));
});

it('what a container sends stays in the directory that it is for', async () => {
  // The container's tar is a program that answers with whatever archive it likes.
  mkdirSync(host('evil'));
  writeFileSync(host('evil/tar'), '#!/bin/sh\nexec cat /usr/sbin/archive\n', { mode: 0o755 });
  await depot.prints('create', '--name', 'evil', '--bind', `${host('evil')}:/usr/sbin`);
  const sends = async (make: string): Promise<Result> => line(`rm -rf made; mkdir made; cd made; ${make}; cd ..; warden cp evil:/tmp/. target`);
  mkdirSync(host('outside'));
  mkdirSync(host('target'));
  const outside = host('outside'), archive = host('evil/archive');
  const inPlace = [
    ['a name that leads up', `echo x > f; tar -cPf ${archive} --transform 's,f,../../outside/f,' f`],
    ['a name from the root', `echo x > f; tar -cPf ${archive} --transform 's,^f,${outside}/f,' f`],
    ['a link, and a file behind it', `ln -s ${outside} l; tar -cf ${archive} l; rm l; mkdir l; echo x > l/f; tar -rf ${archive} l/f`],
    ['a link that stays', `ln -s ${outside} l2; tar -cf ${archive} l2`],
    ['a file behind the link that stayed', `mkdir l2; echo x > l2/f; tar -cf ${archive} l2/f`],
    ['a device', `mknod null c 1 3; tar -cf ${archive} null`],
  ] as const;
  for (const [what, make] of inPlace) {
    await sends(make);
    assert.equal(readdirSync(outside), [], what);
  }
  assert.ok(lstatSync(host('target/l2')).isDirectory(), 'the link is replaced');
  assert.not.ok(existsSync(host('target/null')));
  await sends(`echo x > su; chmod 6755 su; tar -cf ${archive} su`);
  assert.is(lstatSync(host('target/su')).mode & 0o7777, 0o755);
  assert.equal(readdirSync(host('target')).filter((name) => name.startsWith('.')), [], 'nothing is left of copies that failed');
  await depot.prints('destroy', 'evil');
});

all.run();
