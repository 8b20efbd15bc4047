/** A snapshot by channels: which process has which end of each pipe, socket and pty. */
import type { ChannelKind, Side } from './model.js';
import type { DescriptorInfo, ProcessInfo, Snapshot, SocketInfo } from './snapshot.js';

export interface RawEnd {
  readonly process: ProcessInfo;
  readonly descriptor: DescriptorInfo;
  readonly side: Side;
}

export interface RawChannel {
  readonly id: string;
  readonly kind: ChannelKind;
  /** The listening socket; or the two sockets of a connection. */
  readonly sockets: readonly SocketInfo[];
  readonly ends: RawEnd[];
}

export interface Index {
  readonly byPid: ReadonlyMap<number, ProcessInfo>;
  readonly children: ReadonlyMap<number, readonly ProcessInfo[]>;
  readonly channels: ReadonlyMap<string, RawChannel>;
  /** The channel that a descriptor is an end of. */
  channelOf(descriptor: DescriptorInfo): RawChannel | undefined;
}

export function indexOf(snapshot: Snapshot): Index {
  const byPid = new Map(snapshot.processes.map((process) => [process.pid, process]));
  const children = new Map<number, ProcessInfo[]>();
  for (const process of snapshot.processes) append(children, process.parent, process);
  const channels = new Map<string, RawChannel>();
  const of = new Map<DescriptorInfo, RawChannel>();
  const sockets = new Map(snapshot.sockets.map((socket) => [socket.inode, socket]));
  const terminals = terminalsOf(snapshot);
  for (const process of snapshot.processes) {
    for (const descriptor of process.descriptors) {
      const place = placeOf(descriptor, sockets, terminals);
      if (!place) continue;
      const known = channels.get(place.id) ?? { id: place.id, kind: place.kind, sockets: place.sockets, ends: [] };
      channels.set(place.id, known);
      known.ends.push({ process, descriptor, side: place.side });
      of.set(descriptor, known);
    }
  }
  return { byPid, children, channels, channelOf: (descriptor) => of.get(descriptor) };
}

/** Sorted by number: the kernel lists descriptors in order, other sources of a snapshot need not. */
export function byNumber(descriptors: readonly DescriptorInfo[]): DescriptorInfo[] { return [...descriptors].sort((a, b) => a.fd - b.fd); }

export function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

interface EndPlace { id: string; kind: ChannelKind; sockets: readonly SocketInfo[]; side: Side }

function placeOf(descriptor: DescriptorInfo, sockets: ReadonlyMap<number, SocketInfo>, terminals: Terminals): EndPlace | undefined {
  const { target, access, terminal } = descriptor;
  if (target.startsWith('pipe:')) return { id: target, kind: 'pipe', sockets: [], side: access === 'read' ? 'read' : 'write' };
  const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
  if (inode !== undefined) return socketPlace(sockets.get(Number(inode)), sockets);
  if (terminal === undefined) return undefined;
  const side = isMaster(descriptor) ? 'master' : 'slave';
  return { id: `pty:${side === 'slave' ? exact(descriptor) : slaveOf(descriptor, terminals)}`, kind: 'pty', sockets: [], side };
}

function socketPlace(socket: SocketInfo | undefined, sockets: ReadonlyMap<number, SocketInfo>): EndPlace | undefined {
  // A socket of another family, or made after the sockets were listed.
  if (!socket) return undefined;
  if (socket.listens) return { id: `socket:[${socket.inode}]`, kind: 'listener', sockets: [socket], side: 'listen' };
  const peer = sockets.get(socket.peer);
  const both = peer ? [socket, peer].sort((a, b) => a.inode - b.inode) : [socket];
  // The accepting side has the listener's name, the connecting one usually none. For a socket pair the choice does not matter.
  const side = socket.name !== '' ? 'accepted' : 'connected';
  return { id: both.map(({ inode }) => `socket:[${inode}]`).join('-'), kind: 'connection', sockets: both, side };
}

/** Open slaves by number and file system; `claimed`: those whose master was opened in the same file system. */
interface Terminals { slaves: readonly string[]; claimed: ReadonlySet<string> }

function terminalsOf(snapshot: Snapshot): Terminals {
  const all = snapshot.processes.flatMap(({ descriptors }) => descriptors).filter(({ terminal }) => terminal !== undefined);
  const slaves = new Set(all.filter((descriptor) => !isMaster(descriptor)).map(exact));
  return { slaves: [...slaves], claimed: new Set(all.filter(isMaster).map(exact)) };
}

function isMaster({ target }: DescriptorInfo): boolean { return target.endsWith('ptmx'); }
function exact({ terminal, device }: DescriptorInfo): string { return `${terminal}@${device}`; }

/**
 * A master opened in a devpts has that file system's device, as its slaves have. A master opened by a /dev/ptmx elsewhere, as on most
 * hosts, does not show its devpts: it gets the only slave with its number that no other master claims.
 */
function slaveOf(master: DescriptorInfo, { slaves, claimed }: Terminals): string {
  if (slaves.includes(exact(master))) return exact(master);
  const others = slaves.filter((slave) => slave.startsWith(`${master.terminal}@`) && !claimed.has(slave));
  return others.length === 1 ? others[0]! : exact(master);
}
