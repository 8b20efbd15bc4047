/**
 * The original programs, as the article on Warden's processes shows them with pstree and lsof: numbers, inodes and all.
 * What it does not show is supplied: the server's ends, which sockets are connected, the files' inodes.
 */
import type { ContainerPlace, Snapshot } from '../../src/topology/snapshot.js';
import { connection, listener, processInfo } from './snapshots.js';

const CONTAINER = '/home/paas/warden/container/178l4d6v637';
const JOB = `${CONTAINER}/jobs/6`;
const GROUP = '/tmp/warden/cgroup/memory/instance-178l4d6v637';
const inApplication = { memoryGroup: '/instance-178l4d6v637', uid: 10001 };

export const place: ContainerPlace = {
  id: '178l4d6v637', directory: CONTAINER, request: 501, jobs: [{ id: '6', sockets: { stdout: 601, stderr: 602, status: 603 } }],
};

export const snapshot: Snapshot = {
  processes: [
    processInfo(13832, 13828, 'ruby rake', ['5w pipe:[1698219]', '6r pipe:[1698220]', '7r pipe:[1698221]', '8r pipe:[1698253]', '9r pipe:[1698254]']),
    processInfo(15282, 13832, `${CONTAINER}/bin/iomux-spawn ${JOB}`, [
      '0r pipe:[1698219]', '1w pipe:[1698220]', '2w pipe:[1698221]', '3u socket:[1698241]', '4u socket:[1698242]', '5u socket:[1698243]',
      '6r pipe:[1698244]', '7r pipe:[1698247]', '8r pipe:[1698245]', '9w pipe:[1698247]', '10r pipe:[1698246]', '11w pipe:[1698246]',
      '20u socket:[1698275]', '21u socket:[1698277]', '22u socket:[1698279]',
    ]),
    processInfo(15283, 15282, `${CONTAINER}/bin/wsh --user vcap /bin/bash`, [
      '1w pipe:[1698244]', '2w pipe:[1698245]', '3u socket:[1698310]', '5r pipe:[1698313]', '6r pipe:[1698314]', '7r pipe:[1698315]',
    ]),
    processInfo(15289, 13832, `${CONTAINER}/bin/iomux-link ${JOB}`, [
      '0r pipe:[1698252]', '1w pipe:[1698253]', '2w pipe:[1698254]', '3u socket:[1698274]', '4u socket:[1698276]', '5u socket:[1698278]',
    ]),
    processInfo(15194, 13832, `oom ${GROUP}`, [
      '0r pipe:[1680292]', '3u anon_inode:[eventfd]', `4r ${GROUP}/memory.oom_control`, `5w ${GROUP}/cgroup.event_control`,
    ]),
    processInfo(15141, 1, 'wshd: 178l4d6v637', ['0u anon_inode:[signalfd]', '3u socket:[1679949]', '11w pipe:[1698315]'],
      { inside: 1, memoryGroup: '/instance-178l4d6v637' }),
    processInfo(15292, 15141, '/bin/bash', ['0r pipe:[1698312]', '1w pipe:[1698313]', '2w pipe:[1698314]'], { inside: 30, ...inApplication }),
    processInfo(15304, 15292, '/bin/bash ./startup', [
      '0r pipe:[1698312]', '1w pipe:[1698313]', '2w pipe:[1698314]', '255r /home/vcap/startup',
    ], { inside: 31, name: 'startup', ...inApplication }),
    processInfo(999, 1, 'sshd', ['3u socket:[77]']),
  ],
  sockets: [
    listener(1698241, `${JOB}/stdout.sock`, 601), listener(1698242, `${JOB}/stderr.sock`, 602),
    listener(1698243, `${JOB}/status.sock`, 603), listener(1679949, './run/wshd.sock', 501),
    ...connection(1698275, 1698274, `${JOB}/stdout.sock`, 601), ...connection(1698277, 1698276, `${JOB}/stderr.sock`, 602),
    ...connection(1698279, 1698278, `${JOB}/status.sock`, 603), { inode: 1698310, peer: 0, listens: false, name: '', file: 0 },
    listener(77, '/run/sshd.sock', 9),
  ],
};
