/**
 * Makes a release: checks, version, changelog, package, bill of materials, checksums, commit and tag.
 *
 *   npm run release -- VERSION [--dry-run]
 *
 * --dry-run changes nothing in the repository, but makes the package and its companions in build/release. The command does not publish:
 * it prints the commands for that.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/base/paths.js';
import { compareVersions, faults, release, sections } from './changelog.js';
import { packPlatforms } from './native.js';
import { npmPack } from './platform-package.js';
import { filesNaming, published, writeBillOfMaterials, writeChecksums, wrongFiles } from './package.js';

const OUT = `${packageRoot}build/release`;
const USAGE = 'usage: npm run release -- VERSION [--dry-run]';

class Refusal extends Error {}

function git(...args: string[]): string { return execFileSync('git', args, { cwd: packageRoot, encoding: 'utf8' }).trim(); }

function options(): { version: string; dryRun: boolean } {
  const { values, positionals: [version, ...more] } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } }, allowPositionals: true });
  if (version === undefined || more.length > 0) throw new Refusal(USAGE);
  return { version, dryRun: values['dry-run'] };
}

/** All reasons against releasing this version. */
function obstacles(version: string, now: string, changelog: string): string[] {
  const found = faults(changelog).map((fault) => `CHANGELOG.md: ${fault}`);
  if (compareVersions(version, now) <= 0) found.push(`${version} is not newer than ${now}, the version in package.json`);
  if (sections(changelog)[0]?.text === '') found.push('CHANGELOG.md has nothing below "## [Unreleased]"');
  if (git('tag', '--list', `v${version}`) !== '') found.push(`the tag v${version} exists`);
  if (git('status', '--porcelain') !== '') found.push('the checkout has changes that are not committed');
  return found;
}

/** Packs the files that package.json lists, with the manifest for users; returns the archive's name in OUT, and its files. */
function pack(manifest: object): { archive: string; files: string[] } {
  const stage = `${OUT}/package`;
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const entry of ['LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md', 'docs', 'shim/hooks/watch.sh']) {
    cpSync(packageRoot + entry, `${stage}/${entry}`, { recursive: true });
  }
  for (const entry of (manifest as { files: string[] }).files.filter((each) => each.startsWith('build/'))) {
    cpSync(packageRoot + entry, `${stage}/${entry}`, { recursive: true });
  }
  writeFileSync(`${stage}/package.json`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  return npmPack(stage, OUT);
}

/** The commands that publish: what others depend on comes first. */
function publishing(archive: string, files: readonly string[]): string {
  return [...files.filter((file) => file.endsWith('.tgz')), archive].map((file) => `  npm publish build/release/${file}`).join('\n');
}

function main(): void {
  const { version, dryRun } = options();
  const manifestFile = `${packageRoot}package.json`, changelogFile = `${packageRoot}CHANGELOG.md`;
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>;
  const changelog = readFileSync(changelogFile, 'utf8');
  const found = obstacles(version, String(manifest['version']), changelog);
  if (found.length > 0 && !dryRun) throw new Refusal(`cannot release:\n  ${found.join('\n  ')}`);
  for (const obstacle of found) console.log(`would refuse: ${obstacle}`);

  const { archive, files } = pack(published({ ...manifest, version }));
  const wrong = [...wrongFiles(files), ...filesNaming(`${OUT}/package`, files, packageRoot).map((file) => `${file} contains the path of this checkout`)];
  if (wrong.length > 0) throw new Refusal(`the package has wrong files:\n  ${wrong.join('\n  ')}`);
  writeBillOfMaterials(packageRoot, `${OUT}/sbom.cdx.json`);
  const platforms = packPlatforms(OUT, version, `${OUT}/package`);
  if (platforms.missing.length > 0 && !dryRun) throw new Refusal(`this cannot be released:\n  ${platforms.missing.join('\n  ')}`);
  for (const one of platforms.missing) console.log(`left out: ${one}`);
  writeChecksums(OUT, [archive, 'sbom.cdx.json', ...platforms.files]);
  console.log(`build/release: ${[`${archive} (${files.length} files)`, 'sbom.cdx.json', 'SHA256SUMS', ...platforms.files].join(', ')}`);

  const next = release(changelog, version, new Date().toISOString().slice(0, 10));
  const notes = sections(next)[1]!.text;
  if (dryRun) {
    console.log(`dry run: nothing is committed. The notes of v${version} would be:\n\n${notes}`);
    return;
  }
  writeFileSync(changelogFile, next);
  execFileSync('npm', ['version', version, '--no-git-tag-version'], { cwd: packageRoot, stdio: 'ignore' });
  git('commit', '--all', '--message', `release: ${version}`);
  git('tag', '--annotate', `v${version}`, '--cleanup', 'verbatim', '--message', `warden-wasm ${version}\n\n${notes}`);
  console.log(`committed and tagged v${version}. To publish:\n  git push --follow-tags\n${publishing(archive, platforms.files)}`);
}

try {
  main();
} catch (error) {
  console.error(error instanceof Refusal ? `release: ${error.message}` : error);
  process.exitCode = error instanceof Refusal ? 2 : 1;
}
