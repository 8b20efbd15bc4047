/** What the hook in the container has to do, one step after the other: shim/hooks/child-before-pivot.c says how it is written. */
import { type Base, type Mount, MOUNT_FLAGS } from './mounts.js';

/** A file, directory, link or device; its path is relative to the root. */
export type Entry = {
  readonly path: string;
  readonly mode?: number;
  /** User and group. */
  readonly owner?: number;
} & (
  | { readonly type: 'file'; readonly content: string | Buffer }
  | { readonly type: 'directory' }
  | { readonly type: 'link'; readonly to: string }
  | { readonly type: 'device'; readonly number: readonly [major: number, minor: number] }
);

const DEFAULT_MODE = { file: 0o644, link: 0o777, device: 0o666, directory: 0o755 } as const;

function step(name: string, ...fields: readonly (string | number)[]): Buffer {
  const texts = [name, ...fields.map(String)];
  const split = texts.find((text) => text.includes('\0'));
  if (split !== undefined) throw new RangeError(`${JSON.stringify(split)} holds a NUL`);
  return Buffer.from(texts.map((text) => `${text}\0`).join(''));
}

function bits(names: readonly (keyof typeof MOUNT_FLAGS)[]): number { return names.reduce((sum, name) => sum | MOUNT_FLAGS[name], 0); }

function rootStep({ source, type, flags, data = '' }: Base): Buffer {
  return type === 'bind' ? step('root', source, '', bits(['bind', ...flags]), '') : step('root', source, type, bits(flags), data);
}

/** A bind takes over its source's flags; those that it shall have need a second call. mount(2) */
function mountSteps({ source, target, type, flags, data = '' }: Mount): Buffer[] {
  if (type !== 'bind') return [step('mount', source, target, type, bits(flags), data)];
  const own = flags.filter((name) => name !== 'recursive');
  const bind = step('mount', source, target, '', bits(flags.includes('recursive') ? ['bind', 'recursive'] : ['bind']), '');
  return own.length === 0 ? [bind] : [bind, step('mount', 'none', target, '', bits(['remount', 'bind', ...own]), '')];
}

function entryStep(entry: Entry): Buffer {
  const path = `/${entry.path}`, mode = entry.mode ?? DEFAULT_MODE[entry.type], owner = entry.owner ?? 0;
  switch (entry.type) {
    case 'directory': return step('directory', path, mode, owner);
    case 'link': return step('link', path, entry.to);
    case 'device': return step('device', path, mode, ...entry.number);
    case 'file': {
      const content = Buffer.from(entry.content);
      return Buffer.concat([step('file', path, mode, owner, content.length), content]);
    }
  }
}

export interface Plan {
  readonly hostname: string;
  /** What the root itself is. */
  readonly base: Base;
  readonly mounts: readonly Mount[];
  /** Every directory comes before what is in it. */
  readonly entries: readonly Entry[];
  /** Over everything else. */
  readonly over: readonly Mount[];
}

export function formatSteps({ hostname, base, mounts, entries, over }: Plan): Buffer {
  return Buffer.concat([
    step('hostname', hostname), rootStep(base), ...mounts.flatMap(mountSteps), ...entries.map(entryStep), ...over.flatMap(mountSteps),
  ]);
}
