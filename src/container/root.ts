/** What a container's root file system is made of: mounts, and what is made in them. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, reason, WardenError } from './error.js';
import { type Base, mountPoints, type Mount } from './mounts.js';
import type { Entry } from './steps.js';

/** A directory of the host's, seen in the container. */
export interface Bind {
  /** Absolute, or relative to the current directory. */
  readonly source: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly readOnly?: boolean;
}

export interface Root {
  readonly base: Base;
  readonly mounts: readonly Mount[];
  readonly entries: readonly Entry[];
}

/** As in the original's containers. */
const VCAP_ID = 10_001;
const TTY_GROUP = 5;
const READ_ONLY = ['readOnly', 'noSuid', 'noDevices'] as const;

/** The kernel's own file systems, fresh ones; the name under which they are listed is the container's. */
function privateMounts(id: string): Mount[] {
  const pts = `newinstance,ptmxmode=0666,mode=0620,gid=${TTY_GROUP}`;
  return [
    { source: id, target: '/proc', type: 'proc', flags: ['noSuid', 'noDevices', 'noExecute'] },
    { source: id, target: '/dev', type: 'tmpfs', flags: ['noSuid', 'noExecute'], data: 'mode=755' },
    { source: id, target: '/dev/pts', type: 'devpts', flags: ['noSuid', 'noExecute'], data: pts },
    { source: id, target: '/dev/shm', type: 'tmpfs', flags: ['noSuid', 'noDevices'], data: 'mode=1777' },
  ];
}

/** Numbers of Linux's devices.txt. */
const DEVICES: readonly Entry[] = [
  { type: 'device', path: 'dev/null', number: [1, 3] },
  { type: 'device', path: 'dev/zero', number: [1, 5] },
  { type: 'device', path: 'dev/full', number: [1, 7] },
  { type: 'device', path: 'dev/random', number: [1, 8] },
  { type: 'device', path: 'dev/urandom', number: [1, 9] },
  { type: 'device', path: 'dev/tty', number: [5, 0] },
  { type: 'link', path: 'dev/ptmx', to: 'pts/ptmx' },
  { type: 'link', path: 'dev/fd', to: '/proc/self/fd' },
  { type: 'link', path: 'dev/stdin', to: '/proc/self/fd/0' },
  { type: 'link', path: 'dev/stdout', to: '/proc/self/fd/1' },
  { type: 'link', path: 'dev/stderr', to: '/proc/self/fd/2' },
];

/** The caller's own directory, with all that is mounted in it. */
export function givenRoot(id: string, directory: string): Root {
  return {
    base: { source: directory, type: 'bind', flags: ['recursive'] },
    mounts: privateMounts(id),
    entries: DEVICES,
  };
}

/** A small root that lives in memory, around the host's programs. */
export function ownRoot(id: string, hostname: string): Root {
  const programs = hostPrograms();
  return {
    base: { source: id, type: 'tmpfs', flags: ['noSuid', 'noDevices'], data: 'mode=755' },
    mounts: [...programs.directories.flatMap(readOnly), ...privateMounts(id)],
    entries: [...programs.links, ...directories(), ...configuration(hostname), ...DEVICES],
  };
}

/** Over everything else. With a read-only one, what is mounted below its source does not come along: it would be writable. */
export function bindMounts(binds: readonly Bind[]): Mount[] {
  return binds.map(({ source, target, readOnly }): Mount => (
    { source, target, type: 'bind', flags: readOnly ? READ_ONLY : ['recursive', 'noSuid', 'noDevices'] }
  ));
}

/** /usr, and what stands beside it: links into it, or directories on hosts whose /usr is not merged. */
function hostPrograms(): { directories: string[]; links: Entry[] } {
  const names = readdirSync('/').filter((name) => /^(usr|bin|sbin|lib[a-z0-9]*)$/.test(name));
  const found = { directories: [] as string[], links: [] as Entry[] };
  for (const name of names) {
    const info = lstatSync(`/${name}`);
    if (info.isDirectory()) found.directories.push(`/${name}`);
    if (info.isSymbolicLink()) found.links.push({ type: 'link', path: name, to: readlinkSync(`/${name}`) });
  }
  // What awk, vi and others are links to.
  if (statIfAny('/etc/alternatives')?.isDirectory()) found.directories.push('/etc/alternatives');
  return found;
}

/** What is mounted below is bound one by one: a recursive bind would leave it writable. */
function readOnly(directory: string): Mount[] {
  const below = mountPoints(readFileSync('/proc/self/mountinfo', 'utf8'))
    .filter((point) => point.startsWith(`${directory}/`) && statIfAny(point) !== undefined);
  return [
    { source: directory, target: directory, type: 'bind', flags: READ_ONLY },
    ...below.map((point): Mount => ({ source: point, target: point, type: 'bind', flags: READ_ONLY })),
  ];
}

function directories(): Entry[] {
  return [
    { type: 'directory', path: 'etc' },
    { type: 'directory', path: 'home' },
    { type: 'directory', path: 'home/vcap', owner: VCAP_ID },
    { type: 'directory', path: 'root', mode: 0o700 },
    { type: 'directory', path: 'run' },
    { type: 'directory', path: 'tmp', mode: 0o1777 },
    { type: 'directory', path: 'var' },
    { type: 'directory', path: 'var/tmp', mode: 0o1777 },
  ];
}

/** Of the host's /etc only what the dynamic linker needs: names of directories, nothing secret. */
function configuration(hostname: string): Entry[] {
  const shell = statIfAny('/bin/bash') ? '/bin/bash' : '/bin/sh';
  return [
    text('etc/passwd', `root:x:0:0:root:/root:${shell}\nvcap:x:${VCAP_ID}:${VCAP_ID}:vcap:/home/vcap:${shell}\n`),
    text('etc/group', `root:x:0:\ntty:x:${TTY_GROUP}:\nvcap:x:${VCAP_ID}:\n`),
    text('etc/hostname', `${hostname}\n`),
    text('etc/hosts', `127.0.0.1 localhost ${hostname}\n::1 localhost\n`),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n'),
    ...copies('/etc/ld.so.cache'),
    ...copies('/etc/ld.so.conf'),
    ...copiesIn('/etc/ld.so.conf.d'),
  ];
}

function text(path: string, content: string): Entry { return { type: 'file', path, content }; }

function copies(path: string): Entry[] {
  return statIfAny(path)?.isFile() ? [{ type: 'file', path: path.slice(1), content: readFileSync(path) }] : [];
}

function copiesIn(directory: string): Entry[] {
  if (!statIfAny(directory)?.isDirectory()) return [];
  const files = readdirSync(directory).flatMap((name) => copies(join(directory, name)));
  return [{ type: 'directory', path: directory.slice(1) }, ...files];
}

function statIfAny(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that a directory can be a container's root: its absolute path, free of links. All that is ever written to it
 * are the directories that something has to be mounted on.
 */
export function checkRoot(given: string): string {
  const directory = realDirectory(given);
  if (directory === '/') {
    throw new WardenError('USAGE', 'the host\'s own root cannot be a container\'s; without --root the container gets one with the host\'s programs');
  }
  const missing = ['proc', 'dev'].filter((name) => !isDirectoryItself(directory, name));
  for (const name of missing) makeMountPoint(directory, name);
  return directory;
}

function realDirectory(given: string): string {
  let directory: string;
  try {
    directory = realpathSync(given);
  } catch (error) {
    throw new WardenError('USAGE', `the root directory ${given} cannot be used: ${reason(error)}`, { cause: error });
  }
  if (statSync(directory).isDirectory()) return directory;
  throw new WardenError('USAGE', `the root ${given} is not a directory`);
}

/** A link there would lead out of the directory. */
function isDirectoryItself(directory: string, name: string): boolean {
  const info = lstatSync(join(directory, name), { throwIfNoEntry: false });
  if (info && !info.isDirectory()) throw new WardenError('USAGE', `${join(directory, name)} must be a directory: the container's own ${name} is mounted on it`);
  return info !== undefined;
}

function makeMountPoint(directory: string, name: string): void {
  try {
    mkdirSync(join(directory, name), { mode: 0o755 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw new WardenError('START_FAILED', `cannot make ${join(directory, name)}, for the container's own ${name} to be mounted on: `
      + `${reason(error)}; make it by hand`, { cause: error });
  }
}
