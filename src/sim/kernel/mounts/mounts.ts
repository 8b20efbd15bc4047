/**
 * Which files a process sees: a tree of mounts in its mount namespace, a root and a current directory. As much of
 * mount_namespaces(7) and pivot_root(2) as a container's start needs: binds, detached mounts, stacks of mounts.
 */
import { EACCES, EBUSY, EINVAL, ENOENT, ENOTDIR } from '../errno.js';
import { Directory, type Node } from '../files.js';

export interface Mount {
  readonly root: Node;
  readonly?: boolean;
  /** The place under the mount; undefined for the namespace's root, and for a detached mount. */
  at: Place | undefined;
}

export interface Place { readonly mount: Mount; readonly node: Node }
export interface DirectoryPlace extends Place { readonly node: Directory }

function samePlace(a: Place, b: Place): boolean { return a.mount === b.mount && a.node === b.node; }

export class MountNamespace {
  /** The root mount first; of several mounts at one place, the uppermost last. */
  constructor(private mounts: Mount[]) {}

  static of(root: Directory): MountNamespace { return new MountNamespace([{ root, at: undefined }]); }

  get rootPlace(): DirectoryPlace { return { mount: this.mounts[0]!, node: this.mounts[0]!.root as Directory }; }

  /** A copy of the namespace, and a function from the original's places to the copy's. */
  copy(): { namespace: MountNamespace; moved(place: DirectoryPlace): DirectoryPlace } {
    const copies = new Map(this.mounts.map((mount) => [mount, { ...mount }]));
    for (const copy of copies.values()) {
      if (copy.at) copy.at = { mount: copies.get(copy.at.mount) ?? copy.at.mount, node: copy.at.node };
    }
    return {
      namespace: new MountNamespace([...copies.values()]),
      moved: (place) => ({ mount: copies.get(place.mount) ?? place.mount, node: place.node }),
    };
  }

  /** The root of the uppermost mount at a place, or the place itself. */
  uppermost(place: Place): Place {
    const mount = this.mountOn(place.mount, place.node);
    return mount ? this.uppermost({ mount, node: mount.root }) : place;
  }

  /** The last mount at a place. */
  mountOn(at: Mount, node: Node): Mount | undefined {
    return this.mounts.findLast((mount) => mount.at !== undefined && mount.at.mount === at && mount.at.node === node);
  }

  /** Mounts a directory on itself; mounts below it move along. */
  bind(place: DirectoryPlace): DirectoryPlace {
    const mount: Mount = { root: place.node, at: place };
    const within = this.mounts.filter((other) => other.at?.mount === place.mount && isWithin(other.at.node, place.node));
    this.mounts.push(mount, ...within.map((other) => ({ root: other.root, at: { mount, node: other.at!.node } })));
    return { mount, node: place.node };
  }

  /** A detached mount of a place; `recursive`: with the mounts below. open_tree(2) */
  clone(place: Place, recursive: boolean): { mount: Mount; below: Mount[] } {
    const mount: Mount = { root: place.node, at: undefined, readonly: place.mount.readonly === true };
    const { node } = place;
    if (!recursive || !(node instanceof Directory)) return { mount, below: [] };
    const within = this.mounts.filter((other) => other.at?.mount === place.mount && isWithin(other.at.node, node));
    return { mount, below: within.map((other) => ({ ...other, at: { mount, node: other.at!.node } })) };
  }

  /** Mounts a detached mount, the first of the list, at a place. move_mount(2) */
  attach([mount, ...below]: readonly Mount[], at: Place): void {
    mount!.at = at;
    this.mounts.push(mount!, ...below);
  }

  /** True while the mount belongs to the namespace. */
  has(mount: Mount): boolean { return this.mounts.includes(mount); }

  /** pivot_root(2): 0 or a negated errno; the caller moves its own root and directory. */
  pivot(root: DirectoryPlace, newRoot: DirectoryPlace, oldRoot: Place): number {
    if (!(oldRoot.node instanceof Directory)) return -ENOTDIR;
    if (newRoot.mount === root.mount) return -EBUSY;
    if (newRoot.node !== newRoot.mount.root || !newRoot.mount.at || !this.has(newRoot.mount)) return -EINVAL;
    if (oldRoot.mount !== newRoot.mount) return -EINVAL;
    newRoot.mount.at = undefined;
    root.mount.at = { mount: newRoot.mount, node: oldRoot.node };
    this.mounts = [newRoot.mount, ...this.mounts.filter((mount) => mount !== newRoot.mount && mount !== root.mount), root.mount];
    return 0;
  }

  /** umount2(2) with MNT_DETACH: the mount whose root this is, and all mounts below it. */
  unmount(place: Place): number {
    const { mount } = this.uppermost(place);
    if (!this.has(mount) || this.uppermost(place).node !== mount.root) return -EINVAL;
    if (!mount.at) return -EINVAL;
    const gone = new Set([mount]);
    for (let size = 0; size !== gone.size;) {
      size = gone.size;
      for (const other of this.mounts) if (other.at && gone.has(other.at.mount)) gone.add(other);
    }
    this.mounts = this.mounts.filter((other) => !gone.has(other));
    mount.at = undefined;
    return 0;
  }
}

export function isWithin(node: Node, directory: Directory): boolean {
  for (let at: Node | undefined = node; at; at = at.parent) if (at === directory) return true;
  return false;
}

/** The file system as a process sees it: namespace, root, current directory. */
export interface View {
  mounts: MountNamespace;
  root: DirectoryPlace;
  directory: DirectoryPlace;
}

/** Whether a lookup may pass a directory. */
type Search = (directory: Directory) => boolean;
const everywhere: Search = () => true;

/** The place that a path names; a negated errno. path_resolution(7), without links */
export function lookUp(view: View, path: string, maySearch = everywhere): Place | number {
  if (path === '') return -ENOENT;
  let { mount, node }: Place = path.startsWith('/') ? view.root : view.directory;
  for (let at = 0, end; at <= path.length; at = end + 1) {
    end = path.indexOf('/', at);
    if (end < 0) end = path.length;
    const name = path.slice(at, end);
    if (!(node instanceof Directory)) return -ENOTDIR;
    if (name === '') continue;
    if (!maySearch(node)) return -EACCES;
    if (name === '.') continue;
    if (name === '..') {
      ({ mount, node } = above(view, { mount, node }));
      continue;
    }
    const found = node.entries.get(name);
    if (!found) return -ENOENT;
    ({ mount, node } = view.mounts.uppermost({ mount, node: found }));
  }
  return { mount, node };
}

function above(view: View, place: Place): Place {
  let here = place;
  if (samePlace(here, view.root)) return here;
  while (here.node === here.mount.root && here.mount.at) here = here.mount.at;
  if (!here.node.parent || here.node === here.mount.root) return here;
  return view.mounts.uppermost({ mount: here.mount, node: here.node.parent });
}

/** The directory that holds the path's last name, and that name. */
export function lookUpParent(view: View, path: string, maySearch = everywhere): { directory: DirectoryPlace; name: string } | number {
  const end = path.replace(/\/+$/, ''), slash = end.lastIndexOf('/'), name = end.slice(slash + 1);
  if (name === '' || name === '.' || name === '..') return -EINVAL;
  const place = lookUp(view, slash < 0 ? '.' : end.slice(0, slash) || '/', maySearch);
  if (typeof place === 'number') return place;
  return place.node instanceof Directory ? { directory: place as DirectoryPlace, name } : -ENOTDIR;
}

/** The path of a directory, from the view's root. */
export function pathOf(view: View, place: DirectoryPlace): string {
  const names: string[] = [];
  let here: Place = place;
  while (!samePlace(here, view.root)) {
    if (here.node === here.mount.root) {
      if (!here.mount.at) break;
      here = here.mount.at;
      continue;
    }
    const { parent } = here.node;
    if (!parent) break;
    names.unshift([...parent.entries].find(([, node]) => node === here.node)?.[0] ?? '');
    here = { mount: here.mount, node: parent };
  }
  return `/${names.join('/')}`;
}
