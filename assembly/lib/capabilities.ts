/** Capabilities by their names: capabilities(7). */

/** In the order of their numbers, linux/capability.h. */
const NAMES = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
CHECKPOINT_RESTORE `;
export const CAPABILITIES: u32 = 41;

const PREFIX_BYTES: u32 = 4;

/** Its number, of a name with CAP_ or without, in capitals or small letters; -1 for a name that there is none of. */
export function capabilityNumber(name: usize, bytes: u32): i32 {
  const at = hasPrefix(name, bytes) ? name + PREFIX_BYTES : name, size = <u32>(name + bytes - at);
  let number = 0, matched: u32 = 0, same = true;
  for (let i = 0; i < NAMES.length; i++) {
    const letter = NAMES.charCodeAt(i);
    if (letter != 0x20 && letter != 0x0a) {
      same = same && matched < size && capital(load<u8>(at + matched)) == <u8>letter;
      matched++;
      continue;
    }
    if (same && matched == size) return number;
    number++;
    matched = 0;
    same = true;
  }
  return -1;
}

/** Puts the name of a number below CAPABILITIES, without CAP_: its size. */
export function capabilityName(number: u32, to: usize): u32 {
  let size: u32 = 0, left = number;
  for (let i = 0; i < NAMES.length; i++) {
    const letter = NAMES.charCodeAt(i), ends = letter == 0x20 || letter == 0x0a;
    if (ends && left-- == 0) break;
    if (!ends && left == 0) store<u8>(to + size++, <u8>letter);
  }
  return size;
}

function hasPrefix(name: usize, size: u32): bool {
  return size > PREFIX_BYTES && capital(load<u8>(name)) == 0x43 && capital(load<u8>(name + 1)) == 0x41
    && capital(load<u8>(name + 2)) == 0x50 && load<u8>(name + 3) == 0x5f; // CAP_
}

function capital(byte: u8): u8 { return byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte; }

// --- prctl(2) and capset(2)

export const PR_CAPBSET_READ: u32 = 23, PR_CAPBSET_DROP: u32 = 24, PR_SET_SECUREBITS: u32 = 28, PR_CAP_AMBIENT: u32 = 47;
export const AMBIENT_RAISE: u32 = 2, AMBIENT_CLEAR: u32 = 4;

/** `struct __user_cap_header_struct`, version 3, and two of `__user_cap_data_struct`. */
export const CAPSET_BYTES: u32 = 32;
const VERSION: u32 = 0x2008_0522;

/** What `setCapabilities` takes, for this process. */
export function putCapset(at: usize, effective: u64, permitted: u64, inheritable: u64): void {
  store<u32>(at, VERSION);
  store<u32>(at + 4, 0);
  for (let half: u32 = 0; half < 2; half++) {
    const to = at + 8 + half * 12, shift = half * 32;
    store<u32>(to, <u32>(effective >> shift));
    store<u32>(to + 4, <u32>(permitted >> shift));
    store<u32>(to + 8, <u32>(inheritable >> shift));
  }
}
