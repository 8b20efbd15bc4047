/** Packages of any Debian release and processor, by apt with a configuration of its own: this machine's packages stay as they are. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Disk } from './machines.js';

const MIRROR = 'http://deb.debian.org/debian', KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Wanted extends Disk {
  /** Packages; what they depend on comes with them. */
  readonly packages: readonly string[];
}

/** The environment of an apt that knows one release and processor, and has its files in the directory. */
function aptIn(directory: string, { processor, release }: Disk): NodeJS.ProcessEnv {
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'parts']) mkdirSync(`${directory}/${path}`, { recursive: true });
  writeFileSync(`${directory}/status`, '');
  writeFileSync(`${directory}/sources.list`, ['deb', 'deb-src'].map((kind) => `${kind} [signed-by=${KEYS}] ${MIRROR} ${release} main\n`).join(''));
  const settings: Readonly<Record<string, string>> = {
    'APT::Architecture': processor, 'APT::Architectures::': processor, 'APT::Sandbox::User': 'root', 'Acquire::Languages': 'none',
    'Dir::Etc::sourcelist': `${directory}/sources.list`, 'Dir::Etc::sourceparts': '-', 'Dir::Etc::parts': `${directory}/parts`,
    'Dir::State': `${directory}/state`, 'Dir::State::status': `${directory}/status`, 'Dir::Cache': `${directory}/cache`,
    'Debug::NoLocking': '1',
    // A mirror may be a snapshot.
    'Acquire::Check-Valid-Until': 'false',
  };
  writeFileSync(`${directory}/apt.conf`, Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`).join(''));
  const environment = { ...process.env, APT_CONFIG: `${directory}/apt.conf` };
  execFileSync('apt-get', ['-qq', 'update'], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  return environment;
}

/** Unpacks packages below `directory`, once; returns their root. No package's script runs. */
export function unpacked({ packages, ...disk }: Wanted, directory: string): string {
  const root = `${directory}/root`, apt = `${directory}/apt`, archives = `${apt}/cache/archives`;
  if (existsSync(`${root}/.whole`)) return root;
  mkdirSync(`${root}/usr`, { recursive: true });
  // As on every Debian since 2019: all programs and libraries are in /usr.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(`${root}/usr/${name}`, { recursive: true });
    if (!existsSync(`${root}/${name}`)) symlinkSync(`usr/${name}`, `${root}/${name}`);
  }
  execFileSync('apt-get', ['-qq', '-y', '--download-only', '--no-install-recommends', 'install', ...packages], {
    env: aptIn(apt, disk), stdio: ['ignore', 'ignore', 'inherit'],
  });
  const excluded = ['doc', 'locale', 'man'].map((name) => `--exclude=./usr/share/${name}`).join(' ');
  for (const path of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    execFileSync('sh', ['-c', `dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink ${excluded} -C "$2"`, 'sh', `${archives}/${path}`, root]);
  }
  if (!existsSync(`${root}/usr/bin/sh`) && existsSync(`${root}/usr/bin/bash`)) symlinkSync('bash', `${root}/usr/bin/sh`);
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'etc']) mkdirSync(`${root}/${name}`, { recursive: true });
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n');
  writeFileSync(`${root}/etc/hosts`, '127.0.0.1 localhost machine\n');
  writeFileSync(`${root}/.whole`, '');
  return root;
}

/** Unpacks a source package below `directory`, without Debian's changes; returns its directory. */
export function unpackedSource(name: string, disk: Disk, directory: string): string {
  const sources = `${directory}/${name}`;
  mkdirSync(sources, { recursive: true });
  execFileSync('apt-get', ['-qq', 'source', '--download-only', name], { cwd: sources, env: aptIn(`${directory}/apt`, disk), stdio: ['ignore', 'ignore', 'inherit'] });
  const [archive] = readdirSync(sources).filter((file) => /\.orig\.tar\./.test(file));
  execFileSync('tar', ['-xf', archive!, '--strip-components=1'], { cwd: sources });
  return sources;
}
