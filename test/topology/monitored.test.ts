/** Containers whose monitor is conmon, from what was recorded of podman 4.3 with conmon 2.1.6 and with ours. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Topology } from '../../src/topology/model.js';
import { monitorsIn } from '../../src/topology/monitors.js';
import type { ContainerPlace, ProcessInfo, Snapshot } from '../../src/topology/snapshot.js';
import { topologyText } from '../../src/topology/text.js';
import { topologyOf } from '../../src/topology/topology.js';
import pc from 'picocolors';
import { connection, listener, processInfo } from './snapshots.js';

const monitored = suite('topology: containers with a conmon');

const ID = 'ad54de995ac3', SESSION = '29e7fd00c99a', BUNDLE = '/graph/ad54de995ac3/userdata';
const EXIT = '--exit-command /usr/bin/podman --exit-command-arg -c --exit-command-arg wrong --exit-command-arg -b';
const OWN = `--api-version 1 -c ${ID} -u ${ID} -r /usr/bin/runc -b ${BUNDLE} -p /run/${ID}/pidfile -n web -l k8s-file:${BUNDLE}/ctr.log`;
const EXEC = `--api-version 1 -c ${ID} -u ${SESSION} -r /usr/bin/runc -b ${BUNDLE}/${SESSION} -p /run/exec_pid -n web -l none -e --exec-attach`;

function ofCommand(command: string, more: { inside?: number } & Partial<ProcessInfo> = {}): Snapshot {
  return { processes: [processInfo(7, 1, command, [], more)], sockets: [] };
}

monitored('are found by their monitors: the original\'s command line, and ours, whose name is that of /proc/self/exe', () => {
  const own = { pid: 7, id: ID, name: 'web', bundle: BUNDLE, pidFile: `/run/${ID}/pidfile`, session: null };
  assert.equal(monitorsIn(ofCommand(`/usr/bin/conmon ${OWN} ${EXIT}`)), [own]);
  assert.equal(monitorsIn(ofCommand(`/opt/conmon --daemon-stage ${OWN} ${EXIT}`, { name: 'exe' })), [own]);
  assert.equal(monitorsIn(ofCommand(`conmon ${EXIT} --cid=${ID} --bundle ${BUNDLE} --cuuid ${SESSION} --exec`)), [
    { ...own, name: '', pidFile: '', session: SESSION },
  ]);
});

monitored('are not found where a container calls a process conmon, or there is no bundle', () => {
  assert.equal(monitorsIn(ofCommand(`conmon ${OWN}`, { inside: 3 })), []);
  assert.equal(monitorsIn(ofCommand(`conmon -c ${ID}`)), []);
  assert.equal(monitorsIn(ofCommand(`sh -c ${ID} -b ${BUNDLE}`)), []);
});

const ATTACH = 70, EXEC_ATTACH = 71;
const place: ContainerPlace = {
  id: ID, directory: BUNDLE, request: 0, jobs: [], init: 30,
  monitors: [{ pid: 20, session: null, attach: ATTACH }, { pid: 22, session: SESSION, attach: EXEC_ATTACH }],
};
const ours: Snapshot = {
  processes: [
    processInfo(20, 1, `conmon ${OWN}`, [
      '0u /dev/null', '1u /dev/null', '2u /dev/null', '3u socket:[46]', '4u anon_inode:[signalfd]', '5u anon_inode:[eventpoll]',
      `6w ${BUNDLE}/ctr.log`, '9u socket:[26]', `10u ${BUNDLE}/ctl`, `11u ${BUNDLE}/winsz`, '12u socket:[35]', '13w pipe:[29]', '14r pipe:[30]',
      '16r pipe:[31]',
    ]),
    processInfo(21, 1, 'podman attach t', ['9u socket:[36]', '5r pipe:[90]', '6w pipe:[90]']),
    processInfo(22, 1, `conmon ${EXEC}`, ['3r pipe:[77]', '4u socket:[57]', '7r /dev/null', '8u socket:[70]', '11u socket:[75]', '13r pipe:[78]']),
    processInfo(23, 1, 'podman exec t sleep 20', ['12u socket:[76]', '14u socket:[58]']),
    processInfo(30, 20, 'sh -c sleep', ['0r pipe:[29]', '1w pipe:[30]', '2w pipe:[31]'], { inside: 1 }),
    processInfo(31, 30, 'sleep 1000', ['0r pipe:[29]', '1w pipe:[30]', '2w pipe:[31]'], { inside: 6 }),
    processInfo(32, 22, 'sleep 20', ['0u /dev/null', '1w pipe:[77]', '2w pipe:[78]'], { inside: 7 }),
    processInfo(40, 1, 'sshd', ['3u socket:[99]']),
  ],
  sockets: [
    listener(26, '/proc/self/fd/10/attach', ATTACH), ...connection(35, 36, '/proc/self/fd/10/attach', ATTACH),
    listener(70, '/proc/self/fd/9/attach', EXEC_ATTACH), ...connection(75, 76, '/proc/self/fd/9/attach', EXEC_ATTACH),
    ...connection(57, 58), { inode: 46, peer: 0, listens: false, name: '', file: 0 }, listener(99, '/other', ATTACH + 5),
  ],
};

function roles({ processes }: Topology, pid: number): string[] {
  return processes.find((process) => process.pid === pid)!.descriptors.map(({ fd, role }) => `${fd} ${role}`);
}

monitored('are shown with their clients and with the commands in them, each with its monitor', () => {
  const it = topologyOf(ours, place);
  assert.equal(it.container, { id: ID, directory: BUNDLE, pid: 30, monitor: 20 });
  assert.equal(it.processes.map(({ pid, parent, containerPid, program, job }) => [pid, parent, containerPid, program, job]), [
    [20, null, null, 'conmon', null], [30, 20, 1, 'command', null], [31, 30, 6, 'command', null], [21, null, null, 'server', null],
    [22, null, null, 'conmon', SESSION], [32, 22, 7, 'command', SESSION], [23, null, null, 'server', null],
  ]);
});

monitored('have a role for each descriptor of the monitor', () => {
  const it = topologyOf(ours, place);
  assert.equal(roles(it, 20), [
    '0 stdin', '1 stdout', '2 stderr', '3 sync-pipe', '4 signals', '5 readiness', '6 log', '9 attach-socket', '10 control', '11 window-size',
    '12 attach', '13 command-stdin', '14 command-stdout', '16 command-stderr',
  ]);
  assert.equal(roles(it, 21), ['9 attach']);
  assert.equal(roles(it, 22), ['3 command-stdout', '4 sync-pipe', '7 internal', '8 attach-socket', '11 attach', '13 command-stderr']);
  assert.equal(roles(it, 23), ['12 attach', '14 sync-pipe']);
  assert.equal(roles(it, 32), ['0 stdin', '1 command-stdout', '2 command-stderr']);
});

monitored('with the original conmon: FIFOs opened twice, the memory group\'s files, a terminal', () => {
  const group = '/sys/fs/cgroup/memory/libpod_parent/libpod-ad54';
  const it = topologyOf({
    processes: [
      processInfo(20, 1, `conmon ${OWN}`, [
        '4r /dev/null', '5u anon_inode:[eventfd]', `15r ${BUNDLE}/ctl`, `17w ${BUNDLE}/ctl`, `12r ${group}/memory.oom_control`, '9u /dev/ptmx 0@44',
      ]),
      processInfo(30, 20, 'sh', ['0u /dev/pts/0 0@44', '1u /dev/pts/0 0@44', '2u /dev/pts/0 0@44'], { inside: 1 }),
    ],
    sockets: [],
  }, { ...place, monitors: [place.monitors![0]!] });
  assert.equal(roles(it, 20), ['4 internal', '5 event', '9 pty', '12 memory-control', '15 control', '17 control']);
  assert.equal(roles(it, 30), ['0 pty', '1 pty', '2 pty']);
});

monitored('whose first process has ended say so, and one without a pid namespace shows its own processes alone', () => {
  const text = topologyText(topologyOf(ours, { ...place, init: 999 }), { columns: Infinity, colors: pc.createColors(false) });
  assert.match(text, /^ad54de995ac3 .*\nits first process has ended\n/);
  const processes = [processInfo(20, 1, `conmon ${OWN}`, []), processInfo(30, 20, 'sh', []), processInfo(31, 30, 'sleep', []), processInfo(40, 1, 'sshd', [])];
  assert.equal(topologyOf({ processes, sockets: [] }, place).processes.map(({ pid }) => pid), [20, 30, 31]);
});

monitored.run();
