/** What /proc would show of a simulated machine: the snapshot that a topology is made of, and where its containers are. */
import type { CallEvent } from '../../sim/kernel/events.js';
import type { Kernel } from '../../sim/kernel/kernel.js';
import type { FileDescription } from '../../sim/kernel/open-file.js';
import { type Pipe, PipeEnd } from '../../sim/kernel/pipe.js';
import type { Process } from '../../sim/kernel/process.js';
import { Listener, Socket } from '../../sim/kernel/socket.js';
import { PtyMaster, ptyOf } from '../../sim/kernel/tty/pty.js';
import { Guest } from '../../sim/guest/guest.js';
import type {
  Access, ChannelName, ContainerPlace, DescriptorInfo, JobPlace, ProcessInfo, Snapshot, SocketInfo,
} from '../../topology/snapshot.js';
import { CHANNELS } from '../../topology/snapshot.js';

/** The world outside of the machine: who started its programs has the PID of the machine's init; who only connects has none. */
export const CALLER_PID = 1;
const STRANGER_PID = 1_000_000;
/** All terminals are of one file system. */
const DEVPTS = 1;
/** The lowest number of a descriptor outside. */
const FIRST_FD = 3;
/** The path of a job's socket: "/c0/jobs/j0/stdout.sock". */
const JOB_SOCKET = /([^/]+)\/jobs\/([^/]+)\/(stdout|stderr|status)\.sock$/;
const REQUEST_SOCKET = /([^/]+)\/run\/wshd\.sock$/;

/** An end that no process of the machine has. */
interface OutsideEnd { readonly key: string; readonly pid: number; readonly info: Omit<DescriptorInfo, 'fd'> }

export class Machine {
  private readonly ids = new WeakMap<object, number>();
  private lastId = 0;
  /** The listener of each connection that was accepted, and each listener's path. */
  private readonly accepted = new WeakMap<Socket, Listener>();
  private readonly paths = new Map<Listener, string>();
  private outsideFds = new Map<string, number>();

  constructor(private readonly kernel: Kernel) {}

  private id(object: object): number {
    let id = this.ids.get(object);
    if (id === undefined) this.ids.set(object, id = ++this.lastId);
    return id;
  }

  /** Keeps what no table shows later: the paths of sockets. */
  note({ process, name, args, result }: CallEvent): void {
    const { runner } = process;
    if (result < 0 || !(runner instanceof Guest)) return;
    const made = runner.handles.description(result);
    if ((name === 'listen' || name === 'listenPackets') && made instanceof Listener) this.paths.set(made, runner.string(args[0]!) ?? '');
    if (name !== 'accept' || !(made instanceof Socket)) return;
    const listener = runner.handles.description(args[0]!);
    if (listener instanceof Listener) this.accepted.set(made, listener);
  }

  /** The channel that a description is an end of, by the id that the topology gives it. */
  channelOf(end: FileDescription): string | undefined {
    if (end instanceof PipeEnd) return `pipe:[${this.id(end.pipe)}]`;
    if (end instanceof Listener) return `socket:[${this.id(end)}]`;
    if (end instanceof Socket) return this.sockets(end).map((socket) => `socket:[${this.id(socket)}]`).join('-');
    const pty = ptyOf(end);
    return pty && `pty:${this.id(pty)}@${DEVPTS}`;
  }

  /** The ends of a connection that are open, the one with the lower number first. */
  private sockets(socket: Socket): Socket[] {
    const both = socket.peer && !socket.peer.closed ? [socket, socket.peer] : [socket];
    return both.sort((a, b) => this.id(a) - this.id(b));
  }

  /** Bytes in the channel that nobody has read yet, in all directions. */
  fillOf(end: FileDescription): number {
    if (end instanceof PipeEnd) return end.pipe.length;
    if (end instanceof Socket) return this.sockets(end).reduce((sum, socket) => sum + socket.pending(), 0);
    return 0;
  }

  /** A number that is another one when processes, or what they hold, have changed. */
  fingerprint(): number {
    let hash = 17;
    const mix = (number: number): void => { hash = Math.imul(hash ^ number, 0x9e3779b1) ^ (hash >>> 15); };
    for (const process of this.kernel.processes) {
      mix(process.pid);
      mix((process.ended ? 2 : 0) + (process.stopped ? 1 : 0) + process.title.length * 4 + (process.parent?.pid ?? 0) * 256);
      for (const [fd, description] of process.descriptors) {
        mix(fd);
        mix(this.id(description));
        if (description instanceof PipeEnd) mix(description.pipe.readers * 64 + description.pipe.writers);
        if (description instanceof Listener) mix(description.waiting.length);
        if (description instanceof Socket) mix(description.peer?.closed === false ? 1 : 0);
      }
    }
    return hash;
  }

  snapshot(): Snapshot {
    const { processes } = this.kernel, held = new Set<FileDescription>(), sockets = new Set<Socket | Listener>();
    for (const process of processes) for (const [, description] of process.descriptors) held.add(description);
    const infos = processes.map((process) => this.processInfo(process));
    for (const description of held) {
      if (description instanceof Socket || description instanceof Listener) sockets.add(description);
      if (description instanceof Listener) this.addWaiting(description, sockets);
    }
    const outside = this.outside(held), own = outside.map(({ info }) => info.target);
    const infosOfSockets = [...sockets].map((socket) => this.socketInfo(socket));
    for (const description of held) {
      const peer = description instanceof Socket ? description.peer : undefined;
      if (peer && !peer.closed && own.includes(`socket:[${this.id(peer)}]`)) infosOfSockets.push(this.socketInfo(peer));
    }
    return { processes: [...infos, ...this.outsiders(outside)], sockets: infosOfSockets };
  }

  /** Connections that are not accepted yet. */
  private addWaiting(listener: Listener, sockets: Set<Socket | Listener>): void {
    for (const socket of listener.waiting) {
      sockets.add(socket);
      this.accepted.set(socket, listener);
    }
  }

  private processInfo(process: Process): ProcessInfo {
    return {
      pid: process.pid, parent: process.parent?.pid ?? 0, numbers: process.pids,
      pidNamespace: process.ended ? 0 : this.id(process.namespace),
      memoryGroup: '', directory: '', name: process.title, command: process.argv, state: stateOf(process), uid: process.uid,
      threads: 1, residentKib: 0, cpuMs: 0,
      descriptors: [...process.descriptors].flatMap(([fd, description]) => [
        { fd, ...this.descriptorInfo(description) },
        // A connection that is not accepted yet has its other end with who listens.
        ...description instanceof Listener ? description.waiting.map((socket) => ({ fd, ...this.descriptorInfo(socket) })) : [],
      ]),
    };
  }

  private descriptorInfo(description: FileDescription): Omit<DescriptorInfo, 'fd'> {
    const access = accessOf(description);
    const pty = ptyOf(description);
    if (pty) {
      const number = this.id(pty);
      return { target: description instanceof PtyMaster ? '/dev/ptmx' : `/dev/pts/${number}`, access, terminal: number, device: DEVPTS };
    }
    if (description instanceof PipeEnd) return { target: `pipe:[${this.id(description.pipe)}]`, access };
    if (description instanceof Socket || description instanceof Listener) return { target: `socket:[${this.id(description)}]`, access };
    return { target: description.node ? '/file' : 'anon_inode:[other]', access };
  }

  private socketInfo(socket: Socket | Listener): SocketInfo {
    const inode = this.id(socket);
    if (socket instanceof Listener) return { inode, peer: 0, listens: true, name: this.paths.get(socket) ?? '', file: inode };
    const peer = socket.peer && !socket.peer.closed ? this.id(socket.peer) : 0, listener = this.accepted.get(socket);
    return { inode, peer, listens: false, name: (listener && this.paths.get(listener)) ?? '', file: listener ? this.id(listener) : 0 };
  }

  /** The ends that neither a process nor a message on its way has. */
  private outside(held: ReadonlySet<FileDescription>): OutsideEnd[] {
    const listeners = [...held].filter((description) => description instanceof Listener);
    const known = new Set([...held, ...this.travelling(held)]), waiting = new Set(listeners.flatMap((listener) => [...listener.waiting]));
    const ends: OutsideEnd[] = [], pipes = new Set<Pipe>();
    for (const description of known) {
      if (description instanceof PipeEnd) pipes.add(description.pipe);
      const peer = description instanceof Socket ? description.peer : undefined;
      if (!peer || peer.closed || known.has(peer) || waiting.has(peer)) continue;
      const pid = this.accepted.has(description as Socket) ? STRANGER_PID : CALLER_PID;
      ends.push({ key: `socket ${this.id(peer)}`, pid, info: { target: `socket:[${this.id(peer)}]`, access: 'both' } });
    }
    for (const pipe of pipes) ends.push(...this.outsideOfPipe(pipe, known));
    return [...ends, ...this.outsideTerminals(known)];
  }

  /** Descriptors in messages that are not received yet. */
  private travelling(held: ReadonlySet<FileDescription>): FileDescription[] {
    const sockets = [...held].flatMap((description) => (description instanceof Socket ? [...this.sockets(description)] : []));
    return sockets.flatMap(({ queue }) => queue.flatMap(({ rights }) => rights));
  }

  private outsideOfPipe(pipe: Pipe, known: ReadonlySet<FileDescription>): OutsideEnd[] {
    const inside = [...known].filter((end) => end instanceof PipeEnd && end.pipe === pipe), target = `pipe:[${this.id(pipe)}]`;
    const readers = inside.filter((end) => end.canRead).length, writers = inside.length - readers;
    const end = (access: Access): OutsideEnd => ({ key: `${access} ${target}`, pid: CALLER_PID, info: { target, access } });
    return [...pipe.readers > readers ? [end('read')] : [], ...pipe.writers > writers ? [end('write')] : []];
  }

  private outsideTerminals(known: ReadonlySet<FileDescription>): OutsideEnd[] {
    const ptys = new Set([...known].flatMap((description) => ptyOf(description) ?? []));
    return [...ptys].flatMap((pty): OutsideEnd[] => {
      const hasMaster = [...known].some((description) => description instanceof PtyMaster && ptyOf(description) === pty);
      if (pty.masters === 0 || hasMaster) return [];
      return [{ key: `master ${this.id(pty)}`, pid: CALLER_PID, info: { target: '/dev/ptmx', access: 'both', terminal: this.id(pty), device: DEVPTS } }];
    });
  }

  /** The world outside as processes, so that the picture has a box for whoever is at the other end. */
  private outsiders(ends: readonly OutsideEnd[]): ProcessInfo[] {
    const fds = new Map<string, number>(), taken = new Set<number>();
    for (const { key } of ends) {
      const fd = this.outsideFds.get(key);
      if (fd !== undefined) taken.add(fd);
    }
    for (const { key } of ends) {
      let fd = this.outsideFds.get(key) ?? FIRST_FD;
      if (!this.outsideFds.has(key)) while (taken.has(fd)) fd++;
      taken.add(fd);
      fds.set(key, fd);
    }
    this.outsideFds = fds;
    return ([[CALLER_PID, 'caller'], [STRANGER_PID, 'stranger']] as const).flatMap(([pid, name]) => {
      const own = ends.filter((end) => end.pid === pid).map(({ key, info }) => ({ fd: fds.get(key)!, ...info }));
      return own.length === 0 && pid === STRANGER_PID ? [] : [outsider(pid, name, own)];
    });
  }

  /** Where the containers are: by the paths that their programs listen on. */
  places(): ContainerPlace[] {
    const found = new Map<string, { request: number; jobs: Map<string, JobPlace> }>();
    const of = (id: string): { request: number; jobs: Map<string, JobPlace> } => {
      const known = found.get(id) ?? { request: 0, jobs: new Map() };
      found.set(id, known);
      return known;
    };
    for (const [listener, path] of this.paths) {
      const request = REQUEST_SOCKET.exec(path), job = JOB_SOCKET.exec(path);
      if (request && !listener.closed) of(request[1]!).request = this.id(listener);
      if (job) this.addJob(of(job[1]!).jobs, job[2]!, job[3] as ChannelName, listener);
    }
    return [...found].map(([id, { request, jobs }]) => {
      const init = this.kernel.processes.find(({ argv, isInit, ended }) => isInit && !ended && argv[0] === `wshd: ${id}`);
      return { id, directory: `/${id}`, request, jobs: [...jobs.values()], ...(init ? { init: init.pid } : {}) };
    });
  }

  private addJob(jobs: Map<string, JobPlace>, id: string, channel: ChannelName, listener: Listener): void {
    const { sockets } = jobs.get(id) ?? { sockets: Object.fromEntries(CHANNELS.map((each) => [each, 0])) as Record<ChannelName, number> };
    jobs.set(id, { id, sockets: { ...sockets, [channel]: this.id(listener) } });
  }
}

function outsider(pid: number, name: string, descriptors: readonly DescriptorInfo[]): ProcessInfo {
  return {
    pid, parent: 0, numbers: [pid], pidNamespace: 0, memoryGroup: '', directory: '', name, command: [name], state: 'S', uid: 0,
    threads: 1, residentKib: 0, cpuMs: 0, descriptors,
  };
}

function stateOf({ ended, stopped }: Process): string {
  if (ended) return 'Z';
  return stopped ? 'T' : 'S';
}

function accessOf({ canRead, canWrite }: FileDescription): Access {
  if (canRead && canWrite) return 'both';
  return canRead ? 'read' : 'write';
}
