/** Mounts as data, and the mounts that exist. mount(2), proc_pid_mountinfo(5) */

export interface Mount {
  /** A path of the host's; for other types than `bind` the name under which the mount is listed. */
  readonly source: string;
  /** Whether a bind's source is no directory: its target has to be a file, then. */
  readonly isFile?: boolean;
  /** Whether a bind shows the host's owners: of the kernel's own file systems, which take no others. */
  readonly keepsOwners?: boolean;
  /** Absolute, in the container. */
  readonly target: string;
  readonly type: 'bind' | 'tmpfs' | 'proc' | 'devpts' | 'overlay';
  readonly flags: readonly (keyof typeof MOUNT_FLAGS)[];
  /** Options of the file system, as for mount(8). */
  readonly data?: string;
}

/** The mount at the container's root. */
export type Base = Omit<Mount, 'target'>;

/** From <linux/mount.h>. */
export const MOUNT_FLAGS = { readOnly: 1, noSuid: 2, noDevices: 4, noExecute: 8, remount: 32, bind: 4_096, recursive: 16_384 } as const;

/** One line of /proc/self/mountinfo. */
export interface MountPoint {
  readonly path: string;
  readonly type: string;
  /** Options of the file system; for cgroup version 1 its controllers. */
  readonly options: readonly string[];
}

/** The mounts in a text of /proc/self/mountinfo, in its order. A path with several mounts occurs several times. */
export function parseMountinfo(text: string): MountPoint[] {
  return text.split('\n').filter((line) => line !== '').map((line) => {
    const fields = line.split(' ');
    return { path: unescaped(fields[4] ?? ''), type: fields.at(-3) ?? '', options: (fields.at(-1) ?? '').split(',') };
  });
}

/** The paths in a text of /proc/self/mountinfo, each once. */
export function mountPoints(mountinfo: string): string[] { return [...new Set(parseMountinfo(mountinfo).map(({ path }) => path))]; }

/** The kernel escapes blanks, tabs, newlines and backslashes as octal numbers. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
