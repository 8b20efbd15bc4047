/**
 * A peer: another set of the five programs. An original wshd needs more of its container than ours: a copy of itself at
 * /sbin/wshd, a directory /mnt, every hook, a root that is a mount of its own, as pivot_root(2) asks for, and no mounts that
 * lie on top of each other, which it cannot unmount.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROGRAMS = ['wshd', 'wsh', 'iomux-spawn', 'iomux-link', 'oom'] as const;
export type Program = typeof PROGRAMS[number];

/** The folder of each program's source in the original repository, where its Makefile leaves the program. */
const ORIGINAL_FOLDERS: Record<Program, string> = { wshd: 'wsh', wsh: 'wsh', 'iomux-spawn': 'iomux', 'iomux-link': 'iomux', oom: 'oom' };

/** Where the program lies in a peer's directory: directly, or as in the original repository's `src`; undefined when it does not. */
export function programIn(directory: string, program: Program): string | undefined {
  const paths = [join(directory, program), join(directory, ORIGINAL_FOLDERS[program], program)];
  return paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** wshd has unshared its mounts when this hook runs. */
const PARENT_BEFORE_CLONE = `#!/bin/sh
mount --make-rprivate /
root=$(cd "$(dirname "$0")/../root" && pwd)
mount --bind "$root" "$root" || exit 1
cut -d ' ' -f 5 /proc/self/mountinfo | sort | uniq -d | while read -r point; do umount -l "$point"; done
`;
const NOTHING = '#!/bin/sh\n';

/** Changes a directory that `prepareContainer` made. */
export function prepareForPeer(path: string, wshd: string): void {
  const { root, lib } = { root: `${path}/root`, lib: `${path}/lib` };
  // A link into the host's /usr until now.
  rmSync(`${root}/sbin`);
  mkdirSync(`${root}/sbin`);
  mkdirSync(`${root}/mnt`);
  copyFileSync(wshd, `${root}/sbin/wshd`);
  chmodSync(`${root}/sbin/wshd`, 0o755);
  writeFileSync(`${lib}/hook-parent-before-clone.sh`, PARENT_BEFORE_CLONE, { mode: 0o755 });
  for (const hook of ['parent-after-clone', 'child-before-pivot', 'child-after-pivot']) {
    const file = `${lib}/hook-${hook}.sh`;
    if (!existsSync(file)) writeFileSync(file, NOTHING, { mode: 0o755 });
  }
}
