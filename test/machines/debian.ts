/** Packages of any Debian release and processor, by apt with a configuration of its own: this machine's packages stay as they are. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Disk } from './machines.js';

const MIRROR = 'http://deb.debian.org/debian', KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** What the tests and the containers call, and the kernel that Debian makes for virtual machines. */
const PACKAGES = [
  'bash', 'coreutils', 'util-linux', 'mount', 'procps', 'psmisc', 'sed', 'grep', 'findutils', 'diffutils', 'kmod', 'hostname', 'busybox-static',
  'perl-base', 'python3-minimal', 'libpython3-stdlib', 'netbase', 'iproute2', 'iptables', 'bsdutils', 'libstdc++6', 'uidmap',
];

/** Downloads the packages and what they depend on into the directory; returns their paths. */
function download({ processor, release }: Disk, directory: string): string[] {
  const state = `${directory}/apt`, archives = `${state}/cache/archives`;
  for (const path of ['state/lists/partial', 'cache/archives/partial', 'parts']) mkdirSync(`${state}/${path}`, { recursive: true });
  writeFileSync(`${state}/status`, '');
  writeFileSync(`${state}/sources.list`, `deb [signed-by=${KEYS}] ${MIRROR} ${release} main\n`);
  const settings: Readonly<Record<string, string>> = {
    'APT::Architecture': processor, 'APT::Architectures::': processor, 'APT::Sandbox::User': 'root', 'Acquire::Languages': 'none',
    'Dir::Etc::sourcelist': `${state}/sources.list`, 'Dir::Etc::sourceparts': '-', 'Dir::Etc::parts': `${state}/parts`,
    'Dir::State': `${state}/state`, 'Dir::State::status': `${state}/status`, 'Dir::Cache': `${state}/cache`, 'Debug::NoLocking': '1',
  };
  writeFileSync(`${state}/apt.conf`, Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`).join(''));
  const options = { env: { ...process.env, APT_CONFIG: `${state}/apt.conf` }, stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'] };
  execFileSync('apt-get', ['-qq', 'update'], options);
  // The kernel's package wants an initramfs, which image.ts makes.
  const wanted = [...PACKAGES, `linux-image-cloud-${processor}`, 'initramfs-tools-'];
  execFileSync('apt-get', ['-qq', '-y', '--download-only', '--no-install-recommends', 'install', ...wanted], options);
  return readdirSync(archives).filter((name) => name.endsWith('.deb')).map((name) => `${archives}/${name}`);
}

/** Unpacks a release's programs and its kernel below `directory`, once; returns their directory. No package's script runs. */
export function unpackedRelease(release: Disk, directory: string): string {
  const root = `${directory}/root`;
  if (existsSync(`${root}/.whole`)) return root;
  mkdirSync(`${root}/usr`, { recursive: true });
  // As on every Debian since 2019: all programs and libraries are in /usr.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(`${root}/usr/${name}`, { recursive: true });
    if (!existsSync(`${root}/${name}`)) symlinkSync(`usr/${name}`, `${root}/${name}`);
  }
  for (const path of download(release, directory)) {
    execFileSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man -C "$2"', 'sh', path, root]);
  }
  if (!existsSync(`${root}/usr/bin/sh`)) symlinkSync('bash', `${root}/usr/bin/sh`);
  writeFileSync(`${root}/.whole`, '');
  return root;
}
