/** Disk quotas of a container's user, by setquota(8) and repquota(8) of Debian's package quota. Blocks are 1024 bytes. */
import type { ResponseInit } from '../../proto/message.js';
import type { DiskLimits } from '../container/backend.js';
import { reason } from '../../base/errors.js';
import { CommandFailure, Refusal } from '../refusal.js';
import { command } from './command.js';

const BLOCK_BYTES = 1024n;

interface Quota { bytesUsed: bigint; inodesUsed: bigint; blockSoft: bigint; blockHard: bigint; inodeSoft: bigint; inodeHard: bigint }

async function read(depot: string, uid: number): Promise<Quota> {
  const { stdout } = await command('quota', ['--user', '--numeric', '--raw-grace', '--no-wrap', '--hide-device', `--filesystem=${depot}`, '--', String(uid)], { allow: [0, 1] })
    .catch(() => ({ stdout: '' }));
  return { ...parseQuota(stdout), inodesUsed: parseQuota(stdout).inodesUsed };
}

/** Numbers of the last line: blocks, quota, limit, grace, files, quota, limit, grace; a star marks what is over its quota. */
export function parseQuota(text: string): Quota {
  const numbers = (text.trim().split('\n').at(-1) ?? '').replaceAll('*', ' ').trim().split(/\s+/).filter((word) => /^\d+$/.test(word)).map(BigInt);
  const [blocks = 0n, blockSoft = 0n, blockHard = 0n] = numbers, [, , , , files = 0n, inodeSoft = 0n, inodeHard = 0n] = numbers;
  return { bytesUsed: blocks * BLOCK_BYTES, inodesUsed: files, blockSoft, blockHard, inodeSoft, inodeHard };
}

export async function usageOf(depot: string, uid: number): Promise<ResponseInit<'Info'>['diskStat']> {
  const { bytesUsed, inodesUsed } = await read(depot, uid);
  return { bytesUsed, inodesUsed };
}

/** Bytes as blocks, rounded up. */
function blocksOf(bytes: bigint | undefined): bigint | undefined {
  return bytes === undefined ? undefined : (bytes + BLOCK_BYTES - 1n) / BLOCK_BYTES;
}

/** What is not given stays. */
export async function limitDisk(depot: string, uid: number, limits: DiskLimits): Promise<DiskLimits> {
  try {
    const before = await read(depot, uid), next = merged(before, limits);
    if (Object.keys(limits).length > 0) {
      await command('setquota', ['-u', String(uid), ...[next.blockSoft, next.blockHard, next.inodeSoft, next.inodeHard].map(String), depot]);
    }
    return answerOf(next);
  } catch (error) {
    throw new Refusal(`Failed setting disk limit: ${error instanceof CommandFailure ? error.detail : reason(error)}`, { cause: error });
  }
}

/** Later fields win. */
export function merged(before: Pick<Quota, 'blockSoft' | 'blockHard' | 'inodeSoft' | 'inodeHard'>, limits: DiskLimits): typeof before {
  const last = (...given: (bigint | undefined)[]): bigint | undefined => given.findLast((each) => each !== undefined);
  return {
    blockHard: last(
      blocksOf(limits.byteLimit), blocksOf(limits.byte), blocksOf(limits.byteHard), limits.blockLimit, limits.block, limits.blockHard,
    ) ?? before.blockHard,
    blockSoft: last(blocksOf(limits.byteSoft), limits.blockSoft) ?? before.blockSoft,
    inodeHard: last(limits.inodeLimit, limits.inode, limits.inodeHard) ?? before.inodeHard,
    inodeSoft: limits.inodeSoft ?? before.inodeSoft,
  };
}

export function answerOf({ blockHard, blockSoft, inodeHard, inodeSoft }: ReturnType<typeof merged>): DiskLimits {
  const byteHard = blockHard * BLOCK_BYTES;
  return {
    blockLimit: blockHard, block: blockHard, blockSoft, blockHard, inodeLimit: inodeHard, inode: inodeHard, inodeSoft, inodeHard,
    byteLimit: byteHard, byte: byteHard, byteSoft: blockSoft * BLOCK_BYTES, byteHard,
  };
}
