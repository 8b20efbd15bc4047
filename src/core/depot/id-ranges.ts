/**
 * Ranges of 65,536 ids for containers in user namespaces. All depots and processes of the machine share one directory, in which a
 * symbolic link is a claim: its name is "RANGE.UNIQUE", its text the container's directory. The container's directory is there before
 * the claim and goes before it, so a claim whose directory is missing is void. No claim's name is used again, so a void one can be
 * removed by whoever sees it.
 */
import { existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable, reason, unlessMissing, WardenError } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import type { IdRange } from '../../linux/ids.js';

const CLAIMS = '/run/warden.ids';
export const RANGE_IDS = 65_536;
/** Of systemd's table of ids (systemd.io/UIDS-GIDS) the part that nobody has: above nspawn's, below those of foreign images. */
const FIRST_ID = 1_879_048_192, END_ID = 2_147_352_576;
export const RANGES_MAX = (END_ID - FIRST_ID) / RANGE_IDS;
const SUBORDINATE_FILES = ['/etc/subuid', '/etc/subgid'] as const;

let counter = 0;

/** The ids that a text of /etc/subuid or /etc/subgid gives to users. subuid(5) */
export function parseSubordinate(text: string): { readonly user: string; readonly first: number; readonly count: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, user, first, count] = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line) ?? [];
    return user === undefined ? [] : [{ user, first: Number(first), count: Number(count) }];
  });
}

/** Whether no user has ids of the range. */
export function isFree(first: number, taken: readonly { readonly first: number; readonly count: number }[]): boolean {
  return taken.every((each) => each.first + each.count <= first || first + RANGE_IDS <= each.first);
}

/** Claims a range for the container in the directory, which exists. Throws when all are taken. */
export function claimRange(directory: string, claims = CLAIMS): IdRange {
  const taken = SUBORDINATE_FILES.flatMap((file) => parseSubordinate(textOfFile(file)));
  try {
    // Nobody else may see, or make, claims.
    mkdirSync(claims, { mode: 0o700, recursive: true });
    const start = Math.floor(Math.random() * RANGES_MAX), claimed = claimsIn(claims);
    for (let turn = 0; turn < RANGES_MAX; turn++) {
      const range = (start + turn) % RANGES_MAX, first = FIRST_ID + range * RANGE_IDS;
      if (isFree(first, taken) && isUnclaimed(claims, claimed, range) && tryClaim(claims, range, directory)) {
        return { inside: 0, outside: first, size: RANGE_IDS };
      }
    }
  } catch (error) {
    throw new WardenError('START_FAILED', `cannot claim ids for the container in ${claims}: ${reason(error)}`, { cause: error });
  }
  throw new WardenError('START_FAILED', `all ${RANGES_MAX} ranges of ids are taken by containers (${claims}); destroy some of them`);
}

type Claims = ReadonlyMap<number, readonly string[]>;

/** The names of the claims of each range. */
function claimsIn(claims: string): Claims {
  const byRange = new Map<number, string[]>();
  for (const name of readdirSync(claims)) {
    const range = Number.parseInt(name), names = byRange.get(range);
    if (names) names.push(name);
    else byRange.set(range, [name]);
  }
  return byRange;
}

/** Removes the void claims of the range. */
function isUnclaimed(claims: string, claimed: Claims, range: number): boolean {
  return (claimed.get(range) ?? []).every((name) => {
    const directory = ifReadable(() => readlinkSync(join(claims, name)));
    if (directory !== undefined && existsSync(directory)) return false;
    unlessMissing(() => unlinkSync(join(claims, name)));
    return true;
  });
}

/** Of two that claim the same range at the same time each sees the other's claim, or the later one does, and withdraws. */
function tryClaim(claims: string, range: number, directory: string): boolean {
  const name = `${range}.${process.pid}-${process.hrtime.bigint()}-${counter++}`;
  symlinkSync(directory, join(claims, name));
  const others = new Map([[range, (claimsIn(claims).get(range) ?? []).filter((each) => each !== name)]]);
  if (isUnclaimed(claims, others, range)) return true;
  unlinkSync(join(claims, name));
  return false;
}

/** Gives the container's range back, once its directory is gone. */
export function releaseRange(directory: string, range: IdRange | undefined, claims = CLAIMS): void {
  if (!range || existsSync(directory)) return;
  const number = (range.outside - FIRST_ID) / RANGE_IDS;
  ifReadable(() => isUnclaimed(claims, claimsIn(claims), number));
}
