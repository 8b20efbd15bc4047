/** A machine's disk: a Debian release, Node, and this checkout with its programs; and what leads its kernel there. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { packageRoot } from '../../src/base/paths.js';
import { unpacked } from './debian.js';
import type { Cgroups, Disk } from './machines.js';
import { nodeDirectory } from './node.js';
import { installPackages } from './package.js';

export interface Image {
  readonly kernel: string;
  /** The kernel's first file system, which mounts the disk. */
  readonly archive: string;
  readonly disk: string;
}

/** What the tests and the containers call. */
const PACKAGES = [
  'bash', 'coreutils', 'util-linux', 'mount', 'procps', 'psmisc', 'sed', 'grep', 'findutils', 'diffutils', 'kmod', 'hostname', 'busybox-static',
  'perl-base', 'python3-minimal', 'libpython3-stdlib', 'netbase', 'iproute2', 'iptables', 'bsdutils', 'libstdc++6', 'uidmap',
];
const NODE_MAJOR = 20, DISK_MB = 2_048;
/** What the compiled tests and the command import. */
const MODULES = [
  '@bufbuild', '@dagrejs', 'cli-progress', 'cli-table3', 'commander', 'picocolors', 'yaml', 'string-width', 'strip-ansi', 'ansi-regex', 'emoji-regex',
  'is-fullwidth-code-point', 'uvu', 'dequal', 'diff', 'kleur', 'sade', 'mri', 'fast-check', 'pure-rand',
];
const COMPILED = ['js', 'wasm', 'proto'], NATIVE = ['bin', 'lib', 'libexec', 'addon'];
/** The kernel's modules that mount the disk. */
const DRIVERS = ['virtio_pci', 'virtio_blk', 'ext4'];

const FIRST_INIT = `#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod $module; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /machine && exec /bin/busybox switch_root /machine /init
echo 'result: the machine has no disk'
`;

const SECOND = 'mount -t cgroup2 cgroup2';
const FIRST = `mount -t tmpfs cgroups /sys/fs/cgroup
for controller in memory cpu,cpuacct devices pids freezer; do
  mkdir /sys/fs/cgroup/$controller && mount -t cgroup -o $controller cgroup /sys/fs/cgroup/$controller
done`;
const LAYOUTS: Readonly<Record<Cgroups, string>> = {
  v1: FIRST, v2: `${SECOND} /sys/fs/cgroup`, hybrid: `${FIRST}\nmkdir /sys/fs/cgroup/unified && ${SECOND} /sys/fs/cgroup/unified`, none: ':',
};

/** CGROUPS, EXPECTED, CONTAINERS and TESTS are on the kernel's command line: boot.ts. */
const INIT = `#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
for place in /dev/shm /tmp /run; do mount -t tmpfs -o mode=1777 tmpfs $place; done
ln -sf /proc/self/fd /dev/fd
mkdir -p /run/lock
for module in overlay veth bridge; do modprobe $module; done
ip link set lo up
hostname machine
case $CGROUPS in
${Object.entries(LAYOUTS).map(([name, commands]) => `${name})\n${commands}\n;;`).join('\n')}
esac
cd /project && node build/js/test/machines/guest.js "$CGROUPS" "$EXPECTED" "$CONTAINERS" \${TESTS//,/ } </dev/null
sync
echo o >/proc/sysrq-trigger
sleep 60
`;

/** The programs of this checkout for the processor: those of the build, or cross-built ones. */
function nativePrograms({ processor }: Disk, directory: string): string {
  if (processor === 'amd64') return `${packageRoot}build`;
  const out = `${directory}/native`;
  execFileSync('make', ['-s', '-j2', '-f', 'shim/Makefile', 'CC=aarch64-linux-gnu-gcc', `OUT=${out}`, 'native', 'addon'], {
    cwd: packageRoot, stdio: ['ignore', 'ignore', 'inherit'],
  });
  return out;
}

function copyProject(disk: Disk, directory: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(`${to}/node_modules`, { recursive: true });
  for (const name of MODULES) {
    const from = `${packageRoot}node_modules/${name}`;
    if (existsSync(from)) cpSync(from, `${to}/node_modules/${name}`, { recursive: true, filter: (path) => !/\/@bufbuild\/(buf|protoc)/.test(path) });
  }
  for (const name of COMPILED) cpSync(`${packageRoot}build/${name}`, `${to}/build/${name}`, { recursive: true });
  const native = nativePrograms(disk, directory);
  for (const name of NATIVE) cpSync(`${native}/${name}`, `${to}/build/${name}`, { recursive: true });
  for (const name of ['test', 'shim', 'assembly', 'docs']) cpSync(`${packageRoot}${name}`, `${to}/${name}`, { recursive: true });
  copyFileSync(`${packageRoot}package.json`, `${to}/package.json`);
}

/** The kernel's first file system, with the modules that DRIVERS need in the order in which they load. */
function makeArchive(root: string, version: string, directory: string, archive: string): void {
  const first = `${directory}/first`;
  rmSync(first, { recursive: true, force: true });
  for (const name of ['bin', 'dev', 'machine', 'modules']) mkdirSync(`${first}/${name}`, { recursive: true });
  copyFileSync(`${root}/usr/bin/busybox`, `${first}/bin/busybox`);
  writeFileSync(`${first}/init`, FIRST_INIT, { mode: 0o755 });
  execFileSync('depmod', ['-b', root, version]);
  const wanted = DRIVERS.flatMap((driver) => execFileSync('modprobe', ['-d', root, '-S', version, '--show-depends', driver], { encoding: 'utf8' }).split('\n'));
  const files = wanted.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
  [...new Set(files)].forEach((file, index) => {
    execFileSync('sh', ['-c', file.endsWith('.xz') ? 'xz -dc "$1" >"$2"' : 'cat "$1" >"$2"', 'sh', file, `${first}/modules/${String(index).padStart(2, '0')}-${basename(file, '.xz')}`]);
  });
  execFileSync('sh', ['-c', 'cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet >"$2"', 'sh', first, archive]);
}


/** The release's programs, and the kernel that Debian makes for virtual machines; its package wants an initramfs, which is made here. */
function unpackedRelease(disk: Disk, directory: string): string {
  return unpacked({ ...disk, packages: [...PACKAGES, `linux-image-cloud-${disk.processor}`, 'initramfs-tools-'] }, directory);
}

/** Makes the image of a disk below `directory`. */
export function makeImage(wanted: Disk, directory: string): Image {
  const release = `${directory}/${wanted.release}-${wanted.processor}`, root = unpackedRelease(wanted, release);
  const kernel = readdirSync(`${root}/boot`).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error(`${root}/boot has no kernel`);
  copyProject(wanted, release, `${root}/project`);
  if (wanted.processor === 'arm64') installPackages(wanted, `${root}/package`);
  const node = wanted.processor === 'amd64' ? process.execPath : `${nodeDirectory(wanted.processor, NODE_MAJOR, directory)}/node`;
  copyFileSync(node, `${root}/usr/bin/node`);
  chmodSync(`${root}/usr/bin/node`, 0o755);
  writeFileSync(`${root}/init`, INIT, { mode: 0o755 });
  const archive = `${release}/first.cpio`, disk = `${release}/disk`;
  makeArchive(root, kernel.slice('vmlinuz-'.length), release, archive);
  rmSync(disk, { force: true });
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', root, disk, `${DISK_MB}m`], { stdio: ['ignore', 'ignore', 'inherit'] });
  return { kernel: `${root}/boot/${kernel}`, archive, disk };
}
