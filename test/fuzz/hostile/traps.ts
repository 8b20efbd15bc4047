/** Every way to trap that a module of integers has: the signal chooses. Both compilers must trap alike. docs/internals/fuzzing.md */
import "../../../assembly/lib/abort";

const table = memory.data(8, 8);
let entered: i32 = 0;

export function onStart(): void {}
export function onReady(handle: i32, events: i32): void {}
export function onDeadline(): void {}

export function onSignal(signal: i32): void {
  entered++;
  store<i32>(table, signal);
  const end = memory.size() << 16;
  switch (signal) {
    case 0: return unreachable();
    case 1: return store<i32>(table, load<i32>(end - 3));
    case 2: return store<i64>(end, 1);
    case 3: return store<i32>(table, load<u8>(u32.MAX_VALUE));
    case 4: return memory.copy(end - 4, table, 5);
    case 5: return memory.fill(end - 1, 1, 2);
    case 6: return store<i32>(table, signal / load<i32>(table + 4));
    case 7: return store<i32>(table, signal % load<i32>(table + 4));
    case 8: return store<i32>(table, i32.MIN_VALUE / (load<i32>(table + 4) - 1));
    default: store<i32>(table, deep(signal));
  }
}

function deep(depth: i32): i32 { return load<i32>(table) ^ deep(depth + 1) + depth; }

export function onTrap(): i32 { return load<i32>(table) + entered; }
