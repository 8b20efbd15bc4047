/**
 * Classic BPF for seccomp(2): an array of `struct sock_filter` (linux/filter.h), 8 bytes an instruction, which reads
 * `struct seccomp_data` (linux/seccomp.h).
 */

/** BPF_MAXINSNS */
export const INSTRUCTIONS_MAX: u32 = 4096;
export const INSTRUCTION_BYTES: u32 = 8;

/** Offsets in `struct seccomp_data`. */
export const DATA_NUMBER: u32 = 0, DATA_ARCHITECTURE: u32 = 4;
const DATA_ARGUMENTS: u32 = 16;
/** The lower and the upper half of an argument, on a little-endian machine. */
export function dataLow(argument: u32): u32 { return DATA_ARGUMENTS + argument * 8; }
export function dataHigh(argument: u32): u32 { return DATA_ARGUMENTS + argument * 8 + 4; }

/** The `code` of instructions: BPF_LD | BPF_W | BPF_ABS and so on. */
export const LOAD: u16 = 0x20, AND: u16 = 0x54, RETURN: u16 = 0x06, JUMP: u16 = 0x05;
export const JUMP_EQUAL: u16 = 0x15, JUMP_GREATER: u16 = 0x25, JUMP_AT_LEAST: u16 = 0x35;

let program: usize = 0;
let count: u32 = 0, most: u32 = 0;

export function beginProgram(at: usize, instructionsMax: u32): void {
  program = at;
  most = min(instructionsMax, INSTRUCTIONS_MAX);
  count = 0;
}

/** Number of instructions so far; beyond the maximum when the program does not fit. */
export function instructions(): u32 { return count; }
export function programFits(): bool { return count <= most; }

export function emit(code: u16, k: u32, whenTrue: u32 = 0, whenFalse: u32 = 0): void {
  assert(whenTrue < 256 && whenFalse < 256, "a conditional jump that is too far");
  if (count < most) {
    const at = program + count * INSTRUCTION_BYTES;
    store<u16>(at, code);
    store<u8>(at + 2, <u8>whenTrue);
    store<u8>(at + 3, <u8>whenFalse);
    store<u32>(at + 4, k);
  }
  count++;
}
