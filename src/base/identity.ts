/**
 * What distinguishes an open file from all others, in other processes too: device and inode (stat(2)). For the master of a pty,
 * `slave` is the device number of its terminal; for everything else `slave` is 0.
 */
export type Identity = readonly [device: number, inode: number, slave: number];

export function isSameFile([device, inode]: Identity, other: Identity): boolean { return device === other[0] && inode === other[1]; }
