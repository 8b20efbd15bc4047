/** The containers whose monitor is conmon, ours or the original, by their monitors' command lines. conmon(8) */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ifReadable } from '../base/errors.js';
import type { ContainerPlace, ProcessInfo, Snapshot } from './snapshot.js';

/** A monitor as its caller has started it. */
export interface MonitorCommand {
  readonly pid: number;
  readonly id: string;
  /** podman's name of the container, '' without one. */
  readonly name: string;
  readonly bundle: string;
  readonly pidFile: string;
  /** null for the container's own monitor. */
  readonly session: string | null;
}

/** Options whose next argument is somebody else's option. */
const HANDED_ON = new Set(['--exit-command-arg', '--runtime-arg', '--runtime-opt']);

/** All monitors of the snapshot, each container's own before those of commands in it. Pure. */
export function monitorsIn({ processes }: Snapshot): MonitorCommand[] {
  const found = processes.flatMap((process) => monitorOf(process) ?? []);
  return [...found.filter(({ session }) => session === null), ...found.filter(({ session }) => session !== null)];
}

/** Any process can call itself conmon: only those of our own pid namespace count. */
function monitorOf({ pid, name, numbers, command }: ProcessInfo): MonitorCommand | undefined {
  if (numbers.length > 1 || (name !== 'conmon' && !/(?:^|\/)conmon$/.test(command[0] ?? ''))) return undefined;
  const words = command.filter((_word, at) => !HANDED_ON.has(command[at - 1] ?? ''));
  const value = (short: string, long: string): string => {
    const at = words.findIndex((word) => word === `-${short}` || word === `--${long}`);
    return (at < 0 ? words.find((word) => word.startsWith(`--${long}=`))?.slice(long.length + 3) : words[at + 1]) ?? '';
  };
  const id = value('c', 'cid'), bundle = value('b', 'bundle');
  if (id === '' || bundle === '') return undefined;
  const isExec = words.some((word) => word === '-e' || word === '--exec' || word.startsWith('--exec-'));
  return { pid, id, name: value('n', 'name'), bundle, pidFile: value('p', 'container-pidfile'), session: isExec ? value('u', 'cuuid') : null };
}

/** Where each of these containers is, with what its bundle and its pid file say. A container whose monitor has gone is not found. */
export function locateMonitored(snapshot: Snapshot): (ContainerPlace & { readonly name: string })[] {
  const all = monitorsIn(snapshot);
  return all.filter(({ session }) => session === null).map(({ id, name, bundle, pidFile, pid }) => {
    const init = firstProcess(snapshot, pid, pidFile);
    return {
      id, name, directory: bundle, request: 0, jobs: [],
      ...(init === undefined ? {} : { init }),
      monitors: all.filter((monitor) => monitor.id === id).map((monitor) => ({
        pid: monitor.pid, session: monitor.session, attach: ifReadable(() => statSync(join(monitor.bundle, 'attach')).ino) ?? 0,
      })),
    };
  });
}

/** The pid in the file, as long as it is a child of the monitor: another process may have got the number. */
function firstProcess({ processes }: Snapshot, monitor: number, pidFile: string): number | undefined {
  const pid = Number(ifReadable(() => readFileSync(pidFile, 'latin1')));
  return processes.find((process) => process.pid === pid && process.parent === monitor && process.state !== 'Z')?.pid;
}
