/** The files that outlive the monitor: pids and exit codes in decimal, without a newline, each there whole or not at all. */
import { close, open, OPEN_READ, OPEN_REPLACE, read, rename, write } from "../../../boundary/shim";
import { printError } from "../../../lib/diagnostics";
import { afterDigits, digitsValue, putDigits, putText } from "../../../lib/text";
import { value } from "../options";
import { Option } from "../option-names";
import { joinName, joinText, Place } from "../words";

const TEXT_BYTES: u32 = 32;
const text = memory.data(32);

/** `path` must not be in `Place.SECOND`. */
function writeNumber(path: usize, number: i32, fresh: usize): bool {
  const file = open(fresh, OPEN_REPLACE);
  if (file < 0) return failed("conmon: cannot write", fresh, file);
  const size = <u32>(putDigits(number < 0 ? putText(text, "-") : text, <u64>abs(number)) - text), sent = write(file, text, size);
  close(file);
  if (sent != <i32>size) return failed("conmon: cannot write", fresh, sent);
  const renamed = rename(fresh, path);
  return renamed < 0 ? failed("conmon: cannot rename a file to", path, renamed) : true;
}

function failed(what: string, path: usize, errno: i32): bool {
  printError(what, path, errno < 0 ? errno : 0);
  return false;
}

export function writeMonitorPid(pid: i32): bool {
  const path = value(Option.CONMON_PIDFILE);
  return path == 0 || writeNumber(path, pid, joinText(Place.SECOND, path, ".new"));
}

/** The exit code where podman looks for it: PERSIST-DIR/exit and EXIT-DIR/ID; a command has an EXIT-DIR of its own. */
export function writeExitCode(code: i32): void {
  const persistent = value(Option.PERSIST_DIR), directory = value(Option.EXIT_DIR);
  if (persistent != 0) writeNumber(joinText(Place.FIRST, persistent, "/exit"), code, joinText(Place.SECOND, persistent, "/exit.new"));
  if (directory == 0) return;
  const name = value(Option.CID);
  writeNumber(joinName(Place.FIRST, directory, name, ""), code, joinName(Place.SECOND, directory, name, ".new"));
}

/** Empty files that say that the container ran out of memory: PERSIST-DIR/oom, where podman looks, and BUNDLE/oom, where CRI-O does. */
export function writeOom(): void {
  if (value(Option.PERSIST_DIR) != 0) touch(joinText(Place.FIRST, value(Option.PERSIST_DIR), "/oom"));
  if (value(Option.BUNDLE) != 0) touch(joinText(Place.FIRST, value(Option.BUNDLE), "/oom"));
}

function touch(path: usize): void {
  const file = open(path, OPEN_REPLACE);
  if (file < 0) printError("conmon: cannot write", path, file);
  else close(file);
}

/** The pid that the runtime has written; negative when there is none. */
export function readContainerPid(): i32 {
  const file = open(value(Option.CONTAINER_PIDFILE), OPEN_READ);
  if (file < 0) return file;
  const got = read(file, text, TEXT_BYTES - 1);
  close(file);
  if (got < 0) return got;
  store<u8>(text + got, 0);
  const end = afterDigits(text), pid = digitsValue(text, end);
  return end == text || pid == 0 || pid > <u64>i32.MAX_VALUE ? -1 : <i32>pid;
}
