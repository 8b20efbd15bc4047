/**
 * A compiled filter of system calls, as wshd --filter reads it from a file: a mark, `SECCOMP_FILTER_FLAG_`s, then the instructions.
 *
 *   mark:u32 "BPFs" flags:u32 instructions:u8[8][1…4096]        struct sock_filter of linux/filter.h
 */
export const FILTER_HEADER_BYTES: u32 = 8, FILTER_INSTRUCTION_BYTES: u32 = 8;
export const FILTER_INSTRUCTIONS_MAX: u32 = 4096;
export const FILTER_BYTES_MAX: u32 = 32776;
if (FILTER_BYTES_MAX != FILTER_HEADER_BYTES + FILTER_INSTRUCTIONS_MAX * FILTER_INSTRUCTION_BYTES) ERROR("a filter has another size");
const MARK: u32 = 0x7346_5042;

export function putFilterHeader(at: usize, flags: u32): void {
  store<u32>(at, MARK);
  store<u32>(at + 4, flags);
}

/** Instructions of the filter that `have` bytes are; 0 when they are none. */
export function filterCount(at: usize, have: u32): u32 {
  if (have <= FILTER_HEADER_BYTES || have > FILTER_BYTES_MAX || (have & 7) != 0 || load<u32>(at) != MARK) return 0;
  return (have - FILTER_HEADER_BYTES) / FILTER_INSTRUCTION_BYTES;
}

export function filterFlags(at: usize): u32 { return load<u32>(at + 4); }
export function filterInstructions(at: usize): usize { return at + FILTER_HEADER_BYTES; }
