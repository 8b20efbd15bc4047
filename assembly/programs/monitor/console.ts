/** The socket that an OCI runtime sends the container's terminal to, as runc's page on terminals describes it. */
import { accept, close, listen, READ, receive, setNonblocking, unlink, watch } from "../../boundary/shim";
import { realtimeNs, variable } from "../../boundary/wasi";
import { EAGAIN, EADDRINUSE } from "../../lib/errno";
import { joinNumber, Place } from "./words";
import { cString } from "../../lib/text";

const BACKLOG: i32 = 1;
/** Others may have taken a name: they cannot guess the next ones. */
const TRIES: i32 = 16;
/** The runtime sends the terminal's name along. */
const NAME_BYTES: u32 = 256;
const name = memory.data(NAME_BYTES);
const handles = memory.data(4, 4);
const temporary = cString("/tmp");

namespace receiving {
  export let listener: i32 = 0;
  export let connection: i32 = 0;
  export let path: usize = 0;
}

/** 0 or a negated errno; the path is `consolePath`. */
export function openConsole(): i32 {
  const directory = variable("TMPDIR") != 0 ? variable("TMPDIR") : temporary;
  for (let i = 0; i < TRIES; i++) {
    receiving.path = joinNumber(Place.SOCKET, directory, realtimeNs(), ".conmon-term");
    receiving.listener = listen(receiving.path, BACKLOG, 0);
    if (receiving.listener == -EADDRINUSE) continue;
    if (receiving.listener > 0) watch(receiving.listener, READ);
    return min(receiving.listener, 0);
  }
  return -EADDRINUSE;
}

export function consolePath(): usize { return receiving.path; }
export function isConsole(handle: i32): bool { return handle == receiving.listener || handle == receiving.connection; }

/** The terminal's handle; -EAGAIN while it has not come, another negated errno when it will not. */
export function takeTerminal(): i32 {
  if (receiving.connection == 0) {
    if (receiving.listener <= 0) return -EAGAIN;
    const came = accept(receiving.listener);
    if (came < 0) return came;
    receiving.connection = came;
    watch(receiving.connection, READ);
  }
  const got = receive(receiving.connection, name, NAME_BYTES, handles, 1);
  if (got == -EAGAIN) return got;
  const terminal = load<i32>(handles);
  closeConsole();
  if (got <= 0 || terminal < 0) return got < 0 ? got : terminal < 0 ? terminal : -1;
  setNonblocking(terminal);
  return terminal;
}

export function closeConsole(): void {
  if (receiving.connection > 0) close(receiving.connection);
  if (receiving.listener > 0) {
    close(receiving.listener);
    unlink(receiving.path);
  }
  receiving.listener = receiving.connection = 0;
}
