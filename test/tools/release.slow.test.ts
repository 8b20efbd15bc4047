/**
 * A release that is tried, and installed from its packages. Slow, because it builds for arm64, and npm fetches what the packages depend
 * on: about two minutes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { noContainers } from '../support/container.js';
import { run, scratch } from '../support/process.js';
import { noPrograms, unless } from '../support/skip.js';

const releases = suite('a release that is tried');

unless(noPrograms, releases)('can be tried without changing anything', async () => {
  const before = execFileSync('git', ['status', '--porcelain'], { cwd: packageRoot, encoding: 'utf8' });
  const { code, stdout, stderr } = await run([process.execPath, `${packageRoot}build/js/tools/release/main.js`, '99.0.0', '--dry-run'], { timeoutMs: 800_000 });
  assert.is(code, 0, stderr);
  // Where the cross compiler is missing, what it would make is named as left out.
  assert.match(stdout.toString(), /warden-native-99\.0\.0-linux-x86_64\.tar\.gz/);
  assert.match(stdout.toString(), /warden-native-99\.0\.0-linux-aarch64|left out: aarch64: /);
  assert.match(stdout.toString(), /warden-wasm-linux-x64-99\.0\.0\.tgz/);
  assert.match(stdout.toString(), /warden-wasm-99\.0\.0\.tgz \(\d+ files\), sbom\.cdx\.json, SHA256SUMS/);
  execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: `${packageRoot}build/release` });
  assert.is(execFileSync('git', ['status', '--porcelain'], { cwd: packageRoot, encoding: 'utf8' }), before);
  const refused = await run([process.execPath, `${packageRoot}build/js/tools/release/main.js`, '0.0.1']);
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /0\.0\.1 is not newer than/);
});

const files = scratch();
releases.after(() => files.remove());

type Call = (program: string, ...args: readonly string[]) => { code: number | null; stdout: string; stderr: string };

/** Runs a program in a new folder with these packages of the dry run installed, and with nothing in PATH but Node, npm and a shell. */
function installing(options: readonly string[], ...packages: readonly string[]): Call {
  const folder = files.directory(), bin = files.directory();
  for (const [name, file] of [['node', process.execPath], ['npm', execFileSync('which', ['npm'], { encoding: 'utf8' }).trim()], ['sh', '/bin/sh']] as const) {
    symlinkSync(file, `${bin}/${name}`);
  }
  const call: Call = (program, ...args) => {
    const { status: code, stdout, stderr } = spawnSync(program, args, { cwd: folder, env: { ...process.env, PATH: `${folder}/node_modules/.bin:${bin}` }, encoding: 'utf8' });
    return { code, stdout, stderr };
  };
  const archives = packages.map((name) => `${packageRoot}build/release/${name}-99.0.0.tgz`);
  writeFileSync(`${folder}/package.json`, '{ "private": true, "type": "module" }\n');
  const { code, stderr } = call('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...options, ...archives);
  assert.is(code, 0, stderr);
  cpSync(`${packageRoot}docs/examples/hello.mjs`, `${folder}/hello.mjs`);
  return call;
}

const noRegistry = spawnSync('npm', ['view', 'commander', 'version'], { timeout: 30_000 }).status === 0 ? undefined : 'the registry of npm cannot be reached';

unless(noContainers ?? noRegistry, releases)('is installed without a compiler, and greets', () => {
  const call = installing([], 'warden-wasm', 'warden-wasm-linux-x64');
  assert.match(call('warden', 'run', '--', 'sh', '-c', 'echo hello from $(hostname)').stdout, /^hello from \S+\n$/);
  assert.match(call('node', 'hello.mjs').stdout, /^exit code 0, output \S+\n/);
  assert.is(call('warden-ssh', '-V').code, 0);
});

unless(noPrograms ?? noRegistry, releases)('says in one sentence what is left out without the platform\'s package', () => {
  const call = installing(['--omit=optional'], 'warden-wasm'), missing = /^[^\n]*warden\.node is not there, and containers need it: install warden-wasm-linux-x64 of the same version[^\n]*\n$/;
  const { code, stderr } = call('warden', 'run', '--', 'true');
  assert.is(code, 1);
  assert.match(stderr, missing);
  assert.match(call('node', 'hello.mjs').stderr, /UNSUPPORTED/);
  assert.is(call('warden', 'sim', '--seeds', '2').code, 0);
});

const noDebian = spawnSync('dpkg-deb', ['--version']).status === 0 ? undefined : 'dpkg-deb is missing';

unless(noContainers ?? noDebian, releases)('runs from its Debian package, which has no file of conmon\'s', () => {
  const root = files.directory();
  execFileSync('dpkg-deb', ['--extract', `${packageRoot}build/release/warden-wasm_99.0.0_amd64.deb`, root]);
  const greeting = spawnSync(`${root}/usr/bin/warden`, ['run', '--', 'sh', '-c', 'echo hello from $(hostname)'], { encoding: 'utf8' });
  assert.match(greeting.stdout, /^hello from \S+\n$/, greeting.stderr);
  assert.is(spawnSync(`${root}/usr/bin/warden-ssh`, ['-V']).status, 0);
  assert.is(spawnSync(`${root}/usr/bin/warden-runtime`, ['--version']).status, 0);
  assert.equal(readdirSync(`${root}/usr/bin`).sort(), ['warden', 'warden-runtime', 'warden-ssh', 'warden-wasm']);
  assert.ok(readdirSync(`${root}/usr/share/man/man1`).includes('warden.1.gz'));
  for (const file of ['bash-completion/completions/warden', 'zsh/vendor-completions/_warden', 'fish/vendor_completions.d/warden.fish', 'doc/warden-wasm/copyright']) {
    assert.is(spawnSync('test', ['-s', `${root}/usr/share/${file}`]).status, 0, file);
  }
});

releases.run();
