/** Hooks: programs of the operator's, run one at a time while the container starts. One that is missing is skipped. */
import {
  close, inspect, read, REPORT_BYTES, spawn, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT, spawnArguments,
  spawnBegin, spawnDirectory, spawnEnvironment, spawnFiles, wait,
} from "../shim";
import { stringLength } from "../shared/bytes";
import { ENAMETOOLONG, ENOENT } from "../shared/errno";
import { begin, put, putError, putNumber, putSignal, putString, tell } from "../shared/message";
import { complain } from "../shared/program";
import { exitCode, exited, signalOf } from "../wire/status";
import { PATH_BYTES } from "./paths";

export const enum Hook { RUNNING, DONE, FAILED }

const out = memory.data(4, 4);
const report = memory.data(8, 4);
if (REPORT_BYTES != 8) ERROR("a report's buffer has another size");
const running = memory.data(4096);
if (PATH_BYTES != 4096) ERROR("the hook's path has another size");
let pid: i32 = 0;
let reportHandle: i32 = -1;

/** Starts the hook; `environment` is one "NAME=value" to add, or 0; `directory` is where it starts, or 0: where we are. */
export function startHook(path: usize, environment: usize, directory: usize = 0): Hook {
  const kind = inspect(path);
  if (kind == -ENOENT) return Hook.DONE;
  if (stringLength(path) >= PATH_BYTES) {
    complain("wshd: cannot start the hook", path, ENAMETOOLONG);
    return Hook.FAILED;
  }
  memory.copy(running, path, stringLength(path) + 1);
  spawnBegin();
  spawnFiles(running, stringLength(running) + 1);
  spawnArguments(running, stringLength(running) + 1);
  if (environment != 0) spawnEnvironment(environment, stringLength(environment) + 1);
  if (directory != 0) spawnDirectory(directory);
  pid = spawn(SPAWN_DIE_WITH_PARENT | SPAWN_INHERIT_ENVIRONMENT, out);
  if (pid < 0) {
    complain("wshd: cannot start the hook", running, pid);
    return Hook.FAILED;
  }
  reportHandle = load<i32>(out);
  return Hook.RUNNING;
}

/** Looks whether the hook has ended; says why when it failed. */
export function hookState(): Hook {
  const reaped = wait(pid, out);
  if (reaped == 0) return Hook.RUNNING;
  const notExecuted = read(reportHandle, report, REPORT_BYTES) == <i32>REPORT_BYTES;
  close(reportHandle);
  const status = load<i32>(out);
  if (reaped > 0 && status == 0) return Hook.DONE;
  begin();
  put("wshd: the hook ");
  putString(running);
  if (notExecuted) {
    put(" cannot be executed");
    putError(load<i32>(report + 4));
    put("; it must be executable and start with #!");
  } else if (exited(status)) {
    put(" failed with exit code ");
    putNumber(exitCode(status));
  } else {
    put(" was killed by ");
    putSignal(signalOf(status));
  }
  tell();
  return Hook.FAILED;
}
