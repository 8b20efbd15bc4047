/** What a process inherits and no namespace separates, set to the usual by the one that has the caller's power to: --confine. */
import { close, open, OPEN_REPLACE, resetAttributes, write } from "../../boundary/shim";
import { EACCES, EINVAL, EIO, ENOENT, EPERM } from "../../lib/errno";
import { cString } from "../../lib/text";

const path = cString("/proc/self/oom_score_adj"), zero = cString("0");

/** 0, or an errno. What this process may not raise, its caller could not either: that stays as it is. */
export function leaveAttributes(): i32 {
  const reset = resetAttributes();
  if (reset < 0 && reset != -EPERM && reset != -EACCES && reset != -EINVAL) return reset;
  const file = open(path, OPEN_REPLACE);
  // Without /proc there is no way to it.
  if (file == -ENOENT) return 0;
  const sent = file < 0 ? file : write(file, zero, 1);
  if (file >= 0) close(file);
  return sent == 1 || sent == -EACCES ? 0 : min(sent, -EIO);
}
