/** Computes a container's topology from a snapshot. Pure: the same snapshot and place give the same topology. */
import { append, byNumber, indexOf, type Index, type RawChannel } from './ends.js';
import { findMembers, type Member, type Members } from './members.js';
import { type Channel, type Descriptor, type End, type Process, type Role, type Topology, VERSION } from './model.js';
import { Roles, watcherRole } from './roles.js';
import { CHANNELS, type ContainerPlace, type Snapshot } from './snapshot.js';

export function topologyOf(snapshot: Snapshot, place: ContainerPlace): Topology {
  const index = indexOf(snapshot);
  const { init, members } = findMembers(index, place);
  const roles = new Roles(index, place, members);
  const shown = new Map([...index.channels.values()].filter((channel) => roles.isShown(channel)).map((channel) => [channel.id, channel]));
  const programs = inOrder(members).filter(({ program }) => program !== 'server');
  const known = new Map(programs.map((member) => [member.process.pid, descriptorsOf(member, index, roles)]));
  const channels = [...shown.values()].map((channel) => {
    const ends = endsOf(channel, roles);
    const role = roles.ofChannel(channel) ?? ownersRole(channel.id, programs, known);
    return describeChannel(channel, role, place, ends, programs);
  });
  const processes = inOrder(members).map((member) => describe(member, members,
    known.get(member.process.pid) ?? serverDescriptors(member, index, new Map(channels.map((channel) => [channel.id, channel.role])))));
  return {
    version: VERSION,
    container: { id: place.id, directory: place.directory, pid: init?.pid ?? null, monitor: place.monitors?.[0]?.pid ?? null },
    processes,
    channels,
  };
}

function describe({ process, program, where, job }: Member, members: Members, descriptors: readonly Descriptor[]): Process {
  return {
    pid: process.pid, parent: members.has(process.parent) ? process.parent : null,
    containerPid: where === 'container' ? process.numbers.at(-1) ?? null : null,
    where, program, job, name: process.name, command: process.command, state: process.state, uid: process.uid,
    threads: process.threads, residentKib: process.residentKib, cpuMs: process.cpuMs,
    descriptors,
  };
}

function descriptorsOf(member: Member, index: Index, roles: Roles): Descriptor[] {
  return byNumber(member.process.descriptors).map((descriptor) => {
    const held = index.channelOf(descriptor);
    const channel = held && roles.isShown(held) ? held : undefined;
    const role = (channel && roles.ofChannel(channel)) ?? roles.ofDescriptor(member, descriptor);
    return { fd: descriptor.fd, access: descriptor.access, role, channel: channel?.id ?? null, target: descriptor.target };
  });
}

/** A server's descriptors that lead to a program, with the program's role for them; and those of a watcher of the memory cgroup. */
function serverDescriptors(member: Member, index: Index, channelRoles: ReadonlyMap<string, Role>): Descriptor[] {
  return byNumber(member.process.descriptors).flatMap((descriptor) => {
    const { fd, access, target } = descriptor;
    const channel = index.channelOf(descriptor)?.id ?? null;
    const role = channel === null ? watcherRole(target) : channelRoles.get(channel);
    return role === undefined ? [] : [{ fd, access, role, channel, target }];
  });
}

function describeChannel(
  channel: RawChannel, role: Role, place: ContainerPlace, ends: readonly End[], programs: readonly Member[],
): Channel {
  const path = channel.sockets.map(({ name }) => name).find((name) => name !== '') ?? null;
  return { id: channel.id, kind: channel.kind, role, path, job: jobOf(channel, place, ends, programs), ends };
}

/** The role of a program's own stdin, stdout or stderr for the program at whose request other processes have it. */
function ownersRole(id: string, programs: readonly Member[], known: ReadonlyMap<number, readonly Descriptor[]>): Role {
  for (const program of ['watcher', 'conmon', 'iomux-link', 'oom', 'iomux-spawn', 'wsh', 'wshd', 'command'] as const) {
    for (const { process } of programs.filter((member) => member.program === program)) {
      const role = known.get(process.pid)?.find(({ channel }) => channel === id)?.role;
      if (role) return role;
    }
  }
  return 'unexplained';
}

/** One end for each process and side, whatever the number of its descriptors. */
function endsOf(channel: RawChannel, roles: Roles): End[] {
  const ends = new Map<string, End & { fds: number[] }>();
  for (const { process, descriptor, side } of roles.endsOf(channel)) {
    const socket = channel.kind === 'connection' ? Number(/\d+/.exec(descriptor.target)![0]) : null;
    const key = `${process.pid} ${side} ${socket}`;
    const known = ends.get(key);
    if (known) known.fds.push(descriptor.fd);
    else ends.set(key, { pid: process.pid, fds: [descriptor.fd], side, socket });
  }
  for (const { fds } of ends.values()) fds.sort((a, b) => a - b);
  return [...ends.values()];
}

function jobOf(channel: RawChannel, place: ContainerPlace, ends: readonly End[], programs: readonly Member[]): string | null {
  const files = channel.sockets.map(({ file }) => file).filter((file) => file !== 0);
  const byFile = place.jobs.find(({ sockets }) => CHANNELS.some((name) => files.includes(sockets[name])));
  if (byFile) return byFile.id;
  const jobs = new Set(programs.filter(({ process }) => ends.some(({ pid }) => pid === process.pid)).map(({ job }) => job));
  jobs.delete(null);
  return jobs.size === 1 ? [...jobs][0]! : null;
}

/** Each process after its parent, as pstree(1) orders them; the host's before the container's. */
function inOrder(members: Members): Member[] {
  const all = [...members.values()].sort((a, b) => a.process.pid - b.process.pid);
  const children = new Map<number, Member[]>();
  for (const member of all) append(children, member.process.parent, member);
  const roots = all.filter(({ process }) => !members.has(process.parent));
  const waiting = (['container', 'host'] as const).flatMap((where) => roots.filter((root) => root.where === where).reverse());
  const order: Member[] = [];
  for (let member = waiting.pop(); member; member = waiting.pop()) {
    order.push(member);
    for (const child of [...children.get(member.process.pid) ?? []].reverse()) waiting.push(child);
  }
  return order;
}
