/** Mounts as data for mount(8), in the format of fstab(5). */
export interface Mount {
  /** A directory of the host's, or what the mount shall be called where mounts are listed. */
  readonly source: string;
  readonly target: string;
  readonly type: 'bind' | 'tmpfs' | 'proc' | 'devpts';
  readonly options: readonly string[];
}

/** Octal, for what separates fields and lines; libmount takes "#" for a comment where a line starts with it. */
function escaped(path: string): string {
  return path.replace(/[\s\\#]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''));
}

function line(mount: Mount): string {
  const type = mount.type === 'bind' ? 'none' : mount.type;
  return `${escaped(mount.source)} ${escaped(mount.target)} ${type} ${mount.options.join(',')} 0 0\n`;
}

export function fstab(mounts: readonly Mount[]): string { return mounts.map(line).join(''); }

/** Where something is mounted, as /proc/self/mountinfo says it; each place once. */
export function mountPoints(mountinfo: string): string[] {
  const points = mountinfo.split('\n').map((row) => row.split(' ')[4]).filter((point) => point !== undefined);
  return [...new Set(points.map(unescaped))];
}

/** Only ASCII is ever escaped there. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
