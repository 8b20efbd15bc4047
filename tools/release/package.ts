/** The contents of a release, and checks of its files. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { NATIVE, optionalDependencies } from './platform-package.js';

interface Manifest {
  version?: string;
  scripts?: Record<string, string>;
  devDependencies?: Record<string, string>;
  bin?: Record<string, string>;
  files?: string[];
  [name: string]: unknown;
}

/**
 * package.json for users: the package is built, so it needs no compilers, and nothing runs at its installation. The native half comes
 * with the packages for each platform, which a clone does not name: its `npm ci` must not look for what is not published yet.
 */
export function published(manifest: Manifest): Manifest {
  const { scripts: _, devDependencies: __, allowScripts: ___, bin, files, version, ...rest } = manifest, left = NATIVE.map((folder) => `build/${folder}`);
  const { 'warden-ssh': ____, ...commands } = bin ?? {};
  return {
    ...rest, ...version === undefined ? {} : { version, optionalDependencies: optionalDependencies(version) }, bin: commands,
    files: (files ?? []).filter((file) => !left.includes(file)),
  };
}

/** Files without which the package does not work. */
const NEEDED = [
  /^package\.json$/, /^LICENSE$/, /^README\.md$/, /^CHANGELOG\.md$/, /^build\/js\/src\/index\.(js|d\.ts)$/, /^build\/js\/src\/cli\/warden\.(cjs|bundle)$/,
  /^build\/wasm\/(wshd|wsh|iomux-spawn|iomux-link|oom|codec|filter)\.wasm$/, /^shim\/hooks\/watch\.sh$/, /^docs\/README\.md$/,
];
/** Files that must not be in the package: sources, tests, maps, and files of the build machine. */
const UNWANTED = /(^|\/)(test|tools|node_modules|coverage|fuzz|eslint)\/|^build\/(addon|bin|lib|libexec)\/|\.(map|tsbuildinfo|tgz)$|(?<!\.d)\.(c|m)?ts$|(^|\/)\./;

/** Errors in the list of a package's files. */
export function wrongFiles(files: readonly string[]): string[] {
  const missing = NEEDED.filter((pattern) => !files.some((file) => pattern.test(file)));
  return [...missing.map((pattern) => `nothing in the package matches ${String(pattern)}`), ...files.filter((file) => UNWANTED.test(file)).map((file) => `${file} does not belong into the package`)];
}

/** Files that contain a path of the build machine. */
export function filesNaming(directory: string, files: readonly string[], text: string): string[] {
  return files.filter((file) => readFileSync(`${directory}/${file}`).includes(text));
}

/** Writes a file in the format of sha256sum(1) for these files of the directory. */
export function writeChecksums(directory: string, files: readonly string[]): void {
  const sum = (file: string): string => createHash('sha256').update(readFileSync(`${directory}/${file}`)).digest('hex');
  writeFileSync(`${directory}/SHA256SUMS`, files.map((file) => `${sum(file)}  ${file}\n`).join(''));
}

/** Writes the Software Bill of Materials of the installed package, in the CycloneDX format. */
export function writeBillOfMaterials(root: string, file: string): void {
  writeFileSync(file, execFileSync('npm', ['sbom', '--omit', 'dev', '--sbom-format', 'cyclonedx'], { cwd: root }));
}
