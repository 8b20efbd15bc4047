/** The optional packages of npm with the native half, one for each processor: users of npm's package need no compiler. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { platformPackage, PROCESSORS } from '../../src/base/native.js';

/** What the main package leaves to them, below build/. */
export const NATIVE = ['addon', 'bin', 'lib', 'libexec'] as const;
export type Processor = typeof PROCESSORS[number];

interface Manifest { name: string; version: string; [field: string]: unknown }

/** Every platform package at exactly this version, as the main package's optionalDependencies. */
export function optionalDependencies(version: string): Record<string, string> {
  return Object.fromEntries(PROCESSORS.map((arch) => [platformPackage(arch), version]));
}

/** package.json of a platform's package. The programs need no C library; the addon needs the one that it was linked with. */
export function platformManifest(arch: Processor, version: string): Manifest {
  return {
    name: platformPackage(arch), version, license: 'MIT',
    description: `The native programs and the Node addon of warden-wasm, for Linux on ${arch} with glibc`,
    os: ['linux'], cpu: [arch], libc: ['glibc'],
    engines: { node: '>=20' },
    bin: { 'warden-ssh': 'bin/warden-ssh' },
    // Yarn would leave the programs in an archive.
    preferUnplugged: true,
  };
}

/** Makes a package of a stage's files in `out`; the archive's name, and its files. */
export function npmPack(stage: string, out: string): { archive: string; files: string[] } {
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], { cwd: stage, encoding: 'utf8' });
  const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  return { archive: packed!.filename, files: packed!.files.map(({ path }) => path) };
}

/** Packs the native half that is built in `from`; the archive's name in `out`. */
export function packPlatform(out: string, version: string, arch: Processor, from: string): string {
  const manifest = platformManifest(arch, version), stage = `${out}/${manifest.name}`;
  mkdirSync(stage, { recursive: true });
  for (const folder of NATIVE) cpSync(`${from}/${folder}`, `${stage}/${folder}`, { recursive: true });
  cpSync(`${packageRoot}LICENSE`, `${stage}/LICENSE`);
  writeFileSync(`${stage}/README.md`, `# ${manifest.name}\n\n${String(manifest['description'])}.\nnpm installs this package with \`warden-wasm\`, whose version it has.\n`);
  writeFileSync(`${stage}/package.json`, `${JSON.stringify(manifest, undefined, 2)}\n`);
  const { archive } = npmPack(stage, out);
  rmSync(stage, { recursive: true });
  return archive;
}
