/**
 * iomux-spawn → iomux-link, on stdout.sock and stderr.sock: 4 bytes, big-endian, the position of the first byte that
 * follows; then the bytes, until end of file. Positions count from 0, modulo 2^32. docs/reference/protocol.md §4
 *
 * iomux-link's cursor file (§5): 8 bytes, two such positions, behind the last byte delivered on stdout and on stderr.
 */
export const HEADER_BYTES: u32 = 4;
export const CURSORS_BYTES: u32 = 8;
export const STREAMS: u32 = 2;
if (CURSORS_BYTES != STREAMS * HEADER_BYTES) ERROR("a cursor file holds one position a stream");

export function putPosition(at: usize, position: u64): void { store<u32>(at, bswap<u32>(<u32>position)); }
export function position(at: usize): u32 { return bswap<u32>(load<u32>(at)); }

/**
 * How far `from` lies behind `to` on the circle of 2^32 positions: the shorter way round, negative when it lies ahead.
 * Right for streams of any length, as long as the two are less than 2 GiB apart.
 */
export function distance(from: u32, to: u32): i32 { return <i32>(to - from); }
