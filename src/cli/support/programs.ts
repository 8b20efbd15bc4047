/** Programs in a container's own root, which are the host's: those that the command's PATH leaves out, and those that are none. */
import { existsSync } from 'node:fs';

/** PATH of users other than root; wshd's. */
const SEARCHED = ['/bin', '/usr/bin'];
/** In the order of Debian's PATH for root. */
const OTHERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/sbin'];

function directoryOf(name: string, directories: readonly string[]): string | undefined {
  return directories.find((directory) => existsSync(`${directory}/${name}`));
}

/** The command, with its program's path where the program is the host's and PATH does not lead to it. */
export function located(command: readonly string[], hasOwnRoot: boolean, hasPath: boolean): readonly string[] {
  const [name = '', ...args] = command;
  if (!hasOwnRoot || hasPath || name === '' || name.includes('/') || directoryOf(name, SEARCHED) !== undefined) return command;
  const directory = directoryOf(name, OTHERS);
  return directory === undefined ? command : [`${directory}/${name}`, ...args];
}

/** Whether the first word can be no program of a container's own root: an image, as podman and docker want one there. */
export function isNoProgram([name = '']: readonly string[]): boolean {
  return name !== '' && !name.startsWith('/') && !name.startsWith('.') && directoryOf(name, [...SEARCHED, ...OTHERS]) === undefined;
}
