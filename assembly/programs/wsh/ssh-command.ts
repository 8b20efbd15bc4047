/**
 * The command of a request for `--ssh`: what sshd(8) would run. The user's shell runs the words as one line, with SHELL and
 * LOGNAME set; without words it is a login shell; a subsystem is the program that serves it.
 */
import { claim } from "../../boundary/wasi";
import { cString, equals, putText } from "../../lib/text";
import { ssh } from "./ssh";

const SCRIPT_BYTES: u32 = 512;

/** False for a subsystem other than sftp. */
export function knowsSubsystem(): bool { return !ssh.isSubsystem || (ssh.line != 0 && equals(ssh.line, "sftp")); }

/** "sh", "-c", the script, and what it runs. */
export function sshWords(): i32 { return ssh.line == 0 || ssh.isSubsystem ? 3 : 4; }

export function sshWord(index: i32): usize {
  switch (index) {
    case 0: return cString("sh");
    case 1: return cString("-c");
    case 2: return script();
    default: return ssh.line;
  }
}

let made: usize = 0;

function script(): usize {
  if (made != 0) return made;
  const start = claim(SCRIPT_BYTES);
  const end = ssh.isSubsystem ? putSftp(start) : putShell(start);
  assert(end < start + SCRIPT_BYTES, "the script does not fit its memory");
  made = start;
  return start;
}

/** Sets SHELL from the container's /etc/passwd, as login(1), then executes it: protocol 1 does not report a user's shell. */
function putShell(at: usize): usize {
  at = putText(at, "LOGNAME=$USER SHELL=/bin/sh\n");
  at = putText(at, "while IFS=: read -r n x u g c h s || [ -n \"$n\" ]; do\n");
  at = putText(at, "  if [ \"$n\" = \"$USER\" ]; then SHELL=${s:-/bin/sh}; break; fi\n");
  at = putText(at, "done 2>/dev/null </etc/passwd\n");
  at = putText(at, "unset n x u g c h s; export LOGNAME SHELL; exec \"$SHELL\" ");
  return putText(at, ssh.line != 0 ? "-c \"$0\"" : "-l");
}

/** Executes OpenSSH's sftp-server, where distributions keep it. */
function putSftp(at: usize): usize {
  at = putText(at, "for f in /usr/lib/openssh /usr/libexec/openssh /usr/lib/ssh /usr/libexec; do\n");
  at = putText(at, "  [ -x $f/sftp-server ] && exec $f/sftp-server\n");
  return putText(at, "done\necho 'wsh: the container has no sftp-server (Debian: openssh-sftp-server)' >&2; exit 127");
}
