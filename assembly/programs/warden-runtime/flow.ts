/** Where a list of hooks leads to. */
import { createHooksDone, startHooksDone } from "./commands/init";
import { poststartDone, prestartDone, runtimeHooksDone } from "./commands/create";
import { poststopDone } from "./commands/delete";
import { HookPoint, HookResult, running } from "./process/hooks";

/** Goes on behind the hooks of a point, when one of them has ended. */
export function afterHook(result: HookResult): void {
  switch (running.point) {
    case HookPoint.PRESTART: return prestartDone(result);
    case HookPoint.CREATE_RUNTIME: return runtimeHooksDone(result);
    case HookPoint.CREATE_CONTAINER: return createHooksDone(result);
    case HookPoint.START_CONTAINER: return startHooksDone(result);
    case HookPoint.POSTSTART: return poststartDone(result);
    case HookPoint.POSTSTOP: return poststopDone(result);
    default: assert(false, "no hooks ran");
  }
}
