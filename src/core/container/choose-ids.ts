/** Whose ids a container gets: its own, the user's, or those of the host. docs/decisions/0017-user-namespaces.md */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { ifReadable, WardenError } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { usage } from '../../base/validate.js';
import type { Ids } from '../../linux/ids.js';
import { claimRange, parseSubordinate, RANGE_IDS } from '../depot/id-ranges.js';
import type { UserNamespace } from '../options.js';
import { VCAP_ID } from '../rootfs/etc-files.js';

/** What a user namespace needs of this machine and this process. */
export interface IdFacts {
  readonly uid: number;
  readonly gid: number;
  /** The name in /etc/passwd; undefined without one. */
  readonly userName: string | undefined;
  /** /proc/self/uid_map; '' when it cannot be read. */
  readonly uidMap: string;
  /** /proc/sys/user/max_user_namespaces; undefined without user namespaces. */
  readonly namespacesMax: number | undefined;
  /** Whether this process may make mounts. */
  readonly canMount: boolean;
  /** Settings of distributions that keep user namespaces from ordinary users, as "NAME = VALUE". */
  readonly forbiddenBy: string | undefined;
  readonly subuid: string;
  readonly subgid: string;
  readonly hasTools: boolean;
}

/** Names and values of sysctls that forbid user namespaces to ordinary users. */
const FORBIDDING = [
  ['kernel/unprivileged_userns_clone', '0'], ['kernel/apparmor_restrict_unprivileged_userns', '1'],
] as const;
const TOOLS = ['/usr/bin/newuidmap', '/usr/bin/newgidmap'] as const;

export function readIdFacts(): IdFacts {
  const namespacesMax = textOfFile('/proc/sys/user/max_user_namespaces').trim();
  const forbidden = FORBIDDING.find(([name, value]) => textOfFile(`/proc/sys/${name}`).trim() === value);
  return {
    uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, userName: ifReadable(() => userInfo().username),
    uidMap: textOfFile('/proc/self/uid_map'), namespacesMax: namespacesMax === '' ? undefined : Number(namespacesMax),
    canMount: hasSysAdmin(textOfFile('/proc/self/status')),
    forbiddenBy: forbidden && `${forbidden[0].replace('/', '.')} = ${forbidden[1]}`,
    subuid: textOfFile('/etc/subuid'), subgid: textOfFile('/etc/subgid'), hasTools: TOOLS.every((path) => existsSync(path)),
  };
}

/** CAP_SYS_ADMIN is bit 21 of the effective set. */
function hasSysAdmin(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) >> 21n & 1n) === 1n;
}

/** Why no container can have a user namespace here; undefined where it can. */
export function whyNoNamespace({ namespacesMax, forbiddenBy, uid }: IdFacts): string | undefined {
  if (namespacesMax === undefined) return 'this kernel has no user namespaces (CONFIG_USER_NS)';
  if (namespacesMax === 0) return 'user namespaces are switched off (user.max_user_namespaces = 0)';
  return uid !== 0 && forbiddenBy !== undefined ? `user namespaces are for root alone (${forbiddenBy})` : undefined;
}

/** Why root's containers cannot have ids of their own; undefined where they can, as far as can be told without trying. */
export function whyNoRange(facts: IdFacts): string | undefined {
  const why = whyNoNamespace(facts);
  if (why !== undefined) return why;
  const isHost = /^\s*0\s+0\s+4294967295\s*$/.test(facts.uidMap);
  if (!isHost) return 'this process is in a user namespace itself, which has no ids to give';
  return facts.canMount ? undefined : 'this process may not make mounts (CAP_SYS_ADMIN)';
}

/** The choice, and why it is not what was wished for. */
export interface Choice { readonly ids: Ids | undefined; readonly why?: string }

/** For the container in the directory, which exists. A `range` is claimed, and the caller releases it. */
export function chooseIds(mode: UserNamespace, directory: string, facts = readIdFacts()): Choice {
  if (facts.uid !== 0) return { ids: idsOfUser(facts) };
  if (mode === 'host') return { ids: undefined };
  const why = whyNoRange(facts);
  if (why === undefined) {
    const range = claimRange(directory);
    return { ids: { method: 'write', uids: [range], gids: [range] } };
  }
  if (mode === 'required') throw refusal(why);
  return { ids: undefined, why };
}

/** What `required` says. */
export function refusal(why: string): WardenError {
  return usage(`the container cannot have ids of its own, as userns 'required' asks: ${why}`);
}

/** Whether the text of /proc/PID/uid_map has the id; one that cannot be read says nothing. */
function hasId(map: string, id: number): boolean {
  const rows = map.trim().split('\n').map((row) => row.trim().split(/\s+/).map(Number));
  return map.trim() === '' || rows.some(([first = 0, , size = 0]) => id >= first && id < first + size);
}

/** Throws for a user who can have no containers: an ordinary one, or root of a user namespace with few ids. */
export function checkUser(mode: UserNamespace, facts: IdFacts): void {
  if (facts.uid === 0 && !hasId(facts.uidMap, VCAP_ID)) {
    throw new WardenError('UNSUPPORTED', `this root is of a user namespace that has too few ids for the users of a container (/proc/self/uid_map has no ${VCAP_ID}): `
      + 'make containers outside of it, also as an ordinary user');
  }
  if (facts.uid === 0) return;
  const why = whyNoNamespace(facts);
  if (why !== undefined) throw new WardenError('UNSUPPORTED', `only root can make containers here: ${why}`);
  if (mode === 'host') throw usage('only root can make containers with the host\'s ids: leave out userns');
}

type Subordinate = ReturnType<typeof parseSubordinate>[number];

/** The first range that the user has in a text of /etc/subuid or /etc/subgid. */
function rangeIn(text: string, { uid, userName }: IdFacts): Subordinate | undefined {
  return parseSubordinate(text).find(({ user }) => user === userName || user === String(uid));
}

/** Why an ordinary user's containers have root alone; undefined where they have others. */
export function whyNoOthers(facts: IdFacts): string | undefined {
  if (!facts.hasTools) return `there is no ${TOOLS.join(' and ')}`;
  if (!rangeIn(facts.subuid, facts)) return 'this user has no ids in /etc/subuid';
  return rangeIn(facts.subgid, facts) ? undefined : 'this user has no ids in /etc/subgid';
}

/** Root of the container is the user; others are ids of /etc/subuid, where the user has some and a tool gives them out. */
function idsOfUser(facts: IdFacts): Ids {
  const { uid, gid, subuid, subgid } = facts, users = rangeIn(subuid, facts), groups = rangeIn(subgid, facts);
  const own = { uids: { inside: 0, outside: uid, size: 1 }, gids: { inside: 0, outside: gid, size: 1 } };
  if (whyNoOthers(facts) !== undefined || !users || !groups) return { method: 'single', uids: [own.uids], gids: [own.gids] };
  const others = ({ first, count }: Subordinate): Ids['uids'][number] => ({ inside: 1, outside: first, size: Math.min(count, RANGE_IDS - 1) });
  return { method: 'tools', uids: [own.uids, others(users)], gids: [own.gids, others(groups)] };
}
