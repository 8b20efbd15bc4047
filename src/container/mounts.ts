/** Mounts as data, and those that there are. mount(2), proc(5) */
export interface Mount {
  /** A directory of the host's, or what the mount shall be called where mounts are listed. */
  readonly source: string;
  /** Absolute, in the container. */
  readonly target: string;
  readonly type: 'bind' | 'tmpfs' | 'proc' | 'devpts';
  readonly flags: readonly (keyof typeof MOUNT_FLAGS)[];
  /** Options of the file system's own, as mount(8) has them. */
  readonly data?: string;
}

/** The mount that is the container's root. */
export type Base = Omit<Mount, 'target'>;

/** Of <linux/mount.h>. */
export const MOUNT_FLAGS = { readOnly: 1, noSuid: 2, noDevices: 4, noExecute: 8, remount: 32, bind: 4_096, recursive: 16_384 } as const;

/** Where something is mounted, as /proc/self/mountinfo says it; each place once. */
export function mountPoints(mountinfo: string): string[] {
  const points = mountinfo.split('\n').map((row) => row.split(' ')[4]).filter((point) => point !== undefined);
  return [...new Set(points.map(unescaped))];
}

/** Only ASCII is ever escaped there. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
