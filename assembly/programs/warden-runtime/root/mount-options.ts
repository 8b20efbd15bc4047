/** Mount options of config.json: which of them are attributes of the mount, which are the file system's own. mount(8) */
import { configureFileSystem } from "../../../boundary/shim";
import { jsonCount, jsonFirst, jsonNext, jsonSize, jsonText } from "../../../lib/json/nodes";
import { equals } from "../../../lib/text";

/** MOUNT_ATTR_ of mount_setattr(2) */
export const RDONLY: u32 = 1, NOSUID: u32 = 2, NODEV: u32 = 4, NOEXEC: u32 = 8, NOATIME: u32 = 0x10, STRICTATIME: u32 = 0x20;
export const ATIME_MASK: u32 = 0x70, NODIRATIME: u32 = 0x80, NOSYMFOLLOW: u32 = 0x20_0000;
/** MS_ of mount(2) */
export const SHARED: u32 = 1 << 20, PRIVATE: u32 = 1 << 18, SLAVE: u32 = 1 << 19, UNBINDABLE: u32 = 1 << 17;

/** What the options of a mount come to. */
export namespace mountFlags {
  /** What the options of a mount come to. */
  export let set: u32 = 0, clear: u32 = 0;
  /** Attributes for all mounts below, too: rro and so on. */
  export let recursiveSet: u32 = 0, recursiveClear: u32 = 0;
  export let propagation: u32 = 0, propagationIsRecursive: bool = false;
  export let isBind: bool = false, isRecursive: bool = false, copiesUp: bool = false;
  /** idmap, and ridmap for all mounts below, too. */
  export let isMapped: bool = false, mapsAll: bool = false;
  /** The mode= of a tmpfs is given. */
  export let hasMode: bool = false;
}

function attribute(bits: u32, on: bool): bool {
  if ((bits & ATIME_MASK) != 0) mountFlags.clear |= ATIME_MASK;
  if (on) mountFlags.set |= bits;
  else {
    mountFlags.clear |= bits;
    mountFlags.set &= ~bits;
  }
  return true;
}

function recursive(bits: u32, on: bool): bool {
  if (on) mountFlags.recursiveSet |= bits;
  else mountFlags.recursiveClear |= bits;
  return true;
}

/** Of the ways to keep access times one is set at a time; 0 is relatime. */
function recursiveTimes(bits: u32): bool {
  mountFlags.recursiveClear |= ATIME_MASK;
  mountFlags.recursiveSet = (mountFlags.recursiveSet & ~ATIME_MASK) | bits;
  return true;
}

/** ro, rw and the like. */
function takeAttribute(at: usize): bool {
  if (equals(at, "ro")) return attribute(RDONLY, true);
  if (equals(at, "rw")) return attribute(RDONLY, false);
  if (equals(at, "nosuid")) return attribute(NOSUID, true);
  if (equals(at, "suid")) return attribute(NOSUID, false);
  if (equals(at, "nodev")) return attribute(NODEV, true);
  if (equals(at, "dev")) return attribute(NODEV, false);
  if (equals(at, "noexec")) return attribute(NOEXEC, true);
  if (equals(at, "exec")) return attribute(NOEXEC, false);
  if (equals(at, "noatime")) return attribute(NOATIME, true);
  if (equals(at, "strictatime")) return attribute(STRICTATIME, true);
  if (equals(at, "nodiratime")) return attribute(NODIRATIME, true);
  if (equals(at, "diratime")) return attribute(NODIRATIME, false);
  if (equals(at, "nosymfollow")) return attribute(NOSYMFOLLOW, true);
  if (equals(at, "symfollow")) return attribute(NOSYMFOLLOW, false);
  // The kernel's own default, and what it does without being asked.
  return equals(at, "relatime") || equals(at, "atime") || equals(at, "norelatime") || equals(at, "nostrictatime") || equals(at, "defaults");
}

function takeRecursive(at: usize): bool {
  if (equals(at, "rro")) return recursive(RDONLY, true);
  if (equals(at, "rrw")) return recursive(RDONLY, false);
  if (equals(at, "rnosuid")) return recursive(NOSUID, true);
  if (equals(at, "rsuid")) return recursive(NOSUID, false);
  if (equals(at, "rnodev")) return recursive(NODEV, true);
  if (equals(at, "rdev")) return recursive(NODEV, false);
  if (equals(at, "rnoexec")) return recursive(NOEXEC, true);
  if (equals(at, "rexec")) return recursive(NOEXEC, false);
  if (equals(at, "rnosymfollow")) return recursive(NOSYMFOLLOW, true);
  if (equals(at, "rsymfollow")) return recursive(NOSYMFOLLOW, false);
  if (equals(at, "rnodiratime")) return recursive(NODIRATIME, true);
  if (equals(at, "rdiratime")) return recursive(NODIRATIME, false);
  if (equals(at, "rnoatime")) return recursiveTimes(NOATIME);
  if (equals(at, "rstrictatime")) return recursiveTimes(STRICTATIME);
  return (equals(at, "rrelatime") || equals(at, "ratime") || equals(at, "rnorelatime") || equals(at, "rnostrictatime")) && recursiveTimes(0);
}

function propagate(mode: u32, isForAll: bool): bool {
  mountFlags.propagation = mode;
  mountFlags.propagationIsRecursive = isForAll;
  return true;
}

/** Also linux.rootfsPropagation. */
export function takePropagation(at: usize): bool {
  if (equals(at, "private")) return propagate(PRIVATE, false);
  if (equals(at, "rprivate")) return propagate(PRIVATE, true);
  if (equals(at, "slave")) return propagate(SLAVE, false);
  if (equals(at, "rslave")) return propagate(SLAVE, true);
  if (equals(at, "shared")) return propagate(SHARED, false);
  if (equals(at, "rshared")) return propagate(SHARED, true);
  if (equals(at, "unbindable")) return propagate(UNBINDABLE, false);
  return equals(at, "runbindable") && propagate(UNBINDABLE, true);
}

function takeBind(at: usize): bool {
  if (equals(at, "bind")) mountFlags.isBind = true;
  else if (equals(at, "rbind")) mountFlags.isBind = mountFlags.isRecursive = true;
  else if (equals(at, "tmpcopyup")) mountFlags.copiesUp = true;
  else if (equals(at, "idmap")) mountFlags.isMapped = true;
  else if (equals(at, "ridmap")) mountFlags.isMapped = mountFlags.mapsAll = true;
  else return equals(at, "nocopyup") || equals(at, "copy") || equals(at, "nocopy") || equals(at, "z") || equals(at, "Z");
  return true;
}

function isMountOption(at: usize): bool { return takeAttribute(at) || takeRecursive(at) || takePropagation(at) || takeBind(at); }

export function readOptions(list: usize): void {
  mountFlags.set = mountFlags.clear = mountFlags.recursiveSet = mountFlags.recursiveClear = mountFlags.propagation = 0;
  mountFlags.isBind = mountFlags.isRecursive = mountFlags.copiesUp = mountFlags.hasMode = mountFlags.propagationIsRecursive = false;
  mountFlags.isMapped = mountFlags.mapsAll = false;
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    isMountOption(jsonText(node));
    if (begins(jsonText(node), "mode=")) mountFlags.hasMode = true;
  }
}

function begins(text: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(text + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

/** Hands a context what is the file system's: `key=value`, or `key` alone. 0 or a negated errno, and then `badOption`. */
export let badOption: usize = 0;
export function configure(context: i32, list: usize): i32 {
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) {
    const text = jsonText(node);
    badOption = text;
    if (isMountOption(text)) continue;
    let equal: u32 = 0;
    while (equal < jsonSize(node) && load<u8>(text + equal) != 0x3d) equal++;
    const hasValue = equal < jsonSize(node);
    if (hasValue) store<u8>(text + equal, 0);
    const result = configureFileSystem(context, text, hasValue ? text + equal + 1 : 0);
    if (hasValue) store<u8>(text + equal, 0x3d);
    if (result < 0) return result;
  }
  return 0;
}
