/** ROOT/ID, the directory of a container's state, and the names in it. */
import {
  close, makeDirectoryAt, openAt, OPENAT_DIRECTORY, OPENAT_READ, OPENAT_WRITE, removeAt,
} from "../../../boundary/shim";
import { cString } from "../../../lib/text";
import { joinPath, PATH_BYTES } from "./paths";

export const STATE_JSON = cString("state.json"), STATE_NEW = cString("state.json.new");
export const START_FIFO = cString("start.fifo");
export const FILTER = cString("filter.bpf");
export const CONFIG_COPY = cString("config.json");

const path = memory.data(PATH_BYTES * 2);
/** Handle of the directory; negative without one. */
export let directory: i32 = -1;

export function nameDirectory(root: usize, id: usize): void { joinPath(path, root, id); }
export function directoryPath(): usize { return path; }

/** Makes it and opens it; an id is taken by this, once. 0 or a negated errno. */
export function makeDirectory(): i32 {
  const made = makeDirectoryAt(0, path, 0o711);
  if (made < 0) return made;
  const opened = openDirectory();
  if (opened < 0) removeAt(0, path, 1);
  return min(opened, 0);
}

export function openDirectory(): i32 {
  directory = openAt(0, path, OPENAT_READ | OPENAT_DIRECTORY, 0);
  return directory;
}

/** From now on the container is started. */
export function removeStartFifo(): void { removeAt(directory, START_FIFO, 0); }

/** Removes it with all that is in it. */
export function removeState(): void {
  removeAt(directory, START_FIFO, 0);
  removeAt(directory, FILTER, 0);
  removeAt(directory, CONFIG_COPY, 0);
  removeAt(directory, STATE_NEW, 0);
  removeAt(directory, STATE_JSON, 0);
  close(directory);
  removeAt(0, path, 1);
}

/** Opens the fifo that `start` writes to; -ENOENT when the container is not waiting. */
export function openStartFifo(): i32 { return openAt(directory, START_FIFO, OPENAT_WRITE, 0); }
/** Open for both it has no end, whoever opens and closes the other side. fifo(7) */
export function openStartFifoToRead(): i32 { return openAt(directory, START_FIFO, OPENAT_READ | OPENAT_WRITE, 0); }
