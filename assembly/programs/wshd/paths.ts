/** Joins paths in buffers of the caller. */
import { putCopy, putText } from "../../lib/text";

export const PATH_BYTES: u32 = 4096;

/** Writes "HEAD/NAME" with its NUL at `at`; returns `at`. */
export function join(at: usize, head: usize, name: string): usize {
  let end = putCopy(at, head);
  end = putText(end, "/");
  store<u8>(putText(end, name), 0);
  return at;
}
