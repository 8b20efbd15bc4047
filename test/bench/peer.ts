/**
 * What an original wshd needs of its container and ours does not: a copy of itself at /sbin/wshd, a directory /mnt, every
 * hook, and no mounts that lie on top of each other, which it cannot unmount.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';

/** It has a mount namespace of its own by then. */
const UNSTACK = `#!/bin/sh
mount --make-rprivate /
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
  writeFileSync(`${lib}/hook-parent-before-clone.sh`, UNSTACK, { mode: 0o755 });
  for (const hook of ['parent-after-clone', 'child-before-pivot', 'child-after-pivot']) {
    const file = `${lib}/hook-${hook}.sh`;
    if (!existsSync(file)) writeFileSync(file, NOTHING, { mode: 0o755 });
  }
}
