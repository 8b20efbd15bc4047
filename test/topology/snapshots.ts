/** Snapshots as a test writes them down: processes with their descriptors, one a line as lsof(8) shows them. */
import type { Access, DescriptorInfo, ProcessInfo, SocketInfo } from '../../src/topology/snapshot.js';

const ACCESS: Readonly<Record<string, Access>> = { r: 'read', w: 'write', u: 'both' };
const DESCRIPTOR = /^(?<fd>\d+)(?<access>[rwu]) (?<target>\S+)(?: (?<terminal>\d+)@(?<device>\d+))?$/;

/** "0r pipe:[7]": number, access, target; of a terminal also its number and its file system's device. */
function descriptor(line: string): DescriptorInfo {
  const { fd, access, target, terminal, device } = DESCRIPTOR.exec(line)!.groups!;
  const info = { fd: Number(fd), access: ACCESS[access!]!, target: target! };
  return terminal === undefined ? info : { ...info, terminal: Number(terminal), device: Number(device) };
}

const HOST_NAMESPACE = 1, CONTAINER_NAMESPACE = 2;

/** `command` as ps shows it; `inside` is its number in the container. */
export function processInfo(
  pid: number, parent: number, command: string, descriptors: readonly string[], more: { inside?: number } & Partial<ProcessInfo> = {},
): ProcessInfo {
  const { inside, ...rest } = more;
  const words = command.split(' ');
  return {
    pid, parent, numbers: inside === undefined ? [pid] : [pid, inside],
    pidNamespace: inside === undefined ? HOST_NAMESPACE : CONTAINER_NAMESPACE,
    memoryGroup: '/', directory: '/', name: words[0]!.replace(/^.*\//, '').replace(/:$/, ''), command: words,
    state: 'S', uid: 0, threads: 1, residentKib: 100, cpuMs: 10, descriptors: descriptors.map(descriptor), ...rest,
  };
}

export function listener(inode: number, name: string, file: number): SocketInfo { return { inode, peer: 0, listens: true, name, file }; }

/** Both sockets of a connection; with a name, the first is the one that was accepted. */
export function connection(inode: number, peer: number, name = '', file = 0): SocketInfo[] {
  return [{ inode, peer, listens: false, name, file }, { inode: peer, peer: inode, listens: false, name: '', file: 0 }];
}
