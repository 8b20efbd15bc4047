/**
 * User namespaces for idmapped mounts: the kernel takes a mount's mapping from one. A process is in each until the mount has its
 * mapping; it does nothing, and ends with this process, too. mount_setattr(2), MOUNT_ATTR_IDMAP
 */
import { close, fork, kill, openAt, OPENAT_READ, READ, socketPair, wait, watch } from "../../../boundary/shim";
import { claim, exit } from "../../../boundary/wasi";
import { SIGKILL } from "../../../lib/signal";
import { putDigits, putText } from "../../../lib/text";
import { die } from "../files/end";
import { NEW_USER } from "../input/namespace-kinds";
import { idMapPath, writeIdMaps } from "../process/id-maps";

const pair = memory.data(8, 4), status = memory.data(8, 4), path = memory.data(48);

namespace holders {
  /** Between the fork and its return in this process: a process that is entered now is one. */
  export let isForking: bool = false;
  /** Pids of those that were killed and are to be waited for. */
  export let ended: usize = 0, count: i32 = 0;
}

/** Memory for at most so many. */
export function claimHolders(most: u32): void { holders.ended = claim(most * 4 + 4); }

/** A handle of a new user namespace with the maps of `node`: its members uidMappings and gidMappings. */
export function namespaceWith(node: usize): i32 {
  const paired = socketPair(pair);
  if (paired < 0) return die("cannot make a socket pair", 0, paired), -1;
  holders.isForking = true;
  const pid = fork(NEW_USER);
  holders.isForking = false;
  if (pid < 0) return die("cannot make a user namespace for an idmapped mount", 0, pid), -1;
  const written = writeIdMaps(pid, node);
  store<u8>(putText(putDigits(putText(path, "/proc/"), pid), "/ns/user"), 0);
  const made = openAt(0, path, OPENAT_READ, 0);
  kill(pid, SIGKILL);
  store<i32>(holders.ended + holders.count++ * 4, pid);
  close(load<i32>(pair));
  close(load<i32>(pair + 4));
  if (written < 0) die("cannot write the map of an idmapped mount", idMapPath(), written);
  if (made < 0) die("cannot open the user namespace of an idmapped mount", path, made);
  return made;
}

/** Whether this process was forked to hold a namespace: then it waits for its parent's end, or to be killed. */
export function holdsNamespace(): bool {
  if (!holders.isForking) return false;
  close(load<i32>(pair));
  watch(load<i32>(pair + 4), READ);
  return true;
}

/** The parent has ended. */
export function endHolder(): void { exit(0); }

/** Waits for those that have ended by now; others are waited for by whoever inherits them. */
export function reapHolders(): void {
  for (let i = 0; i < holders.count; i++) wait(load<i32>(holders.ended + i * 4), status);
}
