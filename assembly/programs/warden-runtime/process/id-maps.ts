/** The maps of a user namespace that has just been made: /proc/PID/uid_map and gid_map. user_namespaces(7) */
import { close, openAt, OPENAT_WRITE } from "../../../boundary/shim";
import { EINVAL } from "../../../lib/errno";
import { jsonCount, jsonFirst, jsonIsU64, jsonMember, jsonNext, jsonU64 } from "../../../lib/json/nodes";
import { putDigits, putText } from "../../../lib/text";
import { writeAll } from "../files/paths";

const MAP_BYTES: u32 = 4096, LINE_BYTES: u32 = 64;
const path = memory.data(48), map = memory.data(MAP_BYTES);

/** Writes linux.uidMappings and gidMappings of the process's namespace: 0 or a negated errno, of the file that `idMapPath` is. */
export function writeIdMaps(pid: i32, linux: usize): i32 {
  const users = writeMap(pid, "uid_map", jsonMember(linux, "uidMappings"));
  return users < 0 ? users : writeMap(pid, "gid_map", jsonMember(linux, "gidMappings"));
}

export function idMapPath(): usize { return path; }

/** Lines of "CONTAINER HOST SIZE". */
function writeMap(pid: i32, name: string, list: usize): i32 {
  let to = map, entry = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, entry = jsonNext(entry)) {
    // The kernel takes less than a page.
    if (to + LINE_BYTES > map + MAP_BYTES) return -EINVAL;
    to = putDigits(to, numberOf(jsonMember(entry, "containerID")));
    to = putDigits(putText(to, " "), numberOf(jsonMember(entry, "hostID")));
    to = putText(putDigits(putText(to, " "), numberOf(jsonMember(entry, "size"))), "\n");
  }
  store<u8>(putText(putText(putDigits(putText(path, "/proc/"), pid), "/"), name), 0);
  const file = openAt(0, path, OPENAT_WRITE, 0), written = file < 0 ? file : writeAll(file, map, <u32>(to - map));
  if (file >= 0) close(file);
  return written;
}

/** A whole number's value; 0 for anything else. */
export function numberOf(node: usize): u64 { return jsonIsU64(node) ? jsonU64(node) : 0; }
