/** Files of /etc that are made for a container. */
import type { Entry } from './setup-steps.js';
import type { SystemAccounts } from './system-accounts.js';

/** As in the original's containers. */
export const VCAP_ID = 10_001;
export const TTY_GROUP = 5;

/** What a container has of its own in a root directory that is the caller's. */
export const ETC_NAMES = ['hostname', 'hosts', 'resolv.conf'] as const;
export type EtcName = typeof ETC_NAMES[number];

/** hosts(5): the first name on a line is the canonical one, which "hostname -f" prints. */
export function hostsFile(hostname: string): string {
  const short = hostname.split('.')[0]!, names = short === hostname ? hostname : `${hostname} ${short}`;
  return `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${hostname === 'localhost' ? '' : `127.0.0.1 ${names}\n`}`;
}

export function etcFile(name: EtcName, hostname: string, resolvConf: string): string {
  switch (name) {
    case 'hostname': return `${hostname}\n`;
    case 'hosts': return hostsFile(hostname);
    case 'resolv.conf': return resolvConf;
  }
}

/** root, vcap, and the accounts of the host's programs. None has a password, so shadow(5) holds no secret; pam_unix(8) wants it. */
export function accountFiles(shell: string, { users, groups }: SystemAccounts): Entry[] {
  const own = [
    { name: 'root', id: 0, group: 0, home: '/root', shell },
    { name: 'vcap', id: VCAP_ID, group: VCAP_ID, home: '/home/vcap', shell },
  ];
  const ownGroups = [{ name: 'root', id: 0, members: [] }, { name: 'tty', id: TTY_GROUP, members: [] }, { name: 'vcap', id: VCAP_ID, members: [] }];
  const allUsers = [...own, ...withoutSame(users, own)], allGroups = [...ownGroups, ...withoutSame(groups, ownGroups)];
  const file = (path: string, lines: readonly string[], mode = 0o644): Entry => (
    { type: 'file', path, content: lines.map((line) => `${line}\n`).join(''), mode }
  );
  return [
    file('etc/passwd', allUsers.map(({ name, id, group, home, shell: login }) => `${name}:x:${id}:${group}:${name}:${home}:${login}`)),
    file('etc/group', allGroups.map(({ name, id, members }) => `${name}:x:${id}:${members.join(',')}`)),
    file('etc/shadow', allUsers.map(({ name }) => `${name}:*:::::::`), 0o600),
  ];
}

interface Account { readonly name: string; readonly id: number }

function withoutSame<Each extends Account>(all: readonly Each[], own: readonly Account[]): Each[] {
  return all.filter(({ name, id }) => !own.some((each) => each.name === name || each.id === id));
}
