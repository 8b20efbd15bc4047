/**
 * etc/steps: how the container's root is made in its namespaces, step by step (shim/hooks/inside.c); and etc/sources: what is mounted
 * before, under the container's ids, for these steps to bind (shim/hooks/parent-before-clone.c).
 */
import { dirname, relative } from 'node:path';
import { type Base, type Mount, MOUNT_FLAGS } from '../../linux/mountinfo.js';
import type { Layer } from '../options.js';
import type { Ids } from '../../linux/ids.js';

/** A file, directory, symbolic link or device; its path is relative to the root. */
export type Entry = {
  readonly path: string;
  readonly mode?: number;
  readonly owner?: number;
  /** The owner's, unless it is stated. */
  readonly group?: number;
} & (
  | { readonly type: 'file'; readonly content: string | Buffer }
  | { readonly type: 'directory' }
  | { readonly type: 'link'; readonly to: string }
  | { readonly type: 'device'; readonly number: readonly [major: number, minor: number] }
);

/** A root file system, in the order in which its parts are made. */
export interface RootPlan {
  /** The mount of the root itself. */
  readonly base: Base;
  /** With a base of the type overlay: what it lies over, and where changes go. */
  readonly overlay?: Layer & { readonly lower: string };
  readonly mounts: readonly Mount[];
  /** Every directory comes before its contents. */
  readonly entries: readonly Entry[];
  /** Mounts over everything else. */
  readonly binds: readonly Mount[];
  /** Attributes of the root's mount and of all mounts that a bind of it brought along. mount_setattr(2) */
  readonly attributes: readonly (keyof typeof MOUNT_ATTRIBUTES)[];
  /** Kernel parameters of the container's namespaces, by their paths below /proc/sys. */
  readonly sysctl: readonly { readonly path: string; readonly value: string }[];
  /** Whether the root's own mount becomes read-only at the end; what is mounted in it keeps its own flags. */
  readonly readOnly: boolean;
  /** Absolute paths in the container that become read-only, with all below; a missing one is skipped. */
  readonly readOnlyPaths: readonly string[];
  /** Absolute paths in the container that become empty: a directory, or a file; a missing one is skipped. */
  readonly maskedPaths: readonly string[];
}

/** Of <linux/mount.h>, MOUNT_ATTR_. */
export const MOUNT_ATTRIBUTES = { readOnly: 1, noSuid: 2, noDevices: 4, noExecute: 8 } as const;

const DEFAULT_MODE = { file: 0o644, link: 0o777, device: 0o666, directory: 0o755 } as const;

function step(name: string, ...fields: readonly (string | number)[]): Buffer {
  const texts = [name, ...fields.map(String)];
  const split = texts.find((text) => text.includes('\0'));
  if (split !== undefined) throw new RangeError(`${JSON.stringify(split)} contains a NUL`);
  return Buffer.from(texts.map((text) => `${text}\0`).join(''));
}

function bits(names: readonly (keyof typeof MOUNT_FLAGS)[]): number { return names.reduce((sum, name) => sum | MOUNT_FLAGS[name], 0); }

/** A bind of a directory: whether with the mounts below, and with which attributes. */
function bindFields(flags: Mount['flags']): [recursive: number, attributes: number] {
  const attributes = flags.flatMap((name) => (name in MOUNT_ATTRIBUTES ? [MOUNT_ATTRIBUTES[name as keyof typeof MOUNT_ATTRIBUTES]] : []));
  return [flags.includes('recursive') ? 1 : 0, attributes.reduce((sum, each) => sum + each, 0)];
}

/** The name by which a source is mounted for the container, in the order in which `formatSources` mounts them. */
type Staged = (source: string, flags: Mount['flags']) => (string | number)[];

/** What is bound as it is. In a user namespace mounts that lie below cannot be left out, so all get the attributes. */
const inPlace = (all: boolean): Staged => (source, flags) => {
  const [recursive, attributes] = bindFields(flags);
  return [source, all ? 1 : recursive, attributes];
};

/** What is mounted already, with its attributes, by a number. */
function byNumber(): Staged {
  let next = 0;
  return () => [next++, 1, 0];
}

function stagedFor(ids: Ids | undefined): Staged { return ids?.method === 'write' ? byNumber() : inPlace(ids !== undefined); }

function rootSteps({ base: { source, type, flags, data = '' }, attributes }: RootPlan, ids: Ids | undefined, staged: Staged): Buffer {
  const all = [...flags, ...attributes];
  if (type === 'bind' || (type === 'overlay' && ids?.method === 'write')) return step('bind-root', ...staged(source, all));
  // Root of a user namespace may not set the attributes that an overlay uses otherwise.
  return step('root', source, type, bits(all), type === 'overlay' && ids ? `${data},userxattr` : data);
}

function mountStep({ source, target, type, flags, data = '', isFile = false }: Mount, staged: Staged): Buffer {
  if (type !== 'bind') return step('mount', source, target, type, bits(flags), data);
  const [from, ...fields] = staged(source, flags);
  return step(isFile ? 'bind-file' : 'bind', from!, target, ...fields);
}

/** With a single id everything belongs to root. */
function entryStep(entry: Entry, onlyRoot: boolean): Buffer {
  const path = `/${entry.path}`, mode = entry.mode ?? DEFAULT_MODE[entry.type];
  const owner = onlyRoot ? 0 : entry.owner ?? 0, group = onlyRoot ? 0 : entry.group ?? owner;
  switch (entry.type) {
    case 'directory': return step('directory', path, mode, owner, group);
    case 'link': return step('link', path, entry.to);
    case 'device': return step('device', path, mode, ...entry.number);
    case 'file': {
      const content = Buffer.from(entry.content);
      return Buffer.concat([step('file', path, mode, owner, group, content.length), content]);
    }
  }
}

/** The bytes of etc/steps. Throws a RangeError for a text with a NUL. */
export function formatSteps(hostname: string, plan: RootPlan, ids?: Ids): Buffer {
  const { mounts, entries, binds, sysctl, readOnlyPaths, maskedPaths, readOnly } = plan, staged = stagedFor(ids);
  const mount = (each: Mount): Buffer => mountStep(each, staged);
  return Buffer.concat([
    step('hostname', hostname), rootSteps(plan, ids, staged), ...mounts.map(mount),
    ...entries.map((entry) => entryStep(entry, ids?.method === 'single')), ...binds.map(mount),
    ...sysctl.map(({ path, value }) => step('sysctl', `/proc/sys/${path}`, value)),
    ...readOnlyPaths.map((path) => step('read-only', path)), ...maskedPaths.map((path) => step('mask', path)),
    ...(readOnly ? [step('read-only-root')] : []),
  ]);
}

/** The bytes of etc/sources: undefined where the steps bind directories as they are. */
export function formatSources({ base, overlay, attributes, mounts, binds }: RootPlan, ids: Ids | undefined): Buffer | undefined {
  if (ids?.method !== 'write') return undefined;
  const bound = [...mounts, ...binds].filter(({ type }) => type === 'bind');
  const root = { source: base.source, flags: [...base.flags, ...attributes], keepsOwners: false };
  const all: Pick<Mount, 'source' | 'flags' | 'keepsOwners'>[] = base.type === 'bind' ? [root, ...bound] : bound;
  const first = overlay ? 1 : 0;
  return Buffer.concat([
    ...(overlay ? [overlayStep(overlay, ids)] : []),
    ...all.map(({ source, flags, keepsOwners }, index) => step('source', first + index, source, ...bindFields(flags), keepsOwners ? 0 : 1)),
  ]);
}

/** Both directories of a layer have to be in one mount. */
function overlayStep({ lower, upper, work }: NonNullable<RootPlan['overlay']>, { uids }: Ids): Buffer {
  let above = dirname(upper);
  while (!`${work}/`.startsWith(above === '/' ? '/' : `${above}/`)) above = dirname(above);
  return step('overlay', 0, lower, relative(above, upper), relative(above, work), above, uids[0]!.outside);
}
