/** Arguments, environment, clock, stdout, stderr and exit: the only calls that are WASI's. (WASI snapshot preview 1) */

@external("wasi_snapshot_preview1", "args_sizes_get") declare function args_sizes_get(count: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "args_get") declare function args_get(pointers: usize, text: usize): i32;
@external("wasi_snapshot_preview1", "environ_sizes_get") declare function environ_sizes_get(count: usize, bytes: usize): i32;
@external("wasi_snapshot_preview1", "environ_get") declare function environ_get(pointers: usize, text: usize): i32;
@external("wasi_snapshot_preview1", "clock_time_get") declare function clock_time_get(clock: i32, precision: u64, at: usize): i32;
@external("wasi_snapshot_preview1", "fd_write") declare function fd_write(fd: i32, vectors: usize, count: i32, written: usize): i32;
@external("wasi_snapshot_preview1", "proc_exit") declare function proc_exit(code: i32): void;

const CLOCK_MONOTONIC: i32 = 1;
const PAGE_BYTES: u32 = 1 << 16;
/** WASI stores two sizes (u32) or the time (u64) here. */
const out = memory.data(8, 8);

let argumentPointers: usize = 0;
let argumentCount: i32 = 0;
let environmentPointers: usize = 0;
let environmentCount: i32 = 0;

let claimedUntil: usize = 0;

/**
 * Claims zeroed memory that stays for the program's life. Only `onStart` claims, for sizes that depend on the command line
 * (arguments, environment, the ring). The memory never grows after `onStart`.
 */
export function claim(bytes: u32): usize {
  if (claimedUntil == 0) claimedUntil = __heap_base;
  const at = claimedUntil;
  claimedUntil = (at + bytes + 7) & ~7;
  const missing = <i32>((claimedUntil + PAGE_BYTES - 1) / PAGE_BYTES) - memory.size();
  if (missing > 0) assert(memory.grow(missing) >= 0, "no memory left at start");
  return at;
}

export function loadArguments(): void {
  args_sizes_get(out, out + 4);
  argumentCount = load<i32>(out);
  argumentPointers = claim((<u32>argumentCount + 1) * 4);
  args_get(argumentPointers, claim(load<u32>(out + 4)));
}

export function loadEnvironment(): void {
  environ_sizes_get(out, out + 4);
  environmentCount = load<i32>(out);
  environmentPointers = claim((<u32>environmentCount + 1) * 4);
  environ_get(environmentPointers, claim(load<u32>(out + 4)));
}

export function argumentsGiven(): i32 { return argumentCount; }

/** The argument as a NUL-terminated string; 0 behind the last one. */
export function argument(index: i32): usize {
  return index < argumentCount ? <usize>load<u32>(argumentPointers + index * 4) : 0;
}

/** The value of an environment variable, NUL-terminated; 0 when it is not set. */
export function variable(name: string): usize {
  const first = <u8>name.charCodeAt(0);
  for (let i = 0; i < environmentCount; i++) {
    const entry: usize = load<u32>(environmentPointers + i * 4);
    if (load<u8>(entry) != first) continue;
    let length = 1;
    while (length < name.length && load<u8>(entry + length) == <u8>name.charCodeAt(length)) length++;
    if (length == name.length && load<u8>(entry + length) == 0x3d) return entry + length + 1;
  }
  return 0;
}

/** The entry "NAME=VALUE" of an environment variable whose name is a NUL-terminated string; 0 when it is not set. */
export function entryOf(name: usize): usize {
  for (let i = 0; i < environmentCount; i++) {
    const entry: usize = load<u32>(environmentPointers + i * 4);
    let length: usize = 0;
    while (load<u8>(name + length) != 0 && load<u8>(entry + length) == load<u8>(name + length)) length++;
    if (load<u8>(name + length) == 0 && load<u8>(entry + length) == 0x3d) return entry;
  }
  return 0;
}

/** Milliseconds of the monotonic clock. */
export function nowMs(): u64 {
  clock_time_get(CLOCK_MONOTONIC, 1_000_000, out);
  return load<u64>(out) / 1_000_000;
}

const vector = memory.data(8, 4);

/** Writes to stdout (1) or stderr (2). If nobody reads stderr, the host drops the bytes after a short wait. */
export function print(fd: i32, at: usize, size: u32): void {
  store<u32>(vector, <u32>at);
  store<u32>(vector + 4, size);
  fd_write(fd, vector, 1, out);
}

export function exit(code: i32): void {
  proc_exit(code);
  unreachable();
}

const CLOCK_REALTIME: i32 = 0;

/** Nanoseconds since 1970-01-01T00:00:00Z. */
export function realtimeNs(): u64 {
  clock_time_get(CLOCK_REALTIME, 1, out);
  return load<u64>(out);
}
