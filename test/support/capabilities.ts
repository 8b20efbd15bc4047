/** The privileges of this process, by capabilities(7) and by trying, not by its user: root in a container lacks some. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Numbers of <linux/capability.h>. */
const CAPABILITIES = {
  CHOWN: 0, DAC_OVERRIDE: 1, KILL: 5, SETGID: 6, SETUID: 7, NET_ADMIN: 12, SYS_CHROOT: 18, SYS_ADMIN: 21, MKNOD: 27,
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** The effective capabilities as a mask; 0 on other systems than Linux. */
function effective(): bigint {
  try {
    return BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`);
  } catch {
    return 0n;
  }
}

/** The reason if this process lacks one of these; undefined when it has all. */
export function lacks(...needed: Capability[]): string | undefined {
  if (process.platform !== 'linux') return 'not Linux';
  const mask = effective(), missing = needed.filter((name) => (mask >> BigInt(CAPABILITIES[name]) & 1n) === 0n);
  if (missing.length === 0) return undefined;
  const who = process.getuid?.() === 0 ? 'root without them, as in a container' : 'not root';
  const [first, ...others] = missing.map((name) => `CAP_${name}`);
  return `no ${first}${others.length === 0 ? '' : ` nor ${others.length} others`}: ${who}`;
}

/** The reason if this process cannot make the namespaces of a container and mount in them; undefined when it can. */
export function lacksNamespaces(): string | undefined {
  const missing = lacks('SYS_ADMIN', 'NET_ADMIN', 'SYS_CHROOT', 'SETUID', 'SETGID', 'CHOWN', 'MKNOD', 'DAC_OVERRIDE', 'KILL');
  if (missing !== undefined) return missing;
  // A system call filter, or a limit of namespaces, shows only when they are made.
  const { status, error, stderr } = spawnSync('unshare', ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', 'mount', '-t', 'tmpfs', 'none', '/tmp'], { encoding: 'utf8' });
  if (error) return `cannot run unshare(1): ${error.message}`;
  return status === 0 ? undefined : `cannot make namespaces: ${stderr.trim()}`;
}
