/** What is given up, tried again or begun at a time, each once. */
import { wakeAfter } from "../../boundary/shim";
import { nowMs } from "../../boundary/wasi";

export const enum Deadline { TIMEOUT, DELIVERY, EXIT_COMMAND, ACCEPT, REST, COUNT }
/** Monotonic milliseconds; 0 where nothing is waited for. */
const times = memory.data(Deadline.COUNT * 8, 8);

function at(deadline: Deadline): u64 { return load<u64>(times + <u32>deadline * 8); }
function set(deadline: Deadline, time: u64): void { store<u64>(times + <u32>deadline * 8, time); }

export function startDeadline(deadline: Deadline, afterMs: u64): void {
  set(deadline, nowMs() + afterMs);
  arm();
}

export function stopDeadline(deadline: Deadline): void {
  set(deadline, 0);
  arm();
}

/** Whether it has come; it does not come again. */
export function takeDeadline(deadline: Deadline): bool {
  const time = at(deadline);
  if (time == 0 || time > nowMs()) return false;
  set(deadline, 0);
  return true;
}

/** Asks to be woken at the next one. */
export function arm(): void {
  let next = u64.MAX_VALUE;
  for (let i: i32 = 0; i < <i32>Deadline.COUNT; i++) if (at(<Deadline>i) != 0) next = min(next, at(<Deadline>i));
  const now = nowMs();
  if (next == u64.MAX_VALUE) wakeAfter(-1);
  else wakeAfter(next > now ? <i32>min(next - now, <u64>i32.MAX_VALUE) : 0);
}
