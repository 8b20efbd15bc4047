/** A container's interfaces: a veth pair with one address each, and an ifb for what it sends when its bandwidth is limited. */
import { formatAddress } from '../config/address.js';
import { command } from '../linux/command.js';
import { hostInterface, ifbInterface, innerInterface } from './rules.js';

export const hostAddress = (network: number): string => formatAddress(network + 1);
export const containerAddress = (network: number): string => formatAddress(network + 2);
const PREFIX = 30;
/** An Ethernet header: tbf counts it, and drops what is larger than its burst. */
const HEADER_BYTES = 14;
/** ip(8): 1 there is no such thing, 2 the kernel refused; tc(8): the same. */
const NOT_THERE = [0, 1, 2];

async function ipBatch(lines: readonly string[], inside?: number): Promise<void> {
  const enter = inside === undefined ? [] : ['--target', String(inside), '--net', 'ip'];
  await command(inside === undefined ? 'ip' : 'nsenter', [...enter, '-batch', '-'], { input: textOf(lines) });
}

function textOf(lines: readonly string[]): string { return lines.map((line) => `${line}\n`).join(''); }

/** `pid`: the container's first process, in whose network namespace the other end goes. */
export async function addInterfaces(id: string, pid: number, network: number, mtu: number): Promise<void> {
  const host = hostInterface(id), inner = innerInterface(id);
  await ipBatch([
    `link add name ${host} mtu ${mtu} type veth peer name ${inner} mtu ${mtu} netns ${pid}`,
    `address add ${hostAddress(network)}/${PREFIX} dev ${host}`,
    `link set dev ${host} up`,
  ]);
  await ipBatch([
    'link set dev lo up',
    `address add ${containerAddress(network)}/${PREFIX} dev ${inner}`,
    `link set dev ${inner} up`,
    `route add default via ${hostAddress(network)}`,
  ], pid);
}

/** Whatever there is. */
export async function removeInterfaces(id: string): Promise<void> {
  const lines = [hostInterface(id), ifbInterface(id)].map((name) => `link delete dev ${name}`);
  await command('ip', ['-force', '-batch', '-'], { input: textOf(lines), allow: NOT_THERE });
}

/** Both ways; a new limit replaces the old one. Bytes a second, and bytes. */
export async function limitInterfaces(id: string, rate: bigint, burst: bigint, mtu: number): Promise<void> {
  const host = hostInterface(id), ifb = ifbInterface(id);
  // A bucket that no whole packet fits into would let none through.
  const bucket = burst < BigInt(mtu + HEADER_BYTES) ? BigInt(mtu + HEADER_BYTES) : burst;
  const tbf = ['tbf', 'rate', `${rate * 8n}bit`, 'burst', String(bucket), 'latency', '25ms'];
  await command('tc', ['qdisc', 'replace', 'dev', host, 'root', ...tbf]);
  await command('ip', ['link', 'add', 'name', ifb, 'mtu', String(mtu), 'type', 'ifb'], { allow: NOT_THERE });
  await command('ip', ['link', 'set', 'dev', ifb, 'up']);
  await command('tc', ['qdisc', 'replace', 'dev', ifb, 'root', ...tbf]);
  await command('tc', ['qdisc', 'delete', 'dev', host, 'ingress'], { allow: NOT_THERE });
  await command('tc', ['qdisc', 'add', 'dev', host, 'handle', 'ffff:', 'ingress']);
  await command('tc', [
    'filter', 'add', 'dev', host, 'parent', 'ffff:', 'protocol', 'all', 'u32', 'match', 'u32', '0', '0', 'action', 'mirred', 'egress', 'redirect', 'dev', ifb,
  ]);
}
