import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Topology } from '../../src/topology/model.js';
import type { ContainerPlace, ProcessInfo, Snapshot, SocketInfo } from '../../src/topology/snapshot.js';
import { topologySvg } from '../../src/topology/svg.js';
import { processText, topologyText } from '../../src/topology/text.js';
import { topologyOf } from '../../src/topology/topology.js';
import * as article from './article.js';
import { connection, listener, processInfo } from './snapshots.js';

const topology = suite('topology: from snapshots');

/** "FD ROLE" of each descriptor. */
function roles(it: Topology, pid: number): string[] {
  return it.processes.find((process) => process.pid === pid)!.descriptors.map(({ fd, role }) => `${fd} ${role}`);
}

/** "ROLE: PID:FDS SIDE, …" of each channel, in the order of the roles. */
function ends(it: Topology): string[] {
  return it.channels.map(({ role, ends: all }) => `${role}: ${all.map(({ pid, fds, side }) => `${pid}:${fds.join()} ${side}`).join(', ')}`).sort();
}

topology('of the original programs, as the article shows them', () => {
  const it = topologyOf(article.snapshot, article.place);
  assert.equal(it.container, { id: '178l4d6v637', directory: article.place.directory, pid: 15141, monitor: null });
  assert.equal(it.processes.map(({ pid, parent, containerPid, program, job }) => [pid, parent, containerPid, program, job]), [
    [13832, null, null, 'server', null], [15194, 13832, null, 'oom', null], [15282, 13832, null, 'iomux-spawn', '6'],
    [15283, 15282, null, 'wsh', '6'], [15289, 13832, null, 'iomux-link', '6'],
    [15141, null, 1, 'wshd', null], [15292, 15141, 30, 'command', '6'], [15304, 15292, 31, 'command', '6'],
  ]);
  assert.equal(ends(it), [
    'command-stderr: 15283:6 read, 15292:2 write, 15304:2 write',
    'command-stdin: 15292:0 read, 15304:0 read',
    'command-stdout: 15283:5 read, 15292:1 write, 15304:1 write',
    'exit-status: 15283:7 read, 15141:11 write',
    'internal: 15282:10 read, 15282:11 write',
    'internal: 15282:7 read, 15282:9 write',
    'job-stderr: 15282:8 read, 15283:2 write',
    'job-stdout: 15282:6 read, 15283:1 write',
    'request-socket: 15141:3 listen',
    'request: 15283:3 connected',
    'status-link: 15282:22 accepted, 15289:5 connected',
    'status-socket: 15282:5 listen',
    'stderr-link: 15282:21 accepted, 15289:4 connected',
    'stderr-socket: 15282:4 listen',
    'stderr: 13832:7 read, 15282:2 write',
    'stderr: 13832:9 read, 15289:2 write',
    'stdin: 13832:5 write, 15282:0 read',
    'stdin: 15194:0 read',
    'stdin: 15289:0 read',
    'stdout-link: 15282:20 accepted, 15289:3 connected',
    'stdout-socket: 15282:3 listen',
    'stdout: 13832:6 read, 15282:1 write',
    'stdout: 13832:8 read, 15289:1 write',
  ]);
  assert.equal(roles(it, 15194), ['0 stdin', '3 memory-event', '4 memory-control', '5 memory-notify']);
});

const place: ContainerPlace = { id: 'c', directory: '/c', request: 5, jobs: [] };
const request = listener(30, 'run/wshd.sock', 5);

function wshd(...descriptors: string[]): ProcessInfo { return processInfo(10, 1, 'wshd: c', ['3u socket:[30]', ...descriptors], { inside: 1 }); }

topology('in words: a pipe with a second reader and no writer has nobody at its other end, one with both ends has itself', () => {
  const it = topologyOf({
    processes: [
      wshd('11w pipe:[63]'),
      processInfo(103, 10, 'sh', ['0r pipe:[60]', '5r pipe:[64]', '6w pipe:[64]'], { inside: 7 }), processInfo(104, 103, 'sleep', ['0r pipe:[60]'], { inside: 8 }),
    ],
    sockets: [request],
  }, place);
  const text = topologyText(it, { columns: Infinity, colors: pc.createColors(false) });
  assert.match(text, /0 +stdin +pipe 60 ← nobody/);
  assert.not.match(text, /pipe 60 ← itself/);
});

topology('of a terminal: both ptys, told apart by their file systems', () => {
  const it = topologyOf({
    processes: [
      processInfo(100, 1, 'sshd', ['8u /dev/ptmx 0@5']),
      processInfo(101, 100, 'bash', ['0u /dev/pts/0 0@21', '1u /dev/pts/0 0@21', '2u /dev/pts/0 0@21']),
      processInfo(102, 101, 'wsh', ['2u /dev/pts/0 0@21', '4u /dev/pts/0 0@21', '5u /dev/pts/ptmx 0@44', '6u /dev/pts/ptmx 0@44', '7r pipe:[70]']),
      wshd('11w pipe:[70]'),
      processInfo(103, 10, '/bin/sh', ['0u /dev/pts/0 0@44', '1u /dev/pts/0 0@44', '2u /dev/pts/0 0@44'], { inside: 7 }),
    ],
    sockets: [request],
  }, place);
  assert.equal(ends(it), [
    'exit-status: 102:7 read, 10:11 write',
    'pty: 102:5,6 master, 103:0,1,2 slave',
    'request-socket: 10:3 listen',
    'terminal: 100:8 master, 101:0,1,2 slave, 102:2,4 slave',
  ]);
  assert.equal(it.processes.map(({ pid, program }) => [pid, program]), [[100, 'server'], [101, 'server'], [102, 'wsh'], [10, 'wshd'], [103, 'command']]);
});

topology('of a process that does without our programs', () => {
  const it = topologyOf({
    processes: [
      processInfo(100, 1, 'node server.js', [
        '20w pipe:[60]', '21r pipe:[61]', '22r pipe:[62]', '23r pipe:[63]', '24u socket:[999]', '25r pipe:[90]', '26w pipe:[90]',
      ]),
      wshd('11w pipe:[63]'),
      processInfo(103, 10, 'cat', ['0r pipe:[60]', '1w pipe:[61]', '2w pipe:[62]'], { inside: 7 }),
    ],
    sockets: [request],
  }, place);
  assert.equal(roles(it, 100), ['20 command-stdin', '21 command-stdout', '22 command-stderr', '23 exit-status']);
  assert.is(it.processes[0]!.program, 'server');
});

topology('of output that a command has sent elsewhere: told by the order in which wsh got its ends', () => {
  const it = topologyOf({
    processes: [
      processInfo(102, 1, 'wsh', ['5w pipe:[60]', '6r pipe:[61]', '7r pipe:[62]', '8r pipe:[63]']),
      wshd('11w pipe:[63]'),
      processInfo(103, 10, 'sh', ['1w /log', '8w pipe:[61]', '9w pipe:[62]'], { inside: 7 }),
    ],
    sockets: [request],
  }, place);
  assert.equal(roles(it, 103), ['1 stdout', '8 command-stdout', '9 command-stderr']);
});

topology('of streams that are sockets, as Node makes them', () => {
  const server = processInfo(100, 1, 'node', ['20u socket:[40]', '21u socket:[42]', '22u socket:[44]']);
  const command = processInfo(103, 10, 'cat', ['0r pipe:[60]', '1w pipe:[61]', '2w pipe:[62]'], { inside: 7 });
  const look = (...own: string[]): Topology => topologyOf({
    processes: [server, wshd('11w pipe:[63]'), command, processInfo(102, 100, 'wsh', [...own, '6r pipe:[61]', '7r pipe:[62]', '8r pipe:[63]'])],
    sockets: [request, ...connection(40, 41), ...connection(42, 43), ...connection(44, 45)],
  }, place);
  const whole = look('2u socket:[45]', '4u socket:[41]', '5w pipe:[60]', '9u socket:[43]', '10u socket:[45]');
  assert.equal(roles(whole, 102).filter((role) => / std/.test(role)), ['2 stderr', '4 stdin', '9 stdout', '10 stderr']);
  assert.equal(roles(whole, 100), ['20 stdin', '21 stdout', '22 stderr']);
  // Its stdin has ended.
  const ended = look('2u socket:[45]', '9u socket:[43]', '10u socket:[45]');
  assert.equal(roles(ended, 102).filter((role) => / std/.test(role)), ['2 stderr', '9 stdout', '10 stderr']);
});

topology('of a link without stdin, whose stdout and stderr are sockets', () => {
  const it = topologyOf({
    processes: [
      processInfo(20, 1, 'iomux-spawn', ['5u socket:[51]', '9u socket:[70]']), processInfo(100, 1, 'node', ['21u socket:[42]', '22u socket:[44]']),
      processInfo(104, 100, 'iomux-link', ['0r /dev/null', '1u socket:[71]', '2u socket:[45]', '5u socket:[43]', '6u socket:[45]']), wshd(),
    ],
    sockets: [
      request, listener(51, 'stdout.sock', 601), ...connection(70, 71, 'stdout.sock', 601), ...connection(42, 43), ...connection(44, 45),
    ],
  }, { ...place, jobs: [{ id: '1', sockets: { stdout: 601, stderr: 0, status: 0 } }] });
  assert.equal(roles(it, 104), ['0 stdin', '1 stdout-link', '2 stderr', '5 stdout', '6 stderr']);
  assert.equal(roles(it, 100), ['21 stdout', '22 stderr']);
});

topology('of a pipe that iomux-spawn was left with by a starter that has gone: no gate of its own', () => {
  const it = topologyOf({
    processes: [
      processInfo(100, 1, 'bash', ['9r pipe:[80]']),
      processInfo(20, 1, 'iomux-spawn', ['5u socket:[51]', '8w pipe:[80]', '10w pipe:[81]']), processInfo(21, 20, 'iomux-spawn', ['11r pipe:[81]']), wshd(),
    ],
    sockets: [request, listener(51, 'stdout.sock', 601)],
  }, { ...place, jobs: [{ id: '1', sockets: { stdout: 601, stderr: 0, status: 0 } }] });
  assert.equal(roles(it, 20), ['5 stdout-socket', '8 inherited', '10 start-gate']);
});

topology('of what commands share among themselves, and of what was left open for them', () => {
  const it = topologyOf({
    processes: [
      wshd(),
      processInfo(103, 10, 'sh', ['0r /dev/null', '9r /leak'], { inside: 7 }),
      processInfo(104, 103, 'a', ['1w pipe:[80]', '3u socket:[81]', '9r /leak'], { inside: 8 }),
      processInfo(105, 103, 'b', ['0r pipe:[80]', '3u socket:[82]'], { inside: 9 }),
    ],
    sockets: [request, ...connection(81, 82)],
  }, place);
  assert.equal(ends(it), ['internal: 104:1 write, 105:0 read', 'internal: 104:3 connected, 105:3 connected', 'request-socket: 10:3 listen']);
  assert.equal(roles(it, 104), ['1 internal', '3 internal', '9 inherited']);
});

topology('of a container that ends with its owner: the lifeline', () => {
  const it = topologyOf({
    processes: [
      processInfo(100, 1, 'node server.js', ['20w pipe:[40]', '21r pipe:[42]']), wshd(),
      processInfo(50, 1, 'sh /lib/watch.sh c', ['0r pipe:[40]', '1u /dev/null', '2w pipe:[42]', '10r /lib/watch.sh'], { directory: '/c' }),
      processInfo(51, 10, 'sh /lib/watch.sh c', ['1w /log'], { directory: '/c', inside: 9 }),
    ],
    sockets: [request],
  }, place);
  assert.equal(roles(it, 50), ['0 lifeline', '1 stdout', '2 stderr', '10 file']);
  assert.equal(roles(it, 100), ['20 lifeline', '21 stderr']);
  assert.equal(it.processes.map(({ pid, program }) => [pid, program]), [[50, 'watcher'], [100, 'server'], [10, 'wshd'], [51, 'command']]);
});

topology('of a container that binds sockets as a job does, with files of the same numbers', () => {
  const it = topologyOf({
    processes: [
      wshd(), processInfo(20, 1, 'iomux-spawn', ['5u socket:[51]']),
      processInfo(103, 10, 'evil', ['3u socket:[61]', '4u socket:[62]'], { inside: 7 }),
      processInfo(104, 1, 'other', ['3u socket:[63]']),
    ],
    sockets: [
      request, listener(51, '/c/jobs/1/stdout.sock', 601), listener(61, '/tmp/stdout.sock', 601), listener(62, '/tmp/wshd.sock', 5),
      listener(63, '/run/other.sock', 601),
    ],
  }, { ...place, jobs: [{ id: '1', sockets: { stdout: 601, stderr: 602, status: 603 } }] });
  assert.equal(it.processes.map(({ pid, program }) => [pid, program]), [[20, 'iomux-spawn'], [10, 'wshd'], [103, 'command']]);
  assert.equal(ends(it), ['internal: 103:3 listen', 'internal: 103:4 listen', 'request-socket: 10:3 listen', 'stdout-socket: 20:5 listen']);
});

topology('of a job that waits for its first link', () => {
  const jobs = [{ id: '1', sockets: { stdout: 601, stderr: 602, status: 603 } }];
  const common = ['5u socket:[51]', '6u socket:[52]', '7u socket:[53]', '8r pipe:[61]', '10r pipe:[62]', '13w pipe:[63]', '14r pipe:[64]'];
  const it = topologyOf({
    processes: [
      wshd(), processInfo(20, 1, 'iomux-spawn', common),
      processInfo(21, 20, 'iomux-spawn', [...common, '9w pipe:[61]', '11w pipe:[62]', '12r pipe:[63]', '15w pipe:[64]']),
    ],
    sockets: [request, listener(51, 'stdout.sock', 601), listener(52, 'stderr.sock', 602), listener(53, 'status.sock', 603)],
  }, { ...place, jobs });
  assert.equal(roles(it, 20), [
    '5 stdout-socket', '6 stderr-socket', '7 status-socket', '8 job-stdout', '10 job-stderr', '13 start-gate', '14 start-report',
  ]);
  assert.equal(it.processes.map(({ pid, program, job }) => [pid, program, job]), [[20, 'iomux-spawn', '1'], [21, 'command', '1'], [10, 'wshd', null]]);
});

/** Boxes with a line through them. */
function crossed(svg: string): string[] {
  const numbers = (text: string): number[] => [...text.matchAll(/-?[\d.]+/g)].map(Number);
  const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="5" class="box.*?>(\w[\w-]*)</g)];
  const points = [...svg.matchAll(/<path d="(\S[^"Z]*)" class="line/g)].flatMap(([, d]) => {
    const at = numbers(d!), steps = Array.from({ length: 50 }, (_, index) => index / 50);
    return at.slice(0, -2).flatMap((_, index) => (index % 2 === 1 ? [] : steps.map((part): [number, number] => [
      at[index]! + (at[index + 2]! - at[index]!) * part, at[index + 1]! + (at[index + 3]! - at[index + 1]!) * part,
    ])));
  });
  assert.ok(boxes.length > 0 && points.length > 0);
  return boxes.filter((box) => {
    const [x, y, width, height] = box.slice(1).map(Number) as [number, number, number, number];
    return points.some(([left, top]) => left > x + 2 && left < x + width - 2 && top > y + 2 && top < y + height - 2);
  }).map((box) => box[5]!);
}

topology('drawn with an ended job beside a command: no line behind a box', () => {
  const ended = (pid: number): ProcessInfo => processInfo(pid, 1, 'iomux-spawn', [`5u socket:[${pid}1]`, `6u socket:[${pid}2]`, `7u socket:[${pid}3]`]);
  const sockets = (pid: number): SocketInfo[] => ['stdout', 'stderr', 'status'].map((name, at) => listener(pid * 10 + 1 + at, `${name}.sock`, pid * 10 + at));
  const jobs = [20, 21].map((pid) => ({ id: String(pid), sockets: { stdout: pid * 10, stderr: pid * 10 + 1, status: pid * 10 + 2 } }));
  const it = topologyOf({
    processes: [
      wshd('11w pipe:[63]'), ended(20), ended(21), processInfo(102, 1, 'wsh', ['6r pipe:[61]', '7r pipe:[62]', '8r pipe:[63]']),
      processInfo(103, 10, 'sleep', ['1w pipe:[61]', '2w pipe:[62]'], { inside: 7 }),
    ],
    sockets: [request, ...sockets(20), ...sockets(21)],
  }, { ...place, jobs });
  assert.is(it.processes.filter(({ program }) => program === 'iomux-spawn').length, 2);
  assert.equal(crossed(topologySvg(it)), []);
  for (const kept of [['iomux-spawn'], ['iomux-spawn', 'wshd'], []]) {
    const picture = topologySvg({ ...it, processes: it.processes.filter(({ program }) => kept.includes(program)), channels: [] });
    assert.not.match(picture, /NaN|Infinity|undefined/);
    for (const name of kept) assert.ok(picture.includes(name), name);
  }
});

topology('of a container that does not run', () => {
  const empty: Snapshot = { processes: [processInfo(1, 0, 'init', [])], sockets: [] };
  const container = { id: 'c', directory: '/c', pid: null, monitor: null };
  assert.equal(topologyOf(empty, { ...place, request: 0 }), { version: 1, container, processes: [], channels: [] });
});

topology('of a chain of as many processes as a container likes, which all share what the first one was given', () => {
  const count = 10_000, stdio = ['0r pipe:[7]', '1w pipe:[8]', '2w pipe:[9]'];
  const chain = Array.from({ length: count }, (_, at) => processInfo(11 + at, 10 + at, 'sh', stdio, { inside: 2 + at }));
  const processes = [processInfo(10, 1, 'wshd: c', ['3u socket:[5]'], { inside: 1 }), ...chain];
  const it = topologyOf({ processes, sockets: [listener(5, '/c/run/wshd.sock', 5)] }, { ...place, init: 10 });
  assert.equal(it.processes.map(({ pid }) => pid), processes.map(({ pid }) => pid));
  assert.equal(it.channels.map(({ role, ends: all }) => [role, all.length]).sort(), [
    ['command-stderr', count], ['command-stdin', count], ['command-stdout', count], ['request-socket', 1],
  ]);
  assert.is(processText(it, { colors: pc.createColors(false), columns: 80 }).match(/ sh\b/g)!.length, count);
});

topology.run();
