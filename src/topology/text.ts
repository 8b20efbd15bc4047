/** The topology as text for a terminal: trees of processes with their descriptors and the processes at the other ends. Pure. */
import type { Formatter } from 'picocolors/types.js';
import { printable } from '../base/escape.js';
import { type Channel, type Descriptor, type End, type Process, ROLES, type Side, type Topology } from './model.js';

export interface Look {
  /** The largest width of a line; Infinity when the output is not a terminal. */
  readonly columns: number;
  readonly colors: Record<'bold' | 'dim' | 'cyan' | 'green' | 'yellow' | 'red', Formatter>;
}

/** The direction of data, seen from the side that the line describes. */
const ARROWS: Readonly<Record<Side, string>> = { read: '←', write: '→', listen: '◦', accepted: '⇄', connected: '⇄', master: '⇄', slave: '⇄' };

function cut(text: string, columns: number): string {
  const letters = [...text];
  return letters.length <= columns ? text : `${letters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}

/** The displayed name: a program's own name; for a command or a server, the kernel's name of the process. Node is called by its script. */
export function nameOf({ program, name, command }: Pick<Process, 'program' | 'name' | 'command'>): string {
  if (program !== 'command' && program !== 'server') return program;
  const [, script = '', subcommand = ''] = command;
  return program === 'server' && /(^|\/)warden(\.cjs)?$/.test(script) ? printable(`warden ${subcommand}`.trimEnd()) : printable(name);
}

/** "17107 (13)": the pid on the host, and the pid in the container if it differs. */
export function pidsOf({ pid, containerPid }: Pick<Process, 'pid' | 'containerPid'>): string {
  return containerPid === null ? String(pid) : `${pid} (${containerPid})`;
}

/** Wider than any terminal: limits the output for a chain of thousands of processes. */
const INDENT_MAX = 240;

interface Branch { readonly process: Process; readonly children: readonly Branch[] }

function branches(processes: readonly Process[], where: Process['where']): Branch[] {
  const here = processes.filter((process) => process.where === where);
  const made = new Map(here.map((process) => [process.pid, { process, children: [] as Branch[] }]));
  const roots: Branch[] = [];
  for (const branch of made.values()) {
    const { parent } = branch.process;
    (parent === null ? roots : made.get(parent)?.children ?? roots).push(branch);
  }
  return roots;
}

type Describe = (process: Process, columns: number) => { head: string; lines: readonly string[] };

/** The lines of a tree. `describe` returns a process's own lines; the first of them stands at its branch. */
function draw(roots: readonly Branch[], describe: Describe, { columns, colors }: Look): string[] {
  const lines: string[] = [];
  const waiting: { branch: Branch; before: string; isLast: boolean }[] = [];
  const wait = (those: readonly Branch[], before: string): void => {
    for (let at = those.length - 1; at >= 0; at--) waiting.push({ branch: those[at]!, before, isLast: at === those.length - 1 });
  };
  wait(roots, '');
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { branch: { process, children }, before, isLast } = next;
    const inside = before.length >= INDENT_MAX ? before : `${before}${isLast ? '   ' : '│  '}`;
    const own = describe(process, columns - inside.length);
    lines.push(colors.dim(`${before}${isLast ? '└─ ' : '├─ '}`) + own.head);
    const rest = children.length > 0 ? '│' : ' ';
    for (const line of own.lines) lines.push(colors.dim(`${inside}${rest}`) + line);
    wait(children, inside);
  }
  return lines;
}

export function topologyText(topology: Topology, look: Look): string {
  const describer = new Describer(topology, look);
  return sections(topology, look, (process, columns) => describer.describe(process, columns));
}

function sections(topology: Topology, look: Look, describe: Describe): string {
  const { colors } = look;
  const { id, directory, pid } = topology.container;
  const title = `${colors.bold(printable(id))}${colors.dim(`  ${cut(printable(directory), look.columns - id.length - 2)}`)}`;
  const lines = [title, ...(pid === null ? [colors.red(topology.container.monitor === null ? 'it does not run: no process listens on its run/wshd.sock' : 'its first process has ended')] : [])];
  for (const where of ['host', 'container'] as const) {
    const roots = branches(topology.processes, where);
    if (roots.length > 0) lines.push('', colors.dim(where), ...draw(roots, describe, look));
  }
  return `${lines.join('\n')}\n`;
}

interface Row { readonly fds: string; readonly role: string; readonly what: string; readonly other: string; readonly isOdd: boolean }

class Describer {
  private readonly byPid: ReadonlyMap<number, Process>;
  private readonly byId: ReadonlyMap<string, Channel>;

  constructor(private readonly topology: Topology, private readonly look: Look) {
    this.byPid = new Map(topology.processes.map((process) => [process.pid, process]));
    this.byId = new Map(topology.channels.map((channel) => [channel.id, channel]));
  }

  describe(process: Process, columns: number): { head: string; lines: string[] } {
    const rows = this.rows(process);
    const widths = { fds: width(rows, 'fds'), role: width(rows, 'role'), what: width(rows, 'what') };
    return { head: head(process, columns, this.look), lines: rows.map((row) => this.line(row, widths, columns)) };
  }

  private line({ fds, role, what, other, isOdd }: Row, widths: Record<'fds' | 'role' | 'what', number>, columns: number): string {
    const { colors } = this.look;
    const left = columns - widths.fds - widths.role - widths.what - 6;
    const words = `${role.padEnd(widths.role)}  `;
    return `${fds.padStart(widths.fds + 1)}  ${isOdd ? colors.red(words) : colors.yellow(words)}${colors.dim(what.padEnd(widths.what))} ${cut(other, left)}`
      .trimEnd();
  }

  /** Descriptors with the same other end and the same role share a row. */
  private rows(process: Process): Row[] {
    const groups = new Map<string, Descriptor[]>();
    for (const descriptor of process.descriptors) {
      const { role, channel, target, access } = descriptor;
      const key = `${role} ${channel ?? target} ${channel?.startsWith('pipe:') ? access : ''}`;
      groups.set(key, [...groups.get(key) ?? [], descriptor]);
    }
    return [...groups.values()].map((group) => this.row(process, group));
  }

  private row(process: Process, group: readonly Descriptor[]): Row {
    const { role, channel: id, target } = group[0]!;
    const channel = id === null ? undefined : this.byId.get(id);
    const what = channel ? whatOf(channel, target) : '';
    return {
      fds: ranges(group.map(({ fd }) => fd)), role: ROLES[role], what, isOdd: role === 'unexplained' || role === 'inherited',
      other: channel ? this.others(process, group[0]!.fd, channel) : whatIs(this.shortPath(target)),
    };
  }

  private others(process: Process, fd: number, channel: Channel): string {
    const own = channel.ends.find((end) => end.pid === process.pid && end.fds.includes(fd));
    if (!own) return '';
    if (channel.kind === 'listener') return `${ARROWS.listen} ${printable(this.shortPath(channel.path ?? ''))}`;
    const others = otherEnds(channel, own);
    if (others.length === 0) return `${ARROWS[own.side]} ${channel.ends.some((end) => isOpposite(channel, own, end)) ? 'itself' : 'nobody'}`;
    const names = others.map(({ pid, fds }) => `${nameOf(this.byPid.get(pid)!)} ${pid}:${ranges(fds)}`);
    return `${ARROWS[own.side]} ${names.join(', ')}`;
  }

  /** A path relative to the container's directory. */
  private shortPath(path: string): string {
    const { directory } = this.topology.container;
    return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  }
}

function colorOf({ where, program }: Process, colors: Look['colors']): (text: string) => string {
  if (where === 'container') return colors.green;
  return program === 'server' ? colors.bold : colors.cyan;
}

function head(process: Process, columns: number, { colors }: Look): string {
  const name = nameOf(process), pids = pidsOf(process), job = process.job === null ? '' : `  job ${printable(process.job)}`;
  const paint = colorOf(process, colors);
  const command = printable(process.command.slice(1).join(' '));
  const left = columns - [...name, ...pids, ...job].length - 3;
  const says = process.program === 'command' && command !== '' && left > 8 ? `  ${cut(command, left)}` : '';
  return `${paint(name)} ${pids}${colors.dim(job)}${colors.dim(says)}`;
}

/** The ends on the other side that belong to other processes. */
export function otherEnds(channel: Channel, own: End): End[] {
  return channel.ends.filter((end) => end.pid !== own.pid && isOpposite(channel, own, end));
}

function isOpposite(channel: Channel, own: End, end: End): boolean {
  return channel.kind === 'connection' ? end.socket !== own.socket : end.side !== own.side;
}

function whatOf(channel: Channel, target: string): string {
  if (channel.kind === 'pty') return `pty ${/\d+/.exec(channel.id)![0]}`;
  return `${channel.kind === 'pipe' ? 'pipe' : 'sock'} ${/\d+/.exec(target)![0]}`;
}

function whatIs(target: string): string { return printable(target.replace(/^anon_inode:\[?(\w+)\]?$/, '$1')); }

function width(rows: readonly Row[], key: 'fds' | 'role' | 'what'): number { return Math.max(0, ...rows.map((row) => row[key].length)); }

/** "0-2,5" */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** Names, pids, users, usage and commands: one line for each process, at its place in the tree. */
export function processText(topology: Topology, look: Look): string {
  const { colors } = look;
  const { processes } = topology;
  const columns = [
    column('PID', processes.map(({ pid }) => String(pid))),
    column('NSPID', processes.map(({ containerPid }) => (containerPid === null ? '-' : String(containerPid)))),
    column('UID', processes.map(({ uid }) => String(uid))),
    column('CPU', processes.map(({ cpuMs }) => `${(cpuMs / 1000).toFixed(2)} s`)),
    column('MEMORY', processes.map(({ residentKib }) => `${residentKib} K`)),
  ];
  const before = columns.reduce((sum, { width: one }) => sum + one + 2, 0);
  const numbers = new Map(processes.map(({ pid }, at) => [pid, columns.map(({ cells, width: one }) => cells[at]!.padStart(one)).join('  ')]));
  const lines: string[] = [];
  for (const where of ['host', 'container'] as const) {
    const pids: number[] = [];
    const tree = draw(branches(processes, where), (process, left) => {
      pids.push(process.pid);
      return { head: psHead(process, left, colors), lines: [] };
    }, { ...look, columns: look.columns - before });
    lines.push(...tree.map((line, at) => `${numbers.get(pids[at]!)}  ${line}`));
  }
  const titles = columns.map(({ title, width: one }) => title.padStart(one)).join('  ');
  return `${[colors.dim(`${titles}  COMMAND in ${printable(topology.container.id)}`), ...lines].join('\n')}\n`;
}

/** What a process runs, or is asked to run: of wsh and of a job's iomux-spawn the words behind their own. */
function ownCommand({ program, command }: Process): readonly string[] {
  const [, ...words] = command, own = words.indexOf('--');
  if (own < 0 || (program !== 'wsh' && program !== 'iomux-spawn')) return words;
  const [job, ...rest] = words.slice(own + 1), asked = rest.indexOf('--');
  if (program === 'wsh') return [job!, ...rest].filter((word) => word !== undefined);
  return /(^|\/)wsh$/.test(rest[0] ?? '') && asked >= 0 ? rest.slice(asked + 1) : rest;
}

function psHead(process: Process, columns: number, colors: Look['colors']): string {
  const name = nameOf(process), job = process.job === null || process.where === 'container' ? '' : ` job ${printable(process.job)}`;
  const paint = colorOf(process, colors);
  const left = columns - [...name, ...job].length - 2;
  const command = process.program === 'wshd' ? '' : printable(ownCommand(process).join(' '));
  return `${paint(name)}${job}${left > 8 && command !== '' ? colors.dim(`  ${cut(command, left)}`) : ''}`;
}

function column(title: string, cells: readonly string[]): { title: string; cells: readonly string[]; width: number } {
  return { title, cells, width: Math.max(title.length, ...cells.map((cell) => cell.length)) };
}
