/** The picture of a machine at one moment: the topologies of its containers, and whatever belongs to none. */
import { indexOf, type RawChannel } from '../../topology/ends.js';
import type { Channel, End, Process, Role, Topology } from '../../topology/model.js';
import { type Box, type Line, pictureOf } from '../../topology/picture.js';
import type { ContainerPlace, ProcessInfo, Snapshot } from '../../topology/snapshot.js';
import { topologyOf } from '../../topology/topology.js';

/** How a process is, when it does not just run. */
export type Mark = '' | 'stopped' | 'ended';

export interface Moment {
  readonly boxes: readonly (Box & { readonly mark: Mark })[];
  readonly lines: readonly Line[];
}

export function momentOf(snapshot: Snapshot, places: readonly ContainerPlace[]): Moment {
  const topologies = places.map((place) => topologyOf(snapshot, place));
  const processes = new Map<number, Process>(), channels = new Map<string, Channel>();
  for (const topology of topologies) {
    for (const process of topology.processes) if (isBetter(process, processes.get(process.pid))) processes.set(process.pid, process);
    for (const channel of topology.channels) channels.set(channel.id, channel);
  }
  for (const info of snapshot.processes) if (!processes.has(info.pid)) processes.set(info.pid, strange(info));
  for (const channel of indexOf(snapshot).channels.values()) {
    if (!channels.has(channel.id)) channels.set(channel.id, strangeChannel(channel));
  }
  const states = new Map(snapshot.processes.map(({ pid, state }) => [pid, state]));
  const { boxes, lines } = pictureOf(merged([...processes.values()], [...channels.values()]));
  return { boxes: boxes.map((box) => ({ ...box, mark: markOf(states.get(box.id)) })), lines };
}

/** Of two containers, the one whose program it is says more about a process. */
function isBetter({ program }: Process, known: Process | undefined): boolean {
  return known === undefined || (known.program === 'server' && program !== 'server');
}

function merged(processes: readonly Process[], channels: readonly Channel[]): Topology {
  const known = new Set<number | null>(processes.map(({ pid }) => pid));
  return {
    version: 1, container: { id: '', directory: '', pid: null, monitor: null }, channels,
    processes: processes.map((process) => ({ ...process, parent: known.has(process.parent) ? process.parent : null })),
  };
}

/** A process that belongs to no container: a monitor, say, or a program before the container is there. */
function strange(info: ProcessInfo): Process {
  return {
    pid: info.pid, parent: info.parent, containerPid: info.numbers.length > 1 ? info.numbers.at(-1)! : null,
    where: info.numbers.length > 1 ? 'container' : 'host', program: 'server', job: null, name: info.name, command: info.command, state: info.state,
    uid: info.uid, threads: info.threads, residentKib: info.residentKib, cpuMs: info.cpuMs, descriptors: [],
  };
}

const STDIO: readonly Role[] = ['stdin', 'stdout', 'stderr'];

function strangeChannel(channel: RawChannel): Channel {
  const ends = channel.ends.map(({ process, descriptor, side }): End => (
    { pid: process.pid, fds: [descriptor.fd], side, socket: socketOf(channel, descriptor.target) }
  ));
  // Who was started with it says what it is; the caller's own numbers say nothing.
  const fd = channel.ends.find(({ process, descriptor }) => process.parent !== 0 && descriptor.fd <= 2)?.descriptor.fd;
  const path = channel.sockets.find(({ name }) => name !== '')?.name ?? null;
  return { id: channel.id, kind: channel.kind, role: (fd === undefined ? undefined : STDIO[fd]) ?? 'internal', path, job: null, ends };
}

function socketOf({ kind }: RawChannel, target: string): number | null { return kind === 'connection' ? Number(/\d+/.exec(target)![0]) : null; }

function markOf(state: string | undefined): Mark {
  if (state === 'T') return 'stopped';
  return state === 'Z' ? 'ended' : '';
}
