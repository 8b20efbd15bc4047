import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/base/paths.js';
import { compareVersions, faults, release, sections } from '../../tools/release/changelog.js';
import { MANUALS, manualSource } from '../../tools/release/manuals.js';
import { published, wrongFiles } from '../../tools/release/package.js';
import { platformManifest } from '../../tools/release/platform-package.js';

const LOG = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.2.0] - 2026-11-24\n\n### Fixed\n\n- Another.\n';
const releases = suite('a release');

releases('turns what is unreleased into the section of its version', () => {
  const next = release(LOG, '0.3.0', '2026-12-01');
  assert.equal(sections(next), [
    { version: 'Unreleased', date: undefined, text: '' },
    { version: '0.3.0', date: '2026-12-01', text: '### Added\n\n- A thing.' },
    { version: '0.2.0', date: '2026-11-24', text: '### Fixed\n\n- Another.' },
  ]);
  assert.equal(faults(next), []);
  assert.throws(() => release(next, '0.4.0', '2026-12-02'), /no changes below/);
});

releases('finds what is not as Keep a Changelog has it', () => {
  assert.equal(faults(LOG), []);
  assert.equal(faults(LOG.replace('### Added', '### New')), ['Unreleased: "New" is none of Added, Changed, Deprecated, Removed, Fixed, Security']);
  assert.equal(faults(LOG.replace(' - 2026-11-24', '')), ['0.2.0 has no date']);
  assert.equal(faults(LOG.replace('## [Unreleased]', '## [0.1.0] - 2026-01-01')), ['the first section is not "## [Unreleased]"']);
  assert.throws(() => faults(LOG.replace('## [0.2.0]', '## 0.2.0')), /a heading that is neither/);
});

releases('has a version that is newer', () => {
  assert.ok(compareVersions('0.10.0', '0.9.9') > 0);
  assert.ok(compareVersions('1.0.0', '1.0.1') < 0);
  assert.is(compareVersions('1.2.3', '1.2.3'), 0);
  assert.throws(() => compareVersions('1.2', '1.2.3'), /not a version/);
});

releases('has a package that runs nothing when it is installed, and the right files', () => {
  const manifest = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as Record<string, unknown>;
  const own = published(manifest);
  assert.equal([own['scripts'], own['devDependencies'], own['dependencies']], [undefined, undefined, manifest['dependencies']]);
  assert.equal(own['bin'], { 'warden': 'build/js/src/cli/warden.cjs', 'warden-wasm': 'build/js/src/cli/warden.cjs' });
  assert.ok(wrongFiles(['build/bin/wsh']).includes('build/bin/wsh does not belong into the package'));
  assert.ok(wrongFiles([]).length > 7);
  assert.ok(wrongFiles(['src/index.ts']).includes('src/index.ts does not belong into the package'));
  assert.not.ok(wrongFiles(['build/js/src/index.d.ts']).some((line) => line.startsWith('build/')));
});

releases('has an optional package of its own version for each platform, which a clone does not name', () => {
  const manifest = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as Record<string, unknown>;
  assert.is(manifest['optionalDependencies'], undefined);
  const { optionalDependencies } = published({ ...manifest, version: '1.2.3' });
  assert.equal(optionalDependencies, { 'warden-wasm-linux-x64': '1.2.3', 'warden-wasm-linux-arm64': '1.2.3' });
  for (const arch of ['x64', 'arm64'] as const) {
    const { name, version, os, cpu, libc } = platformManifest(arch, '1.2.3');
    assert.equal([name, version, os, cpu, libc], [`warden-wasm-linux-${arch}`, '1.2.3', ['linux'], [arch], ['glibc']]);
  }
});

releases('makes manual pages of the reference\'s', () => {
  for (const [manual, page] of Object.entries(MANUALS)) {
    const source = manualSource(manual, readFileSync(`${packageRoot}docs/reference/${page}.md`, 'utf8'));
    assert.match(source, /^# [\w-]+\([18]\) -- [a-z][^\n]+[^.\n]\n\n## SYNOPSIS\n\n/, manual);
    assert.not.match(source, /\]\([\w./#-]+\)/, `${manual} has no link`);
  }
});

releases('keeps this changelog in form', () => assert.equal(faults(readFileSync(`${packageRoot}CHANGELOG.md`, 'utf8')), []));

releases.run();
