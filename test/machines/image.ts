/** A machine's first file system: a Debian release, Node, and this checkout with its programs, as an archive for the kernel. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { unpackedRelease } from './debian.js';
import type { Machine } from './machines.js';

const NODE_MAJOR = 20;
/** What the compiled tests and the command import. */
const MODULES = [
  '@bufbuild', '@dagrejs', 'cli-progress', 'cli-table3', 'commander', 'picocolors', 'yaml', 'string-width', 'strip-ansi', 'ansi-regex', 'emoji-regex',
  'is-fullwidth-code-point', 'uvu', 'dequal', 'diff', 'kleur', 'sade', 'mri', 'fast-check', 'pure-rand',
];
const COMPILED = ['js', 'wasm', 'proto'], NATIVE = ['bin', 'lib', 'libexec', 'addon'];

/** rootfs cannot be pivoted away from, but a mount over it can. */
const FIRST_INIT = `#!/bin/busybox sh
/bin/busybox mount --bind /machine /machine && cd /machine && /bin/busybox mount --move . / && exec /bin/busybox chroot . /init
echo 'result: the machine has no root'
`;

const INIT = (machine: Machine): string => `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
for place in /dev/shm /tmp /run; do mount -t tmpfs -o mode=1777 tmpfs $place; done
ln -sf /proc/self/fd /dev/fd
mkdir -p /run/lock
depmod
for module in overlay veth bridge; do modprobe $module; done
ip link set lo up
hostname machine
echo 1 >/proc/sys/kernel/printk
${CGROUPS[machine.cgroups]}
cd /project && node build/js/test/machines/guest.js ${machine.cgroups} ${machine.tests.join(' ')} </dev/null
sync
echo o >/proc/sysrq-trigger
sleep 60
`;

const SECOND = 'mount -t cgroup2 cgroup2';
const FIRST = `mount -t tmpfs cgroups /sys/fs/cgroup
for controller in memory cpu,cpuacct devices pids freezer; do
  mkdir /sys/fs/cgroup/$controller && mount -t cgroup -o $controller cgroup /sys/fs/cgroup/$controller
done`;
const CGROUPS: Readonly<Record<Machine['cgroups'], string>> = {
  v1: FIRST, v2: `${SECOND} /sys/fs/cgroup`, hybrid: `${FIRST}\nmkdir /sys/fs/cgroup/unified && ${SECOND} /sys/fs/cgroup/unified`, none: '',
};

/** The programs of this checkout for the processor: those of the build, or cross-built ones. */
function nativePrograms({ processor }: Machine, directory: string): string {
  if (processor === 'amd64') return `${packageRoot}build`;
  const out = `${directory}/native`;
  execFileSync('make', ['-s', '-j2', '-f', 'shim/Makefile', 'CC=aarch64-linux-gnu-gcc', `OUT=${out}`, 'native', 'addon'], {
    cwd: packageRoot, stdio: ['ignore', 'ignore', 'inherit'],
  });
  return out;
}

/** Node's binary for the processor: its builds are npm packages. */
function nodeOf({ processor }: Machine, directory: string): string {
  if (processor === 'amd64') return process.execPath;
  const path = `${directory}/package/bin/node`;
  if (existsSync(path)) return path;
  const packed = execFileSync('npm', ['pack', '--silent', `node-linux-${processor}@${NODE_MAJOR}`], { cwd: directory, encoding: 'utf8' }).trim().split('\n').at(-1)!;
  execFileSync('tar', ['-xzf', packed], { cwd: directory });
  return path;
}

function copyProject(machine: Machine, directory: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(`${to}/node_modules`, { recursive: true });
  for (const name of MODULES) {
    const from = `${packageRoot}node_modules/${name}`;
    if (existsSync(from)) cpSync(from, `${to}/node_modules/${name}`, { recursive: true, filter: (path) => !/\/@bufbuild\/(buf|protoc)/.test(path) });
  }
  for (const name of COMPILED) cpSync(`${packageRoot}build/${name}`, `${to}/build/${name}`, { recursive: true });
  const native = nativePrograms(machine, directory);
  for (const name of NATIVE) cpSync(`${native}/${name}`, `${to}/build/${name}`, { recursive: true });
  for (const name of ['test', 'shim', 'assembly', 'docs']) cpSync(`${packageRoot}${name}`, `${to}/${name}`, { recursive: true });
  copyFileSync(`${packageRoot}package.json`, `${to}/package.json`);
}

/** Makes the machine's archive below `directory`; returns its path, and the kernel's. */
export function makeImage(machine: Machine, directory: string): { kernel: string; archive: string } {
  const release = `${directory}/${machine.release}-${machine.processor}`, root = unpackedRelease(machine, release);
  const kernel = readdirSync(`${root}/boot`).find((name) => name.startsWith('vmlinuz-'));
  if (kernel === undefined) throw new Error(`${root}/boot has no kernel`);
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'etc', 'project']) mkdirSync(`${root}/${name}`, { recursive: true });
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n');
  writeFileSync(`${root}/etc/hosts`, '127.0.0.1 localhost machine\n');
  copyProject(machine, release, `${root}/project`);
  copyFileSync(nodeOf(machine, release), `${root}/usr/bin/node`);
  chmodSync(`${root}/usr/bin/node`, 0o755);
  writeFileSync(`${root}/init`, INIT(machine), { mode: 0o755 });
  const image = `${release}/image`, archive = `${release}/${machine.name}.cpio`;
  mkdirSync(`${image}/bin`, { recursive: true });
  copyFileSync(`${root}/usr/bin/busybox`, `${image}/bin/busybox`);
  writeFileSync(`${image}/init`, FIRST_INIT, { mode: 0o755 });
  execFileSync('sh', ['-c', 'cd "$1" && find . -path ./machine/boot -prune -o -path ./machine/usr/share -prune -o -print | cpio -o -H newc -R 0:0 --quiet >"$2"', 'sh', image, archive], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { kernel: `${root}/boot/${kernel}`, archive };
}
