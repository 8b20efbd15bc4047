/** What is installed without npm: an archive of the native programs, and a Debian package, for each processor. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packageRoot } from '../../src/base/paths.js';
import { crossBuild, crossCompiler } from '../build/cross.js';
import { manualPages, writeManuals } from './manuals.js';
import { NATIVE, packPlatform, type Processor } from './platform-package.js';

interface Platform {
  readonly machine: string;
  /** Node's name. */
  readonly arch: Processor;
  /** Debian's name. */
  readonly debian: string;
  /** The cross compiler; undefined for the processor that builds. */
  readonly compiler?: string;
}

const PLATFORMS: readonly Platform[] = [
  { machine: 'x86_64', arch: 'x64', debian: 'amd64' }, { machine: 'aarch64', arch: 'arm64', debian: 'arm64', compiler: crossCompiler('aarch64') },
];
/** What the command's bundle loads at run time: tools/build/bundle.ts. */
const MODULES = ['@dagrejs', '@wasmer'];
/** Names that no other package has; the rest of the programs stay out of PATH. */
const COMMANDS: Readonly<Record<string, string>> = {
  'warden': 'js/src/cli/warden.cjs', 'warden-wasm': 'js/src/cli/warden.cjs', 'warden-ssh': 'bin/warden-ssh', 'warden-runtime': 'bin/warden-runtime',
};
const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: 'bash-completion/completions/warden', zsh: 'zsh/vendor-completions/_warden', fish: 'fish/vendor_completions.d/warden.fish',
};

const MAINTAINER = 'The maintainers of warden-wasm <warden-wasm@localhost>';
/** Commands that have the manual page of another. */
const SAME_MANUALS: Readonly<Record<string, string>> = { 'warden-wasm.1.gz': 'warden.1.gz', 'warden-ssh.1.gz': 'warden-wsh.1.gz' };

function isThere(command: string): boolean { return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0; }

/** Where the native files of a platform are built; undefined where they cannot be. */
function built({ machine, compiler }: Platform): string | undefined {
  if (compiler === undefined) return `${packageRoot}build`;
  if (!isThere(compiler) || !isThere(compiler.replace(/gcc$/, 'g++'))) return undefined;
  return crossBuild(machine, 'native', 'addon');
}

/** A copy of the native files whose addon has no symbols for debuggers; the programs are linked without. */
function stripped(out: string, { machine, compiler }: Platform, from: string): string {
  const to = `${out}/native-${machine}`;
  for (const folder of NATIVE) cpSync(`${from}/${folder}`, `${to}/${folder}`, { recursive: true });
  execFileSync(compiler?.replace(/gcc$/, 'strip') ?? 'strip', ['--strip-unneeded', `${to}/addon/warden.node`]);
  return to;
}

/** Without owners and times of the machine that packs. */
function archive(file: string, directory: string, entry: string): void {
  const time = execFileSync('git', ['log', '-1', '--format=@%ct'], { cwd: packageRoot, encoding: 'utf8' }).trim();
  execFileSync('tar', ['--sort=name', `--mtime=${time}`, '--owner=0', '--group=0', '--numeric-owner', '-czf', file, '-C', directory, entry]);
}

/** What the packages of all platforms share. */
interface Release {
  readonly out: string;
  readonly version: string;
  /** The folder of npm's package, whose files the Debian packages have, too. */
  readonly staged: string;
  /** Manual pages by their names. */
  readonly pages: ReadonlyMap<string, Buffer>;
}

function packNative({ out, version, pages }: Release, { machine }: Platform, from: string): string {
  const name = `warden-native-${version}-linux-${machine}`, stage = `${out}/${name}`;
  // The addon is for Node alone.
  for (const folder of NATIVE) if (folder !== 'addon') cpSync(`${from}/${folder}`, `${stage}/${folder}`, { recursive: true });
  cpSync(`${packageRoot}LICENSE`, `${stage}/LICENSE`);
  writeManuals(`${stage}/share`, pages);
  archive(`${out}/${name}.tar.gz`, out, name);
  rmSync(stage, { recursive: true });
  return `${name}.tar.gz`;
}

/** Without what only compilers and debuggers read. */
function isRunning(path: string): boolean { return !/\.(map|d\.[cm]?ts)$/.test(path); }

/** What the command or the library loads of a module, as an import or a require, and its license. */
function isLoaded(path: string): boolean {
  const [, inside] = /\/node_modules\/@[^/]+\/[^/]+\/(.+)$/.exec(path) ?? [];
  return inside === undefined || (/^(package\.json|LICENSE|dist|pkg)/.test(inside) && isRunning(inside) && !/dist\/(types|(dagre|graphlib)(\.min)?\.js|Library\.(cjs|(esm|umd)(\.min)?)\.js)/.test(inside));
}

function packDebian({ out, version, staged, pages }: Release, { debian }: Platform, from: string): string {
  const root = `${out}/debian-${debian}`, share = `${root}/usr/share`, home = `${root}/usr/lib/warden-wasm`, file = `warden-wasm_${version}_${debian}.deb`;
  cpSync(staged, home, { recursive: true, filter: isRunning });
  // The pages are manual pages here, and the rest has its place in /usr/share/doc.
  for (const entry of ['docs', 'LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md']) rmSync(`${home}/${entry}`, { recursive: true });
  for (const folder of NATIVE) cpSync(`${from}/${folder}`, `${home}/build/${folder}`, { recursive: true });
  for (const scope of MODULES) cpSync(`${packageRoot}node_modules/${scope}`, `${home}/node_modules/${scope}`, { recursive: true, filter: isLoaded });
  mkdirSync(`${root}/usr/bin`, { recursive: true });
  for (const [name, target] of Object.entries(COMMANDS)) symlinkSync(`../lib/warden-wasm/build/${target}`, `${root}/usr/bin/${name}`);
  writeManuals(share, pages);
  for (const [shell, place] of Object.entries(COMPLETIONS)) {
    mkdirSync(dirname(`${share}/${place}`), { recursive: true });
    writeFileSync(`${share}/${place}`, execFileSync(process.execPath, [`${packageRoot}build/js/src/cli/warden.cjs`, 'completion', shell]));
  }
  cpSync(`${packageRoot}docs/examples/server/warden.service`, `${root}/usr/lib/systemd/system/warden.service`);
  for (const [name, page] of Object.entries(SAME_MANUALS)) symlinkSync(page, `${share}/man/man1/${name}`);
  writeDocs(`${share}/doc/warden-wasm`, version);
  mkdirSync(`${share}/lintian/overrides`, { recursive: true });
  writeFileSync(`${share}/lintian/overrides/warden-wasm`, '# The programs have no C library.\nwarden-wasm: statically-linked-binary\n');
  writeControl(root, version, debian);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, `${out}/${file}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  rmSync(root, { recursive: true });
  return file;
}

function writeDocs(folder: string, version: string): void {
  mkdirSync(folder, { recursive: true });
  for (const page of ['README.md', 'SECURITY.md']) cpSync(packageRoot + page, `${folder}/${page}`);
  writeFileSync(`${folder}/CHANGELOG.md.gz`, gzipSync(readFileSync(`${packageRoot}CHANGELOG.md`), { level: 9 }));
  const date = execFileSync('git', ['log', '-1', '--format=%aD'], { cwd: packageRoot, encoding: 'utf8' }).trim();
  const entry = `warden-wasm (${version}) unstable; urgency=medium\n\n  * The changes are in CHANGELOG.md.gz.\n\n -- ${MAINTAINER}  ${date}\n`;
  writeFileSync(`${folder}/changelog.gz`, gzipSync(entry, { level: 9 }));
  writeFileSync(`${folder}/copyright`, copyrights());
}

/** Our license, and those of the packages that the command's bundle contains. */
function copyrights(): string {
  const { packages } = JSON.parse(readFileSync(`${packageRoot}package-lock.json`, 'utf8')) as { packages: Record<string, { dev?: boolean; license?: string }> };
  const others = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true && existsSync(packageRoot + path));
  const texts = others.map(([path, { license }]) => {
    const file = readdirSync(packageRoot + path).find((name) => /^licen[cs]e/i.test(name));
    return `\n\n${path.replace(/^.*node_modules\//, '')} (${license ?? 'license unknown'})\n\n${file === undefined ? '' : readFileSync(`${packageRoot}${path}/${file}`, 'utf8')}`;
  });
  return `warden-wasm (MIT)\n\n${readFileSync(`${packageRoot}LICENSE`, 'utf8')}${texts.join('')}`;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => `${entry.parentPath}/${entry.name}`).sort();
}

/** The package's description, and sums for dpkg --verify. */
function writeControl(root: string, version: string, debian: string): void {
  const files = filesBelow(root), kilobytes = Math.ceil(files.reduce((sum, file) => sum + statSync(file).size, 0) / 1024);
  const sums = files.map((file) => `${createHash('md5').update(readFileSync(file)).digest('hex')}  ${file.slice(root.length + 1)}\n`);
  mkdirSync(`${root}/DEBIAN`);
  writeFileSync(`${root}/DEBIAN/control`, control(version, debian, kilobytes));
  writeFileSync(`${root}/DEBIAN/md5sums`, sums.join(''));
  for (const folder of [root, `${root}/DEBIAN`]) chmodSync(folder, 0o755);
}

/** The addon is linked with the C library of Debian 12; nodejs is recommended only, because the native programs need none. */
function control(version: string, architecture: string, kilobytes: number): string {
  return `Package: warden-wasm
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Section: admin
Priority: optional
Depends: libc6 (>= 2.34), libstdc++6 (>= 11)
Recommends: nodejs (>= 20)
Suggests: uidmap, iptables, iproute2, rsync
Description: containers of Cloud Foundry's Warden, with their logic in WebAssembly
 The native programs need nothing. The command warden needs Node 20 or later.
 conmon's place is taken by a program in a directory of its own, so the package
 conmon can be installed beside this one.
`;
}

export interface Packed { readonly files: readonly string[]; readonly missing: readonly string[] }

export function packPlatforms(out: string, version: string, staged: string): Packed {
  const release: Release = { out, version, staged, pages: manualPages(version) };
  const files: string[] = [], missing: string[] = [], canDebian = isThere('dpkg-deb');
  if (!canDebian) missing.push('the Debian packages: dpkg-deb is not installed');
  for (const platform of PLATFORMS) {
    const from = built(platform);
    if (from === undefined || !existsSync(`${from}/bin/wshd`)) {
      const package_ = platform.compiler?.replace(/^(.*)-(gcc)$/, 'g++-$1') ?? '';
      missing.push(`${platform.machine}: ${platform.compiler ?? 'the native programs'} is missing${package_ === '' ? '' : ` (apt-get install ${package_})`}`);
      continue;
    }
    const native = stripped(out, platform, from);
    files.push(packPlatform(out, version, platform.arch, native), packNative(release, platform, native));
    if (canDebian) files.push(packDebian(release, platform, native));
    rmSync(native, { recursive: true });
  }
  return { files, missing };
}
