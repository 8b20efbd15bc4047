/**
 * What programs of the host's /usr need beside /usr, for a container's own root: a list of what comes along, and nothing else does.
 * What only some users of the host may read never comes along, so nothing secret does.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ifReadable } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { readSystemAccounts, type SystemAccounts } from './system-accounts.js';
import type { Entry } from './setup-steps.js';

/**
 * Names in /etc; "*" stands for any characters.
 *
 * `bound`: mounted read-only, as a whole, when every user of the host may read all of it. `copied`: the files in it that every user may
 * read, as they are when the container is made; the container may change its copies.
 */
export const ETC = {
  bound: ['alternatives', 'fonts', 'java-*-openjdk', 'ssl/certs'],
  copied: [
    // Linker, users' sessions, shells, names of the network.
    'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'pam.conf', 'pam.d', 'security', 'login.defs', 'shells',
    'profile', 'bash.bashrc', 'inputrc', 'protocols', 'services', 'rpc', 'ethertypes', 'gai.conf', 'host.conf',
    // Places, languages, kinds of files.
    'localtime', 'timezone', 'locale.alias', 'locale.conf', 'default/locale', 'mime.types', 'mailcap', 'magic', 'magic.mime', 'terminfo',
    'debian_version', 'os-release', 'lsb-release', 'xattr.conf', 'libaudit.conf',
    // Programs.
    'ssl/openssl.cnf', 'ca-certificates.conf', 'manpath.config', 'groff', 'perl', 'python3*', 'vim', 'ImageMagick-6', 'xml', 'sgml',
    'postgresql-common/user_clusters', 'nginx/nginx.conf', 'nginx/mime.types', 'nginx/*_params', 'nginx/fastcgi.conf', 'nginx/koi-*',
    'nginx/win-utf', 'nginx/modules-enabled',
  ],
} as const;

/** Where packages keep what their programs write: the directories in them come along, empty. */
const STATE_DIRECTORIES = ['cache', 'lib', 'log', 'spool'] as const;
const TMPFILES = '/usr/lib/tmpfiles.d';
const FILE_BYTES_MAX = 1 << 20;
const OTHERS_READ = 0o004, OTHERS_ENTER = 0o001;

export interface HostConfiguration {
  /** Directories of /etc to be mounted read-only. */
  readonly bound: readonly string[];
  /** Copies and empty directories, every directory before its contents. */
  readonly entries: readonly Entry[];
  readonly accounts: SystemAccounts;
}

export function readHostConfiguration(): HostConfiguration {
  const accounts = readSystemAccounts(), chosen = ETC.bound.flatMap(matches).filter(isDirectory);
  const bound = chosen.filter(isPublic), copied = [...chosen.filter((path) => !bound.includes(path)), ...ETC.copied.flatMap(matches)];
  const entries = [...copied.flatMap(publicEntries), ...stateDirectories(accounts), ...runDirectories(accounts)];
  return { bound, entries: withParents(entries), accounts };
}

/** The paths in /etc that a name of the list stands for. */
function matches(name: string): string[] {
  return name.split('/').reduce((directories, part) => {
    if (!part.includes('*')) return directories.map((directory) => join(directory, part));
    const pattern = new RegExp(`^${part.replaceAll('.', '\\.').replaceAll('*', '.*')}$`);
    return directories.flatMap((directory) => namesOf(directory).filter((each) => pattern.test(each)).map((each) => join(directory, each)));
  }, ['/etc']);
}

function namesOf(directory: string): string[] { return ifReadable(() => readdirSync(directory).sort()) ?? []; }

function statusOf(path: string): Stats | undefined { return lstatSync(path, { throwIfNoEntry: false }); }

function isDirectory(path: string): boolean { return statusOf(path)?.isDirectory() === true; }

function mayRead(info: Stats): boolean {
  const needed = info.isDirectory() ? OTHERS_READ | OTHERS_ENTER : OTHERS_READ;
  return (info.mode & needed) === needed;
}

/** Whether every user of the host may read all that is in it. */
function isPublic(path: string): boolean {
  const info = statusOf(path);
  if (!info || info.isSymbolicLink()) return info !== undefined;
  return mayRead(info) && (info.isFile() || (info.isDirectory() && namesOf(path).every((name) => isPublic(join(path, name)))));
}

/** What every user of the host may read of the file or directory. */
function publicEntries(path: string): Entry[] {
  const info = statusOf(path), relative = path.slice(1);
  if (info?.isSymbolicLink()) return [{ type: 'link', path: relative, to: readlinkSync(path) }];
  if (!info || !mayRead(info)) return [];
  if (info.isDirectory()) return [{ type: 'directory', path: relative }, ...namesOf(path).flatMap((name) => publicEntries(join(path, name)))];
  if (!info.isFile() || info.size > FILE_BYTES_MAX) return [];
  return [{ type: 'file', path: relative, content: readFileSync(path), mode: info.mode & 0o755 }];
}

/** hier(7) */
function stateDirectories({ users, groups }: SystemAccounts): Entry[] {
  const known = (id: number, all: readonly { readonly id: number }[]): number => (all.some((each) => each.id === id) ? id : 0);
  return STATE_DIRECTORIES.flatMap((state) => namesOf(`/var/${state}`).flatMap((name): Entry[] => {
    const info = statusOf(`/var/${state}/${name}`);
    if (!info?.isDirectory()) return [];
    return [{ type: 'directory', path: `var/${state}/${name}`, mode: info.mode & 0o7777, owner: known(info.uid, users), group: known(info.gid, groups) }];
  }));
}

/** Directories of /run that packages ask for: "d /run/NAME MODE USER GROUP …". tmpfiles.d(5) */
function runDirectories({ users, groups }: SystemAccounts): Entry[] {
  const id = (name: string | undefined, all: readonly { readonly name: string; readonly id: number }[]): number => (
    all.find((each) => each.name === name)?.id ?? 0
  );
  return namesOf(TMPFILES).filter((name) => name.endsWith('.conf')).flatMap((name) => (
    textOfFile(join(TMPFILES, name), 'utf8').split('\n').flatMap((line): Entry[] => {
      const [type, path = '', mode = '-', user, group] = line.trim().split(/\s+/), digits = /^[~:]?([0-7]{3,4})$/.exec(mode)?.[1];
      if (!/^[dD][!+=~^$-]*$/.test(type ?? '') || !/^(\/var)?\/run\/[\w.-]+$/.test(path)) return [];
      return [{ type: 'directory', path: `run/${basename(path)}`, mode: parseInt(digits ?? '755', 8), owner: id(user, users), group: id(group, groups) }];
    })
  ));
}

/** Each entry once, with the directories that lead to it. */
function withParents(entries: readonly Entry[]): Entry[] {
  const made = new Map<string, Entry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!made.has(path)) made.set(path, { type: 'directory', path });
    }
    if (!made.has(entry.path)) made.set(entry.path, entry);
  }
  return [...made.values()];
}

/** Content of the host's resolv.conf; of the one behind it where the host runs a resolver for itself alone. systemd-resolved(8) */
export function readResolvConf(): string {
  const text = readText('/etc/resolv.conf'), behind = readText('/run/systemd/resolve/resolv.conf');
  const servers = [...text.matchAll(/^nameserver\s+(\S+)/gm)].map(([, address]) => address!);
  const isLocal = servers.length > 0 && servers.every((address) => address.startsWith('127.') || address === '::1');
  return isLocal && behind !== '' ? behind : text;
}

function readText(path: string): string {
  return ifReadable(() => (statSync(path).isFile() ? readFileSync(path, 'utf8') : '')) ?? '';
}
