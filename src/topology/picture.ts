/** The content of the picture: a box for each process, a line for everything that flows between two of them. Pure; svg.ts draws it. */
import type { Channel, End, Process, Role, Topology } from './model.js';
import { ROLES } from './model.js';
import { printable } from '../base/escape.js';
import { nameOf, otherEnds, pidsOf, ranges } from './text.js';

export interface Picture {
  readonly title: string;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

export interface Box {
  readonly id: number;
  readonly where: Process['where'];
  readonly program: Process['program'];
  readonly name: string;
  readonly pids: string;
  /** Its job, or its command. */
  readonly about: string;
  /** Descriptors that lead to no other process: listening sockets, files of the memory cgroup. */
  readonly rows: readonly string[];
}

/** The kind of data, which decides the colour. */
export type Matter = 'input' | 'output' | 'status' | 'control';

/** A line between two processes: `above` requests something, `below` does it. */
export interface Line {
  readonly above: number;
  readonly below: number;
  /** Whether data flows towards `above`, and towards `below`. */
  readonly arrives: { readonly above: boolean; readonly below: boolean };
  /** One a channel; none where the one has started the other, and nothing else shows that they belong together. */
  readonly words: readonly { readonly text: string; readonly matter: Matter; readonly channel: string }[];
}

const MATTERS: Partial<Readonly<Record<Role, Matter>>> = {
  'stdin': 'input', 'command-stdin': 'input',
  'stdout': 'output', 'stderr': 'output', 'command-stdout': 'output', 'command-stderr': 'output',
  'job-stdout': 'output', 'job-stderr': 'output', 'stdout-link': 'output', 'stderr-link': 'output',
  'attach': 'output', 'exit-status': 'status', 'request': 'status', 'status-link': 'status', 'start-report': 'status',
};
/** Requesting programs have smaller numbers than those that do the work. */
const HEIGHTS: Readonly<Record<Process['program'], number>> = {
  'server': 0, 'iomux-link': 1, 'oom': 1, 'watcher': 1, 'conmon': 2, 'iomux-spawn': 2, 'wshd': 3, 'wsh': 4, 'command': 5,
};
const ABOUT_COLUMNS = 26;

export function pictureOf(topology: Topology): Picture {
  const byPid = new Map(topology.processes.map((process) => [process.pid, process]));
  const flows = topology.channels.flatMap((channel) => flowsOf(channel, byPid));
  const lines = bundle(flows);
  return { title: printable(topology.container.id), boxes: topology.processes.map(boxOf), lines: [...lines, ...starts(topology, lines)] };
}

function boxOf(process: Process): Box {
  return {
    id: process.pid, where: process.where, program: process.program,
    name: nameOf(process), pids: pidsOf(process), about: aboutOf(process),
    rows: process.descriptors.flatMap(({ fd, role, target, channel }) => {
      if (role.endsWith('-socket')) return [`${fd} ${role === 'request-socket' ? 'wshd.sock' : `${role.replace('-socket', '')}.sock`}`];
      return channel === null && role.startsWith('memory-') ? [`${fd} ${target.startsWith('/') ? ROLES[role] : 'eventfd'}`] : [];
    }),
  };
}

function aboutOf({ program, command, job }: Process): string {
  if (program !== 'command') return job === null ? '' : `job ${printable(job)}`;
  const words = [...printable(command.slice(1).join(' '))];
  return words.length > ABOUT_COLUMNS ? `${words.slice(0, ABOUT_COLUMNS - 1).join('')}…` : words.join('');
}

interface Flow { above: End; below: End; way: Way; channel: Channel }
type Way = 'down' | 'up' | 'both';

/** The flows of a channel, without processes that only inherited it from a parent which has it, too. */
function flowsOf(channel: Channel, byPid: ReadonlyMap<number, Process>): Flow[] {
  const ends = channel.ends.filter((end) => !isHandedDown(channel, end, byPid));
  const pairs = ends.flatMap((end) => otherEnds({ ...channel, ends }, end).map((other) => [end, other] as const));
  const rank = ({ pid }: End): number => HEIGHTS[byPid.get(pid)!.program];
  return pairs.filter(([above, below]) => rank(above) < rank(below) || (rank(above) === rank(below) && above.pid < below.pid))
    .map(([above, below]) => ({ above, below, way: wayOf(channel, above), channel }));
}

function isHandedDown(channel: Channel, end: End, byPid: ReadonlyMap<number, Process>): boolean {
  const parent = byPid.get(end.pid)?.parent;
  return channel.ends.some((other) => other.pid === parent && other.side === end.side && other.socket === end.socket);
}

function wayOf({ kind, role }: Channel, above: End): Way {
  if (kind === 'pipe') return above.side === 'write' ? 'down' : 'up';
  // For a stream over a connection, the role gives the direction.
  if (role === 'stdin') return 'down';
  return role === 'stdout' || role === 'stderr' || role.endsWith('-link') ? 'up' : 'both';
}

function bundle(flows: readonly Flow[]): Line[] {
  const bundles = new Map<string, Flow[]>();
  for (const flow of flows) {
    const key = `${flow.above.pid} ${flow.below.pid}`;
    bundles.set(key, [...bundles.get(key) ?? [], flow]);
  }
  return [...bundles.values()].map((all) => ({
    above: all[0]!.above.pid, below: all[0]!.below.pid,
    arrives: { above: all.some(({ way }) => way !== 'down'), below: all.some(({ way }) => way !== 'up') },
    words: all.sort((a, b) => order(a) - order(b)).map((flow) => (
      { text: wordsOf(flow), matter: MATTERS[flow.channel.role] ?? 'control', channel: flow.channel.id })),
  }));
}

/** In the order of ROLES: stdin, stdout, stderr, status. */
function order({ channel }: Flow): number { return Object.keys(ROLES).indexOf(channel.role); }

const ARROWS: Readonly<Record<Way, string>> = { down: '→', up: '←', both: '⇄' };

/** "stdout 8←0": the descriptor above, the descriptor below. */
function wordsOf({ above, below, way, channel }: Flow): string {
  const role = ROLES[channel.role].replace(/^job's /, '').replace(/ link$/, '');
  return `${role} ${ranges(above.fds)}${ARROWS[way]}${ranges(below.fds)}`;
}

function starts(topology: Topology, lines: readonly Line[]): Line[] {
  const connected = new Set(lines.flatMap(({ above, below }) => [`${above} ${below}`, `${below} ${above}`]));
  return topology.processes.filter(({ pid, parent }) => parent !== null && !connected.has(`${parent} ${pid}`))
    .map(({ pid, parent }) => ({ above: parent!, below: pid, arrives: { above: false, below: false }, words: [] }));
}
