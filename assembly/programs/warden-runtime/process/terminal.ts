/** A terminal of the container's own /dev/pts: its master goes to the console socket, its slave becomes stdin, stdout and stderr. */
import {
  changeOwner, close, openPty, placeDescriptor, send, setWindowSize, takeTerminal,
} from "../../../boundary/shim";
import { jsonIsU64, jsonMember, jsonU64 } from "../../../lib/json/nodes";
import { cString } from "../../../lib/text";
import { must } from "../files/end";
import { credentials } from "./process";

const NAME = cString("/dev/ptmx"), NAME_BYTES: u32 = 9;
/** Master, slave. */
const pair = memory.data(8, 4);

/** Opens it, with the size that the process asks for. Returns the slave's handle. */
export function openTerminal(process: usize): i32 {
  must(openPty(pair), "cannot open a terminal of the container's /dev/pts");
  const size = jsonMember(process, "consoleSize"), height = jsonMember(size, "height"), width = jsonMember(size, "width");
  if (jsonIsU64(height) && jsonIsU64(width)) setWindowSize(load<i32>(pair), <i32>jsonU64(height), <i32>jsonU64(width));
  return load<i32>(pair + 4);
}

/** Sends the master of the open terminal to the console socket, and makes the slave this process's terminal. */
export function takeOpenTerminal(console: i32): void {
  const master = load<i32>(pair), slave = load<i32>(pair + 4);
  must(send(console, NAME, NAME_BYTES, pair, 1), "cannot send the terminal to the console socket");
  close(console);
  close(master);
  changeOwner(slave, credentials.uid, credentials.gid);
  must(takeTerminal(slave), "cannot take the controlling terminal");
  for (let fd: u32 = 0; fd <= 2; fd++) must(placeDescriptor(fd, slave), "cannot make the terminal stdin, stdout and stderr");
  close(slave);
}
