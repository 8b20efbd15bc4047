/** Monitors on a stage: each with a bundle, a runtime that is a script, the caller's pipes, and clients of its attach socket. */
import { FileType, READ, WRITE, HANGUP } from '../../boundary/constants.js';
import { RegularFile } from '../kernel/files.js';
import type { Actor } from '../kernel/kernel.js';
import { lookUp } from '../kernel/mounts/mounts.js';
import { type FileDescription, NullDevice, WOULD_BLOCK } from '../kernel/open-file.js';
import type { Process } from '../kernel/process.js';
import { DatagramFile, Socket, SocketFile } from '../kernel/socket.js';
import { pattern } from '../script/pattern.js';
import type { RunningProgram } from '../world/program.js';
import type { World } from '../world/world.js';
import type { AttachPlan, ControlPlan, MonitorPlan } from './scenario.js';

/** The journal wants an id of more than twelve characters. */
export const CONTAINER_ID = 'one-of-the-monitored';
const JOURNAL = '/run/systemd/journal/socket';
/** Every process of a world has a pid below this one. */
const PIDS = 300;

const FIRST_PIPE = 3;
const PACKET_BYTES_MAX = 8193, INPUT_BYTES = 32_768;
const scratch = new Uint8Array(65_536);
const OPEN_BOTH = 3;

/** What the monitor reports on the sync pipe, and the other end of the start pipe. */
class MonitorCaller implements Actor {
  readonly messages: string[] = [];
  constructor(private readonly world: World, private readonly sync: Socket, readonly start: Socket | undefined) {
    sync.hold();
    start?.hold();
    world.add(this);
  }

  ready(): boolean { return this.sync.queue.length > 0; }
  wakesAt(): number { return Infinity; }

  step(): void {
    const got = this.sync.read(scratch);
    if (got > 0) this.messages.push(new TextDecoder().decode(scratch.subarray(0, got)));
  }

  close(): void {
    this.world.remove(this);
    this.sync.drop();
    this.start?.drop();
  }
}

/** A client of the attach socket: the bytes of each stream that came, in packets. */
export class AttachClient implements Actor {
  /** By the number of the stream in a packet, 2 and 3. */
  readonly streams: Record<number, number[]> = { 2: [], 3: [] };
  badPackets = 0;
  ended = false;
  reads: boolean;
  private left: Uint8Array;
  private closed = false;

  constructor(private readonly world: World, private readonly socket: Socket, readonly plan: AttachPlan) {
    socket.hold();
    socket.nonblocking = true;
    this.left = pattern(0, 0, plan.sends);
    this.reads = plan.reads === 'eager';
    world.add(this);
  }

  ready(): boolean {
    if (this.ended || this.closed) return false;
    const events = this.socket.poll();
    return (this.left.length > 0 && (events & WRITE) !== 0) || (this.reads && (events & (READ | HANGUP)) !== 0);
  }

  wakesAt(): number { return Infinity; }

  step(): void {
    if (this.left.length > 0 && (this.socket.poll() & WRITE) !== 0) return this.send();
    const got = this.socket.read(scratch);
    if (got === WOULD_BLOCK) return;
    if (got <= 0) return this.end();
    const stream = this.streams[scratch[0]!];
    if (!stream || got > PACKET_BYTES_MAX) this.badPackets++;
    else for (const byte of scratch.subarray(1, got)) stream.push(byte);
  }

  private send(): void {
    const sent = this.socket.write(this.left.subarray(0, Math.min(INPUT_BYTES, this.left.length)));
    if (sent === WOULD_BLOCK) return;
    this.left = sent < 0 ? new Uint8Array(0) : this.left.subarray(sent);
    if (this.left.length === 0 && this.plan.closes) this.socket.shutDown();
  }

  private end(): void { this.ended = true; }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.world.remove(this);
    this.socket.drop();
  }
}

/** systemd's journal, or a service manager: the messages that came. */
class Journal implements Actor {
  readonly messages: string[] = [];
  private readonly file = new DatagramFile();

  constructor(private readonly world: World, path: string) {
    world.files.put(path, this.file);
    world.add(this);
  }

  ready(): boolean { return this.file.ends.some((end) => end.queue.length > 0); }
  wakesAt(): number { return Infinity; }

  step(): void {
    for (const end of this.file.ends) {
      if (end.queue.length === 0) continue;
      const got = end.read(scratch);
      if (got > 0) this.messages.push(new TextDecoder('latin1').decode(scratch.subarray(0, got)));
    }
  }

  close(): void {
    this.world.remove(this);
    for (const end of this.file.ends) end.drop();
  }
}

export interface StagedMonitor {
  readonly plan: MonitorPlan;
  readonly index: number;
  readonly program: RunningProgram;
  readonly directory: string;
  readonly caller: MonitorCaller;
  readonly journal: Journal | undefined;
  readonly manager: Journal | undefined;
  readonly clients: AttachClient[];
}

export class Monitors {
  readonly all: StagedMonitor[] = [];

  constructor(private readonly world: World) {}

  /** The process that goes on: the daemon, or the first process with --sync. */
  daemonOf({ directory }: StagedMonitor): Process | undefined {
    const mine = this.world.processes.filter(({ program, argv }) => program === 'monitor' && argv.includes(`${directory}/bundle`));
    return mine.find(({ argv }) => argv[1] === '--daemon-stage') ?? mine.find(({ argv }) => argv.includes('--sync'));
  }

  start(plan: MonitorPlan): void {
    const { world } = this, index = this.all.length, directory = `/m${index}`;
    const journal = plan.options.includes('journald') ? new Journal(world, JOURNAL) : undefined;
    const notified = plan.options.indexOf('--sdnotify-socket'), manager = notified < 0 ? undefined : new Journal(world, plan.options[notified + 1]!);
    this.stageFiles(plan, directory);
    const [sync, theirSync] = Socket.pair(true), [start, theirStart] = Socket.pair(true);
    const first = FIRST_PIPE + (plan.preserves ?? 0), preserve = plan.preserves === undefined ? [] : ['--preserve-fds', String(plan.preserves)];
    const descriptors = descriptorsOf(plan, first, theirSync, theirStart);
    const program = world.start([
      '/usr/bin/monitor', '--api-version', '1', '-c', CONTAINER_ID, '-u', CONTAINER_ID, '-r', `${directory}/runtime`, '-b', `${directory}/bundle`,
      '-p', `${directory}/pid`, `--conmon-pidfile=${directory}/monitor-pid`, '--exit-dir', `${directory}/exit`,
      '--persist-dir', `${directory}/persist`, ...plan.options, ...preserve.flatMap((word) => ['--runtime-opt', word]),
      ...plan.bare ? [] : ['--exit-command', `${directory}/exited`, '--exit-command-arg', 'cleanup'],
      ...plan.options.includes('-l') ? [] : ['-l', `k8s-file:${directory}/log`],
    ], { env: ['PATH=/bin', ...environmentOf(first, descriptors)], descriptors });
    const caller = new MonitorCaller(world, sync, start);
    // Written before it is read: a byte for the first process, and one for the command.
    for (let fd = first + 1; descriptors.has(fd); fd++) start.write(new Uint8Array(1));
    this.all.push({ plan, index, program, directory, caller, journal, manager, clients: [] });
  }

  /** The bundle, the runtime that the monitor starts, and the command that it starts at the end. */
  private stageFiles({ command, options, outOfMemory, refuses, runtime = [] }: MonitorPlan, directory: string): void {
    const { files } = this.world;
    if (!('script' in command.run)) throw new Error('a monitored command is a script');
    for (const name of ['bundle', 'bundle/notify', 'exit', 'persist', 'sockets']) files.directory(`${directory}/${name}`);
    if (options.includes('passthrough')) files.write('/proc/self/fd/0', '');
    if (outOfMemory) this.stageMemory();
    const container = `container {\n${command.run.script.join('\n')}\n}`;
    files.script(`${directory}/runtime`, [...refuses ? [] : [container], ...runtime].join('\n'));
    files.script(`${directory}/exited`, 'exit 0');
  }

  /** Each process is in one control group, which has run out of memory. */
  private stageMemory(): void {
    const { files } = this.world;
    for (let pid = 1; pid < PIDS; pid++) files.write(`/proc/${pid}/cgroup`, '2:pids:/one\n1:memory:/one\n0::/\n');
    files.write('/sys/fs/cgroup/memory/one/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n');
  }

  attach(plan: AttachPlan): void {
    const monitor = this.all[plan.monitor]!, place = lookUp(this.world.view, `${monitor.directory}/bundle/attach`);
    if (typeof place === 'number' || !(place.node instanceof SocketFile)) return;
    const socket = place.node.listener.connect({ pidIn: () => 0 }, true);
    if (socket instanceof Socket) monitor.clients.push(new AttachClient(this.world, socket, plan));
  }

  control(plan: ControlPlan): void {
    if (plan.fifo === 'notify') return this.notify(plan);
    const place = lookUp(this.world.view, `${this.all[plan.monitor]!.directory}/bundle/${plan.fifo}`);
    if (typeof place === 'number' || place.node.kind !== FileType.PIPE) return;
    const fifo = place.node.open(OPEN_BOTH);
    if (typeof fifo === 'number') return;
    fifo.hold();
    fifo.nonblocking = true;
    fifo.write(new TextEncoder().encode(plan.text));
    fifo.drop();
  }

  private notify({ monitor, text }: ControlPlan): void {
    const place = lookUp(this.world.view, `${this.all[monitor]!.directory}/bundle/notify/notify.sock`);
    if (typeof place === 'number' || !(place.node instanceof DatagramFile)) return;
    const sender = place.node.connect();
    sender.hold();
    sender.write(new TextEncoder().encode(text));
    sender.drop();
  }

  /** Clients that read late do so now; those that never read go. */
  release(): void {
    for (const client of this.all.flatMap(({ clients }) => clients)) {
      if (client.plan.reads === 'never') client.close();
      else client.reads = true;
    }
  }

  clear(): void {
    for (const { caller, clients, journal, manager } of this.all) {
      caller.close();
      journal?.close();
      manager?.close();
      for (const client of clients) client.close();
    }
  }

  /** The file's text; undefined where there is none. */
  fileOf(monitor: StagedMonitor, name: string): Uint8Array | undefined {
    const place = lookUp(this.world.view, `${monitor.directory}/${name}`);
    return typeof place !== 'number' && place.node instanceof RegularFile ? place.node.bytes : undefined;
  }
}

function environmentOf(first: number, descriptors: ReadonlyMap<number, FileDescription>): string[] {
  return ['SYNC', 'START', 'ATTACH'].map((name, index) => ({ name, fd: first + index })).filter(({ fd }) => descriptors.has(fd))
    .map(({ name, fd }) => `_OCI_${name}PIPE=${fd}`);
}

/** What the monitor is started with: descriptors for the container, then the pipes to its caller. */
function descriptorsOf(
  { options, startPipe }: MonitorPlan, first: number, sync: FileDescription, start: FileDescription,
): Map<number, FileDescription> {
  const descriptors = new Map<number, FileDescription>(), isExec = options.includes('--exec-attach');
  for (let fd = FIRST_PIPE; fd < first; fd++) descriptors.set(fd, new NullDevice(true, true));
  descriptors.set(first, sync);
  if (startPipe || isExec) descriptors.set(first + 1, start);
  if (isExec) descriptors.set(first + 2, sync);
  return descriptors;
}
