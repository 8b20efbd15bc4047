/** The boundary's calls on mounts by handles: shim/sys/files/mount.c. Of the mount attributes only "read-only" has an effect. */
import { EBADF, EBUSY, EFAULT, EINVAL, ELOOP, ENODEV, ENOTDIR, EPERM } from '../../kernel/errno.js';
import { Directory } from '../../kernel/files.js';
import type { Mount } from '../../kernel/mounts/mounts.js';
import type { FileDescription } from '../../kernel/open-file.js';
import { FileSystemContext, OpenMount, OpenPlace } from '../../kernel/mounts/open-place.js';
import { isRuntime } from '../policy.js';
import type { CallContext, CallTable, Run } from './call.js';

/** MOUNT_ATTR_RDONLY, mount_setattr(2) */
const READ_ONLY = 1;
const FILE_SYSTEMS: ReadonlySet<string> = new Set(['tmpfs', 'proc', 'sysfs', 'devpts', 'mqueue', 'cgroup2']);

/** A call that a runtime makes with CAP_SYS_ADMIN. */
function privileged(run: Run): Run {
  return (guest, ...numbers) => (isRuntime(guest.program) && guest.process.uid === 0 ? run(guest, ...numbers) : -EPERM);
}

/** A call on a description of one class. */
function on<Kind extends FileDescription>(
  kind: abstract new (...values: never[]) => Kind, run: (guest: CallContext, description: Kind, ...numbers: number[]) => number,
): Run {
  return privileged((guest, handle, ...numbers) => {
    const description = guest.handles.description(handle);
    if (!description) return -EBADF;
    return description instanceof kind ? run(guest, description, ...numbers) : -EINVAL;
  });
}

function openFileSystem(guest: CallContext, at: number): number {
  const type = guest.string(at);
  if (type === undefined) return -EFAULT;
  return FILE_SYSTEMS.has(type) ? guest.handles.add(new FileSystemContext(type)) : -ENODEV;
}

function configureFileSystem(guest: CallContext, context: FileSystemContext, keyAt: number, valueAt: number): number {
  if (context.made) return -EBUSY;
  if (keyAt === 0) {
    context.made = true;
    return 0;
  }
  const key = guest.string(keyAt), value = valueAt === 0 ? '' : guest.string(valueAt);
  if (key === undefined || value === undefined) return -EFAULT;
  context.parameters.set(key, value);
  return 0;
}

function mountFileSystem(guest: CallContext, context: FileSystemContext, attributes: number): number {
  if (!context.made) return -EINVAL;
  const mode = Number.parseInt(context.parameters.get('mode') ?? '755', 8);
  const mount: Mount = { root: new Directory(mode), at: undefined, readonly: (attributes & READ_ONLY) !== 0 };
  return guest.handles.add(new OpenMount(mount, []));
}

function cloneMount(guest: CallContext, { place }: OpenPlace, recursive: number): number {
  const { mount, below } = guest.process.view.mounts.clone(place, recursive !== 0);
  return guest.handles.add(new OpenMount(mount, below));
}

function moveMount(guest: CallContext, from: OpenPlace, toHandle: number): number {
  const to = guest.handles.description(toHandle);
  if (!to) return -EBADF;
  if (!(from instanceof OpenMount) || !(to instanceof OpenPlace) || from.attached) return -EINVAL;
  if (from.mount.root instanceof Directory !== to.place.node instanceof Directory) return -ENOTDIR;
  for (let mount: Mount | undefined = to.place.mount; mount; mount = mount.at?.mount) if (mount === from.mount) return -ELOOP;
  guest.process.view.mounts.attach([from.mount, ...from.below], to.place);
  from.attached = true;
  return 0;
}

function changeMount(_guest: CallContext, { place }: OpenPlace, _recursive: number, set: number, clear: number): number {
  if (place.node !== place.mount.root) return -EINVAL;
  if ((set & READ_ONLY) !== 0) place.mount.readonly = true;
  else if ((clear & READ_ONLY) !== 0) place.mount.readonly = false;
  return 0;
}

/** Owners of a mount's files are those of the file system: ids are not mapped in the simulation. */
function mapMount(guest: CallContext, { place }: OpenPlace, _recursive: number, namespace: number): number {
  if (!guest.handles.description(namespace)) return -EBADF;
  return place.node === place.mount.root ? 0 : -EINVAL;
}

export const mountCalls: CallTable = {
  openFileSystem: [1, privileged(openFileSystem)],
  configureFileSystem: [3, on(FileSystemContext, configureFileSystem)],
  mountFileSystem: [2, on(FileSystemContext, mountFileSystem)],
  cloneMount: [2, on(OpenPlace, cloneMount)],
  moveMount: [2, on(OpenPlace, moveMount)],
  changeMount: [5, on(OpenPlace, changeMount)],
  mapMount: [3, on(OpenPlace, mapMount)],
};
