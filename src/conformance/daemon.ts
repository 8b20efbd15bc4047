/** The process behind a socket, as far as /proc tells: for counting what it has open. proc(5) */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/** The one process that holds the listening socket at `path`; undefined when that cannot be known. */
export function processListeningAt(path: string): number | undefined {
  const real = realpathSync(path);
  const listening = readFileSync('/proc/net/unix', 'utf8').split('\n').flatMap((line) => {
    // Num RefCount Protocol Flags Type St Inode Path; flag 0x10000 is "listens".
    const [, flags, inode = '', bound = ''] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.+)$/.exec(line) ?? [];
    return flags === '00010000' ? [{ inode, bound }] : [];
  });
  const exact = listening.filter(({ bound }) => bound === real || bound === path);
  const found = exact.length > 0 ? exact : listening.filter(({ bound }) => endsLike(real, bound));
  const holders = found.length === 1 ? processesHolding(`socket:[${found[0]!.inode}]`) : [];
  return holders.length === 1 ? holders[0] : undefined;
}

/** A relative path means something to the process that bound it only: its end must do. */
function endsLike(real: string, bound: string): boolean {
  return !isAbsolute(bound) && real.endsWith(`/${bound.replace(/^(\.\/)+/, '')}`);
}

function processesHolding(link: string): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => descriptorsOf(pid).includes(link));
}

/** What a process has open; nothing when it is not ours to see. */
export function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed since the directory was read.
    return '';
  }
}
