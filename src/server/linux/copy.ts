/** CopyIn and CopyOut: rsync over wsh, which speaks as a remote shell. rsync must be in the container's root, too. */
import { join } from 'node:path';
import { programPath } from '../../base/paths.js';
import { command } from './command.js';
import { USER } from './layer.js';

const DEADLINE_MS = 3_600_000;

/** --secluded-args: names travel as they are, whatever the shell on the other side would make of blanks in them. */
function rsync(container: string, from: string, to: string): Promise<unknown> {
  const shell = `${quoted(programPath('wsh'))} --socket ${quoted(join(container, 'run/wshd.sock'))} --rsh`;
  return command('rsync', ['-e', shell, '-r', '-p', '--links', '--secluded-args', '--', from, to], { deadlineMs: DEADLINE_MS });
}

/** rsync splits this text at blanks, and doubles a quote inside of quotes. */
function quoted(path: string): string { return `'${path.replaceAll("'", "''")}'`; }

const inside = (path: string): string => `${USER}@container:${path}`;
/** A name with a colon is a place on another host for rsync, but not behind a slash. */
const onHost = (path: string): string => (path.startsWith('/') ? path : `./${path}`);

export async function copyIn(container: string, source: string, target: string): Promise<void> {
  await rsync(container, onHost(source), inside(target));
}

export async function copyOut(container: string, source: string, target: string, owner: string | undefined): Promise<void> {
  await rsync(container, inside(source), onHost(target));
  if (owner !== undefined) await command('chown', ['-R', '--', owner, target]);
}
