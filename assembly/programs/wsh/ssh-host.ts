/** The socket for a host of `--ssh`: WSH_SOCKET, else that of the container with the host's name in the depot. */
import { claim, variable } from "../../boundary/wasi";
import { fail } from "../../lib/diagnostics";
import { putCopy, putText, stringLength } from "../../lib/text";
import { EXIT_UNKNOWN } from "../../wire/status";
import { ssh } from "./ssh";

const SLASH: u8 = 0x2f, DOT: u8 = 0x2e;
const DEPOT = "/run/warden", SOCKET = "/run/wshd.sock";

/** Ends the program for a name that leaves the depot. */
export function sshSocketPath(): usize {
  const given = variable("WSH_SOCKET");
  if (given != 0 || ssh.host == 0) return given;
  if (!isName(ssh.host)) fail(EXIT_UNKNOWN, "wsh: not the id of a container:", ssh.host, 0, "set WSH_SOCKET, or pass an id of warden list");
  const depot = variable("WARDEN_DEPOT");
  const path = claim((depot != 0 ? stringLength(depot) : DEPOT.length) + 1 + stringLength(ssh.host) + SOCKET.length + 1);
  let end = depot != 0 ? putCopy(path, depot) : putText(path, DEPOT);
  store<u8>(end++, SLASH);
  putText(putCopy(end, ssh.host), SOCKET);
  return path;
}

function isName(at: usize): bool {
  if (load<u8>(at) == 0 || load<u8>(at) == DOT) return false;
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == SLASH) return false;
  return true;
}
