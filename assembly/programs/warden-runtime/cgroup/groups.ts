/** The container's control groups: where they are, what is written to them, and their end. make.ts makes them. */
import { close, openAt, OPENAT_READ, OPENAT_WRITE, removeAt, write } from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { EBUSY, ENODEV, ENOENT, ENOTEMPTY } from "../../../lib/errno";
import { jsonCount, jsonFirst, jsonIsCString, JsonKind, jsonKind, jsonMember, jsonNext, jsonText } from "../../../lib/json/nodes";
import { putCopy, putText, stringLength } from "../../../lib/text";
import { joinName, PATH_BYTES, readText, SLASH } from "../files/paths";

/** Hierarchies: twelve controllers of v1 at most, name=systemd, v2. */
export const GROUPS_MAX: i32 = 20;
export const GROUP_PATH_BYTES: u32 = 2048;
export const MOUNTS = "/sys/fs/cgroup";
/** The container's groups, a path for each hierarchy. */
export namespace groups {
  export let paths: usize = 0;
  export let count: i32 = 0;
  /** Whether a group is of v2. */
  export let unified: i32 = -1;
  /** Groups that were there before the container, a bit each: they stay when it goes. runtime.md, "Delete" */
  export let found: u32 = 0;
}

export function groupPath(index: i32): usize { return groups.paths + index * GROUP_PATH_BYTES; }
export function isUnified(index: i32): bool { return index == groups.unified; }
/** Claims the list of groups. */
export function claimGroups(): void { groups.paths = claim(GROUPS_MAX * GROUP_PATH_BYTES); }
export function keepGroup(index: i32): void { groups.found |= 1 << index; }
/** The group whose path has been put behind the last one's. */
export function addGroup(isV2: bool): void {
  if (isV2) groups.unified = groups.count;
  groups.count++;
}
/** Whether the only hierarchy is v2's. */
export function onlyUnified(): bool { return groups.count == 1 && groups.unified == 0; }

export function begins(text: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(text + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

/** Whether the group is in a v1 hierarchy with this controller. */
export function hasController(index: i32, name: string): bool {
  if (isUnified(index)) return false;
  let at = groupPath(index) + MOUNTS.length + 1;
  while (true) {
    if (begins(at, name) && (load<u8>(at + name.length) == 0x2c || load<u8>(at + name.length) == SLASH)) return true;
    while (load<u8>(at) != 0x2c && load<u8>(at) != SLASH && load<u8>(at) != 0) at++;
    if (load<u8>(at++) != 0x2c) return false;
  }
}

/** The group of a v1 controller, v2's when there is no other; -1 when there is none. */
export function groupOf(controller: string): i32 {
  for (let i = 0; i < groups.count; i++) if (hasController(i, controller)) return i;
  return onlyUnified() ? groups.unified : -1;
}

const buffer = memory.data(PATH_BYTES), value = memory.data(PATH_BYTES);

/** Writes to a file of a group: 0 or a negated errno. */
export function writeGroup(path: usize, name: string, at: usize, size: u32): i32 {
  if (stringLength(path) + name.length + 2 > PATH_BYTES) return -ENOENT;
  joinName(buffer, path, name);
  const file = openAt(0, buffer, OPENAT_WRITE, 0);
  if (file < 0) return file;
  const sent = write(file, at, size);
  close(file);
  return min(sent, 0);
}

// --- groups of a container that is there, by its state.json

function groupNode(state: usize, index: u32): usize {
  const list = jsonMember(state, "groups");
  if (jsonKind(list) != JsonKind.ARRAY || index >= jsonCount(list)) return 0;
  let node = jsonFirst(list);
  for (let i: u32 = 0; i < index; i++) node = jsonNext(node);
  return jsonIsCString(node) ? jsonText(node) : 0;
}

function isFound(state: usize, path: usize): bool {
  const list = jsonMember(state, "foundGroups");
  if (jsonKind(list) != JsonKind.ARRAY) return false;
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (jsonIsCString(node) && same(jsonText(node), path)) return true;
  return false;
}

function same(a: usize, b: usize): bool {
  while (load<u8>(a) != 0 && load<u8>(a) == load<u8>(b)) {
    a++;
    b++;
  }
  return load<u8>(a) == load<u8>(b);
}

/** Takes the groups' paths over from a state. */
export function groupsOfState(state: usize): void {
  if (groups.paths != 0) return;
  claimGroups();
  for (let path = groupNode(state, groups.count); path != 0 && groups.count < GROUPS_MAX; path = groupNode(state, groups.count)) {
    if (stringLength(path) >= GROUP_PATH_BYTES) return;
    store<u8>(putCopy(groupPath(groups.count), path), 0);
    if (isFound(state, path)) keepGroup(groups.count);
    addGroup(isV2Path(path));
  }
}

function isV2Path(path: usize): bool {
  joinName(buffer, path, "cgroup.controllers");
  const file = openAt(0, buffer, OPENAT_READ, 0);
  if (file >= 0) close(file);
  return file >= 0;
}

/** Whether a state's processes are stopped by the freezer. */
export function groupsAreFrozen(state: usize): bool {
  groupsOfState(state);
  const group = groupOf("freezer");
  if (group < 0) return false;
  const v2 = isUnified(group);
  joinName(buffer, groupPath(group), v2 ? "cgroup.freeze" : "freezer.state");
  if (readText(buffer, value, 64) <= 0) return false;
  return v2 ? load<u8>(value) == 0x31 : begins(value, "FRO") || begins(value, "FREEZING");
}

/** Stops, or lets go on, all processes of the container: 0 or a negated errno. */
export function freeze(stop: bool): i32 {
  const group = groupOf("freezer");
  if (group < 0) return -ENODEV;
  const v2 = isUnified(group), word = v2 ? stop ? "1" : "0" : stop ? "FROZEN" : "THAWED";
  return writeGroup(groupPath(group), v2 ? "cgroup.freeze" : "freezer.state", value, <u32>(putText(value, word) - value));
}

/** Removes the groups; false when one still has processes. */
export function removeGroups(): bool {
  let all = true;
  for (let i = 0; i < groups.count; i++) {
    if ((groups.found >> i & 1) != 0) continue;
    const removed = removeAt(0, groupPath(i), 1);
    if (removed == -EBUSY || removed == -ENOTEMPTY) all = false;
  }
  return all;
}

/** Opens the list of the container's processes; a negated errno. */
export function openMembers(): i32 {
  let group = groupOf("pids");
  if (group < 0 && groups.count > 0) group = 0;
  if (group < 0) return -ENODEV;
  joinName(buffer, groupPath(group), "cgroup.procs");
  return openAt(0, buffer, OPENAT_READ, 0);
}
