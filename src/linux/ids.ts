/** The ids of a container in a user namespace of its own, and etc/ids, which has them for the hooks. user_namespaces(7) */

/** Ids from `inside` on are, on the host, those from `outside` on. */
export interface IdRange { readonly inside: number; readonly outside: number; readonly size: number }

/** Who gives the ids to the namespace. The numbers are those of shim/hooks/ids.h. */
export const ID_METHODS = { write: 1, single: 2, tools: 3 } as const;

export interface Ids {
  /**
   * `write`: the kernel takes them from us, root of the host; `single`: it takes one id of an ordinary user's, and denies setgroups(2);
   * `tools`: newuidmap(1) and newgidmap(1) give an ordinary user those of /etc/subuid and /etc/subgid.
   */
  readonly method: keyof typeof ID_METHODS;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

function mapText(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, size }) => `${inside} ${outside} ${size}\n`).join('');
}

/** The bytes of etc/ids. */
export function formatIds({ method, uids, gids }: Ids): Buffer {
  return Buffer.from([String(ID_METHODS[method]), mapText(uids), mapText(gids)].map((field) => `${field}\0`).join(''));
}

/** The id inside of what is `outside` on the host; undefined when the container has no such id. */
export function idInside(outside: number, ranges: readonly IdRange[]): number | undefined {
  const range = ranges.find((each) => each.outside <= outside && outside < each.outside + each.size);
  return range && range.inside + outside - range.outside;
}

/** The ranges in a text of /proc/PID/uid_map; an id that is in none is undefined inside. */
export function parseMap(text: string): IdRange[] {
  return text.split('\n').flatMap((line): IdRange[] => {
    const [inside, outside, size] = line.trim().split(/\s+/).map(Number);
    return size === undefined ? [] : [{ inside: inside!, outside: outside!, size }];
  });
}
