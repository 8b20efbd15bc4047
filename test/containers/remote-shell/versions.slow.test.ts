/** Version control over warden-ssh: git in each variant, Subversion, Mercurial, CVS. */
import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientsOf, SSH } from './clients.js';

const versions = suite('version control over warden-ssh'), clients = clientsOf(versions), { client, succeeds, test } = clients;
const AUTHOR = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };

for (const [how, env] of [
  ['`GIT_SSH`', { GIT_SSH: SSH }], ['`GIT_SSH_COMMAND`', { GIT_SSH_COMMAND: `${SSH} -q` }],
  ...['ssh', 'simple', 'plink', 'auto'].map((variant) => [`variant ${variant}`, { GIT_SSH: SSH, GIT_SSH_VARIANT: variant }] as const),
] as const) {
  test(['git'], 'git', how, async () => {
    const name = how.replace(/\W/g, ''), url = `vcap@container:${name}.git`, all = { ...AUTHOR, ...env };
    await succeeds([SSH, 'vcap@h', `git init -q --bare ${name}.git`]);
    await succeeds(['git', 'init', '-q', '-b', 'main', name], all);
    await succeeds(['git', '-C', name, 'commit', '-q', '--allow-empty', '-m', 'one'], all);
    await succeeds(['git', '-C', name, 'push', '-q', url, 'main'], all);
    assert.match(await succeeds(['git', 'ls-remote', url], all), 'refs/heads/main');
    await succeeds(['git', 'clone', '-q', '-b', 'main', url, `${name}-copy`], all);
    assert.is(await succeeds(['git', '-C', `${name}-copy`, 'log', '--format=%s'], all), 'one\n');
    await succeeds(['git', '-C', `${name}-copy`, 'fetch', '-q'], all);
  });
}

test(['svn', 'svnserve'], 'Subversion', '`SVN_SSH`: checkout and commit', async () => {
  const env = { SVN_SSH: SSH };
  await succeeds([SSH, 'vcap@h', 'svnadmin create svn']);
  await succeeds(['svn', '-q', 'checkout', 'svn+ssh://vcap@container/home/vcap/svn', 'svn'], env);
  writeFileSync(`${clients.here}/svn/file`, 'text\n');
  await succeeds(['svn', '-q', 'add', 'svn/file'], env);
  await succeeds(['svn', '-q', 'commit', '-m', 'one', 'svn'], env);
  assert.is(await succeeds(['svn', 'cat', 'svn+ssh://vcap@container/home/vcap/svn/file'], env), 'text\n');
});

test(['hg'], 'Mercurial', '`ui.ssh`: push and clone', async () => {
  const shell = ['--config', `ui.ssh=${SSH}`], url = 'ssh://vcap@container/hg';
  await succeeds([SSH, 'vcap@h', 'hg init hg']);
  await succeeds(['hg', 'init', 'hg']);
  writeFileSync(`${clients.here}/hg/file`, 'text\n');
  await succeeds(['hg', '-R', 'hg', 'commit', '-q', '-A', '-u', 'a', '-m', 'one']);
  await succeeds(['hg', ...shell, '-R', 'hg', 'push', '-q', url]);
  await succeeds(['hg', ...shell, 'clone', '-q', url, 'hg-copy']);
  assert.is(await succeeds(['cat', 'hg-copy/file']), 'text\n');
});

test(['cvs'], 'CVS', '`CVS_RSH`: import and checkout', async () => {
  const env = { CVS_RSH: SSH, CVSROOT: ':ext:vcap@container:/home/vcap/cvs' };
  await succeeds([SSH, 'vcap@h', 'cvs -d /home/vcap/cvs init']);
  await succeeds(['mkdir', 'cvs']);
  writeFileSync(`${clients.here}/cvs/file`, 'text\n');
  await succeeds(['sh', '-c', 'cd cvs && cvs -Q import -m one module vendor start'], env);
  await succeeds(['cvs', '-Q', 'checkout', '-d', 'cvs-copy', 'module'], env);
  assert.is(await succeeds(['cat', 'cvs-copy/file']), 'text\n');
});

test(['git'], 'git', 'an unknown user is refused', async () => {
  const ended = await client(['git', 'ls-remote', 'nobody-here@container:x.git'], { GIT_SSH: SSH });
  assert.is(ended.code, 128);
  assert.match(ended.stderr, 'no such user');
});

clients.tableHolds();

versions.run();
