/** Roots with another C library, on this machine: containers in them (`--root`), and the command itself where it is the system's. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import { Container, type ExecOutput, type LinkOutput } from '../../src/index.js';
import { unpacked, unpackedSource } from './debian.js';
import type { Disk } from './machines.js';
import { allHold, attempt, expect, outcomeOf, warden, wardenPath } from './trial.js';

export interface Root {
  readonly name: string;
  readonly release: Disk['release'];
  readonly isMusl?: boolean;
  /** What the command says where the prebuilt addon does not load. */
  readonly refusal?: RegExp;
}

export const ROOTS: readonly Root[] = [
  { name: 'root-musl', release: 'bookworm', isMusl: true },
  { name: 'root-bullseye', release: 'bullseye', refusal: /^warden run: cannot load \S+\/warden\.node, which is of another machine or C library: [^\n]*`GLIBC_2\.34' not found[^\n]*\n$/ },
  { name: 'root-trixie', release: 'trixie' },
  { name: 'root-sid', release: 'sid' },
];

const GLIBC = ['bash', 'coreutils', 'libc-bin', 'libstdc++6', 'mount', 'util-linux'], GREETING = ['sh', '-c', 'read name </proc/sys/kernel/hostname && echo hello from $name'];
const hasGreeted = (text: string): boolean => /^hello from \S+\n$/.test(text);

function compile(compiler: string, to: string, ...more: string[]): void {
  execFileSync(compiler, ['-O1', '-pthread', ...more, '-o', to, `${packageRoot}test/machines/libc.c`]);
}

/** dash, linked with musl, and no other program. */
function makeMusl(root: Root, directory: string): string {
  const disk: Disk = { processor: 'amd64', release: root.release }, top = unpacked({ ...disk, packages: ['musl'] }, directory);
  if (existsSync(`${top}/bin/sh`)) return top;
  const sources = unpackedSource('dash', disk, directory);
  execFileSync('sh', ['-c', 'CC=musl-gcc ./configure -q && make -s'], { cwd: sources, stdio: ['ignore', 'ignore', 'inherit'] });
  copyFileSync(`${sources}/src/dash`, `${top}/bin/sh`);
  compile('musl-gcc', `${top}/bin/libc`);
  compile('musl-gcc', `${top}/bin/libc-static`, '-static');
  return top;
}

function makeGlibc({ release }: Root, directory: string): string {
  return unpacked({ processor: 'amd64', release, packages: GLIBC }, directory);
}

function version(root: Root, top: string): string {
  if (root.isMusl !== true) return outcomeOf('chroot', top, 'getconf', 'GNU_LIBC_VERSION').stdout.trim();
  return `musl ${/^Version (\S+)$/m.exec(outcomeOf(`${top}/lib/ld-musl-x86_64.so.1`).stderr)?.[1]}`;
}

function words({ stdout, stderr, exitCode }: ExecOutput | LinkOutput): string { return `exit code ${exitCode}: ${String(stdout)}${String(stderr)}`; }

/** Standard input, both outputs, an exit code, another user, and a terminal. */
async function execs(container: Container): Promise<string> {
  const echoed = await container.exec(['sh', '-c', 'read line; echo "$line"; echo error >&2; exit 7'], { input: 'words\n' }).output();
  expect(String(echoed.stdout) === 'words\n' && String(echoed.stderr) === 'error\n' && echoed.exitCode === 7, words(echoed));
  const other = await container.exec(['sh', '-c', 'test -w /etc/passwd || echo "$HOME"'], { user: 'nobody' }).output();
  expect(String(other.stdout) === '/\n' && other.exitCode === 0, `user nobody: ${words(other)}`);
  const terminal = await container.exec(['sh', '-c', 'test -t 0 && test -t 1 && echo terminal'], { tty: true }).output();
  expect(String(terminal.stdout) === 'terminal\r\n', `terminal: ${words(terminal)}`);
  return 'input, outputs, exit code, user and terminal';
}

/** Programs that are linked with the root's C library: a user's name, a thread, a child. */
async function programs(container: Container, { isMusl = false }: Root): Promise<string> {
  for (const [name, expected] of isMusl ? [['libc', 'root 42 7\n'], ['libc-static', 'root 42 7\n']] as const : [['id -un', 'root\n']] as const) {
    const output = await container.exec(name.split(' ')).output();
    expect(String(output.stdout) === expected && output.exitCode === 0, `${name}: ${words(output)}`);
  }
  return isMusl ? 'dynamic and static programs have a user\'s name, a thread and a child' : 'a user\'s name';
}

/** The native programs of the build, which are bound to /native. */
async function native(container: Container): Promise<string> {
  for (const name of ['wsh', 'iomux-link', 'iomux-spawn', 'wshd', 'warden-runtime', 'oom']) {
    const help = await container.exec([`/native/${name}`, name === 'warden-runtime' ? '--version' : '--help']).output();
    expect(help.exitCode === 0, `${name}: ${words(help)}`);
  }
  const script = '/native/iomux-spawn /run sh -c "echo out; echo err >&2; exit 5" >/dev/null & until test -S /run/status.sock; do :; done; /native/iomux-link /run';
  const linked = await container.exec(['sh', '-c', script]).output();
  expect(String(linked.stdout) === 'out\n' && String(linked.stderr) === 'err\n' && linked.exitCode === 5, `iomux: ${words(linked)}`);
  return 'the native programs run, and iomux-link gets a job\'s output and exit code';
}

async function job(container: Container): Promise<string> {
  const { id } = await container.spawn(['sh', '-c', 'echo one; echo two >&2; exit 42'], { start: 'linked' });
  const linked = await (await container.job(id)).link().output();
  expect(String(linked.stdout) === 'one\n' && String(linked.stderr) === 'two\n' && linked.exitCode === 42, words(linked));
  return 'a link has a job\'s outputs and exit code';
}

/** `warden run` where the root is the whole system: the addon is loaded by this C library. */
function asSystem(top: string, { refusal }: Root): string {
  for (const path of [`${top}/opt/node`, `${top}/etc/resolv.conf`]) {
    mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    writeFileSync(path, '', { flag: 'a' });
  }
  // This checkout may lie below /tmp: it is bound last.
  const script = `mount --bind "$1" "$1" && mount --bind "$3" "$1/opt/node" && cd "$1"
for name in proc dev sys; do mount --rbind /$name $name; done; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
mkdir -p run/old "./$2" && mount --bind "$2" "./$2" && pivot_root . run/old && umount -l /run/old
shift 3; exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /opt/node "$@"`;
  const places = [top, packageRoot, process.execPath];
  const { status, stdout, stderr } = outcomeOf('unshare', '-m', 'sh', '-c', script, 'sh', ...places, wardenPath, 'run', '--', ...GREETING);
  if (refusal !== undefined) {
    expect(status === 1 && refusal.test(stderr), `${status} ${stdout}${stderr}`);
    return `refused: ${stderr.trim()}`;
  }
  expect(status === 0 && hasGreeted(stdout), `${status} ${stdout}${stderr}`);
  return 'hello, with the addon';
}

/** Prints a line for each trial; returns whether all hold. */
export async function tryRoot(root: Root, directory: string): Promise<boolean> {
  const place = `${directory}/${root.name}`, top = root.isMusl === true ? makeMusl(root, place) : makeGlibc(root, place);
  console.log(`trial: ${version(root, top)}`);
  await attempt('greeting', () => {
    const { status, stdout, stderr } = warden('run', '--root', top, '--', ...GREETING);
    expect(status === 0 && hasGreeted(stdout), `${status} ${stdout}${stderr}`);
    return 'hello';
  });
  const container = await Container.create({ root: top, binds: [{ source: `${packageRoot}build/bin`, target: '/native', readOnly: true }] });
  try {
    await attempt('exec', () => execs(container));
    await attempt('C library', () => programs(container, root));
    await attempt('job', () => job(container));
    await attempt('native programs', () => native(container));
  } finally {
    await container.destroy();
  }
  if (root.isMusl !== true) await attempt('the command itself', () => asSystem(top, root));
  return allHold();
}
