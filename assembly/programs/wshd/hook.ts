/** Runs hooks, the operator's programs, one at a time while the container starts. A missing hook is skipped. */
import {
  close, pathType, read, REPORT_BYTES, spawn, SPAWN_DIE_WITH_PARENT, SPAWN_INHERIT_ENVIRONMENT, spawnArguments,
  spawnBegin, spawnDirectory, spawnEnvironment, spawnFiles, wait,
} from "../../boundary/shim";
import { stringLength } from "../../lib/text";
import { ENAMETOOLONG, ENOENT } from "../../lib/errno";
import * as line from "../../lib/line";
import { printError } from "../../lib/diagnostics";
import { exitCode, exited, signalOf } from "../../wire/status";
import { PATH_BYTES } from "./paths";

export const enum Hook { RUNNING, DONE, FAILED }

const out = memory.data(4, 4);
const report = memory.data(REPORT_BYTES, 4);
const running = memory.data(PATH_BYTES);
namespace hookProcess {
  export let pid: i32 = 0;
  export let reportHandle: i32 = -1;
}

/** Starts the hook. `environment`: one "NAME=value" to add, or 0. `directory`: its working directory, or 0 for ours. */
export function startHook(path: usize, environment: usize, directory: usize = 0): Hook {
  const kind = pathType(path);
  if (kind == -ENOENT) return Hook.DONE;
  if (stringLength(path) >= PATH_BYTES) {
    printError("wshd: cannot start the hook", path, ENAMETOOLONG);
    return Hook.FAILED;
  }
  memory.copy(running, path, stringLength(path) + 1);
  spawnBegin();
  spawnFiles(running, stringLength(running) + 1);
  spawnArguments(running, stringLength(running) + 1);
  if (environment != 0) spawnEnvironment(environment, stringLength(environment) + 1);
  if (directory != 0) spawnDirectory(directory);
  hookProcess.pid = spawn(SPAWN_DIE_WITH_PARENT | SPAWN_INHERIT_ENVIRONMENT, out);
  if (hookProcess.pid < 0) {
    printError("wshd: cannot start the hook", running, hookProcess.pid);
    return Hook.FAILED;
  }
  hookProcess.reportHandle = load<i32>(out);
  return Hook.RUNNING;
}

/** Returns the hook's state; prints the reason of a failure. */
export function hookState(): Hook {
  const reaped = wait(hookProcess.pid, out);
  if (reaped == 0) return Hook.RUNNING;
  const notExecuted = read(hookProcess.reportHandle, report, REPORT_BYTES) == <i32>REPORT_BYTES;
  close(hookProcess.reportHandle);
  const status = load<i32>(out);
  if (reaped > 0 && status == 0) return Hook.DONE;
  line.begin();
  line.put("wshd: the hook ");
  line.putString(running);
  if (notExecuted) {
    line.put(" cannot be executed");
    line.putError(load<i32>(report + 4));
    line.put("; it must be executable and start with #!");
  } else if (exited(status)) {
    line.put(" failed with exit code ");
    line.putNumber(exitCode(status));
  } else {
    line.put(" was killed by ");
    line.putSignal(signalOf(status));
  }
  line.flush();
  return Hook.FAILED;
}
