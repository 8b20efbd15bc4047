/** Accounts of the host's that belong to programs, not to people: their files and commands name them. passwd(5), group(5) */
import { textOfFile } from '../../base/files.js';

interface SystemUser { readonly name: string; readonly id: number; readonly group: number; readonly home: string; readonly shell: string }

export interface SystemAccounts {
  readonly users: readonly SystemUser[];
  readonly groups: readonly { readonly name: string; readonly id: number; readonly members: readonly string[] }[];
}

/** Debian Policy, "UID and GID classes": up to 999 for the system, 65534 is nobody. */
const SYSTEM_ID_MAX = 999, NOBODY_ID = 65_534;
const NAME = /^[a-z_][a-z0-9_.-]{0,30}$/;

function isSystem(name: string, id: number): boolean { return NAME.test(name) && ((id > 0 && id <= SYSTEM_ID_MAX) || id === NOBODY_ID); }

function rows(text: string, fields: number): string[][] {
  return text.split('\n').map((line) => line.split(':')).filter((row) => row.length === fields);
}

/** The system's accounts in texts of passwd(5) and group(5). */
function parseSystemAccounts(passwd: string, group: string): SystemAccounts {
  const users = rows(passwd, 7).map(([name, , id, gid, , home, shell]) => (
    { name: name!, id: Number(id), group: Number(gid), home: home!, shell: shell! }
  )).filter(({ name, id }) => isSystem(name, id));
  const groups = rows(group, 4).filter(([name, , id]) => isSystem(name!, Number(id))).map(([name, , id, members]) => (
    { name: name!, id: Number(id), members: members!.split(',').filter((member) => users.some((user) => user.name === member)) }
  ));
  return { users, groups };
}

export function readSystemAccounts(): SystemAccounts {
  const read = (path: string): string => textOfFile(path, 'utf8');
  return parseSystemAccounts(read('/etc/passwd'), read('/etc/group'));
}
