/** A mount of type cgroup: the container's own groups, one directory a hierarchy; of v2 alone, the group itself. */
import {
  changeMount, cloneMount, close, configureFileSystem, makeDirectoryAt, makeLinkAt, mountFileSystem, moveMount, openAt,
  OPENAT_DIRECTORY, OPENAT_PATH, openFileSystem,
} from "../../../boundary/shim";
import { EEXIST } from "../../../lib/errno";
import { groupPath, groups, onlyUnified } from "./groups";
import { die } from "../files/end";
import { NODEV, NOEXEC, NOSUID, RDONLY } from "../root/mount-options";
import { SLASH } from "../files/paths";
import { cString } from "../../../lib/text";

const tmpfs = cString("tmpfs");
const modeKey = cString("mode");
const modeValue = cString("755");
const NAME_BYTES: u32 = 256;
const name = memory.data(NAME_BYTES), alias = memory.data(NAME_BYTES);
const MOUNTS = "/sys/fs/cgroup/";

export function mountGroups(place: i32, destination: usize, attributes: u32, readonly: bool): void {
  if (groups.count == 0) {
    close(place);
    return;
  }
  const result = onlyUnified() ? bindGroup(0, place, attributes) : mountAll(place, attributes, readonly);
  if (result < 0) die("cannot mount the control groups at", destination, result);
  close(place);
}

function bindGroup(index: i32, place: i32, attributes: u32): i32 {
  const group = openAt(0, groupPath(index), OPENAT_PATH | OPENAT_DIRECTORY, 0);
  if (group < 0) return group;
  const copy = cloneMount(group, 0);
  let result = copy;
  if (result >= 0) result = changeMount(copy, 0, attributes | NOSUID | NODEV | NOEXEC, 0, 0);
  if (result >= 0) result = moveMount(copy, place);
  close(group);
  if (copy >= 0) close(copy);
  return result;
}

function mountAll(place: i32, attributes: u32, readonly: bool): i32 {
  const context = openFileSystem(tmpfs);
  let result = context;
  if (result >= 0) result = configureFileSystem(context, modeKey, modeValue);
  if (result >= 0) result = configureFileSystem(context, 0, 0);
  const top = result < 0 ? result : mountFileSystem(context, (attributes & ~RDONLY) | NOSUID | NODEV | NOEXEC);
  if (context >= 0) close(context);
  if (top < 0) return top;
  result = moveMount(top, place);
  for (let i = 0; i < groups.count && result >= 0; i++) result = mountOne(top, i, attributes);
  if (result >= 0 && readonly) result = changeMount(top, 0, RDONLY, 0, 0);
  close(top);
  return result;
}

/** The hierarchy's directory has its name below /sys/fs/cgroup; of several controllers each has a link to it. */
function mountOne(top: i32, index: i32, attributes: u32): i32 {
  const at = groupPath(index) + MOUNTS.length;
  let size: u32 = 0;
  for (; size < NAME_BYTES - 1; size++) {
    const byte = load<u8>(at + size);
    if (byte == SLASH || byte == 0) break;
    store<u8>(name + size, byte);
  }
  store<u8>(name + size, 0);
  const made = makeDirectoryAt(top, name, 0o755);
  if (made < 0 && made != -EEXIST) return made;
  const place = openAt(top, name, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  if (place < 0) return place;
  const bound = bindGroup(index, place, attributes);
  close(place);
  return bound < 0 ? bound : makeAliases(top);
}

function makeAliases(top: i32): i32 {
  let several = false, used = 0;
  for (let at = name; load<u8>(at) != 0; at++) several = several || load<u8>(at) == 0x2c;
  for (let at = name; several; at++) {
    const byte = load<u8>(at);
    if (byte != 0x2c && byte != 0) {
      store<u8>(alias + used++, byte);
      continue;
    }
    store<u8>(alias + used, 0);
    used = 0;
    const made = makeLinkAt(name, top, alias);
    if (made < 0 && made != -EEXIST) return made;
    if (byte == 0) return 0;
  }
  return 0;
}
