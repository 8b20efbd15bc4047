/** Rules of iptables as data and text: which chains there are, what a container's have, in the format of iptables-restore(8). */
import type { Config } from '../config/config.js';
import { formatAddress } from '../config/address.js';
import type { NetOutRule } from '../container/backend.js';
import { CommandFailure } from '../refusal.js';

/** Names of interfaces have at most 15 bytes; an id has 11. */
export const hostInterface = (id: string): string => `w-${id}-0`;
export const innerInterface = (id: string): string => `w-${id}-1`;
export const ifbInterface = (id: string): string => `w-${id}-2`;
const chainOf = (id: string): string => `warden-i-${id}`;
const logChainOf = (id: string): string => `${chainOf(id)}-log`;

const FORWARD = 'warden-forward', DEFAULT = 'warden-default', PREROUTING = 'warden-prerouting', POSTROUTING = 'warden-postrouting';
const INTERFACES = 'w-+';
/** Whatever the server makes in a chain of the system's has one of these in its text. */
const OURS = /warden-|--comment (?:related-traffic|block-traffic-to-host)/;

export type Table = 'filter' | 'nat';

/** Changes of tables, those of one table all or none. */
export function restoreText(changes: Readonly<Partial<Record<Table, Partial<Changes>>>>): string {
  return Object.entries(changes).map(([table, { chains = [], rules = [] }]) => (
    [`*${table}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, 'COMMIT', ''].join('\n')
  )).join('');
}

/** What an earlier server has left in the table, by iptables-save's text: rules in the system's chains, then chains. */
export function removalOf(saved: string, table: Table): Changes {
  const lines = saved.split('\n'), begin = lines.indexOf(`*${table}`);
  const part = begin < 0 ? [] : lines.slice(begin, lines.indexOf('COMMIT', begin));
  const chains = part.map((line) => /^:(warden-\S+)/.exec(line)?.[1]).filter((chain) => chain !== undefined);
  const jumps = part.filter((line) => /^-A (?!warden-)/.test(line) && OURS.test(line)).map((line) => line.replace(/^-A/, '-D'));
  return { chains, rules: [...jumps, ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)] };
}

/** Chains to be made, and rules in the format of iptables-save(8). */
export interface Changes { readonly chains: readonly string[]; readonly rules: readonly string[] }

export function baseFilter({ first, prefix, allowNetworks, allowHostAccess }: Config['network'], external: string | undefined): Changes {
  const pool = `${formatAddress(first)}/${prefix}`;
  return {
    chains: [FORWARD, DEFAULT],
    rules: [
      ...(external === undefined ? [] : [`-A ${FORWARD} -i ${external} -j ACCEPT`]),
      `-A ${FORWARD} -j DROP`,
      `-A ${DEFAULT} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
      ...allowNetworks.map((network) => `-A ${DEFAULT} -d ${network} -j RETURN`),
      `-A ${DEFAULT} -j REJECT`,
      `-A FORWARD -i ${INTERFACES} -j ${FORWARD}`,
      '-I INPUT 1 -m conntrack --ctstate ESTABLISHED,RELATED -m comment --comment related-traffic -j ACCEPT',
      ...(allowHostAccess ? [] : [`-A INPUT -s ${pool} -m comment --comment block-traffic-to-host -j REJECT`]),
    ],
  };
}

export function baseNat({ first, prefix }: Config['network']): Changes {
  const pool = `${formatAddress(first)}/${prefix}`;
  return {
    chains: [PREROUTING, POSTROUTING],
    rules: [
      `-A PREROUTING -j ${PREROUTING}`, `-A OUTPUT -o lo -j ${PREROUTING}`, `-A POSTROUTING -j ${POSTROUTING}`,
      `-A ${POSTROUTING} -s ${pool} ! -d ${pool} -j MASQUERADE`,
    ],
  };
}

/** The last rule of a container's chain leads to what all have in common; before it come its own. */
export function containerFilter(id: string, position: number): Changes {
  return {
    chains: [chainOf(id), logChainOf(id)],
    rules: [
      `-A ${chainOf(id)} -g ${DEFAULT}`,
      `-A ${logChainOf(id)} -p tcp -m conntrack --ctstate NEW,UNTRACKED,INVALID -j LOG --log-prefix "${chainOf(id)} "`,
      `-A ${logChainOf(id)} -j RETURN`,
      `-I ${FORWARD} ${position} -i ${hostInterface(id)} -g ${chainOf(id)}`,
    ],
  };
}

export function containerNat(id: string): Changes {
  return { chains: [chainOf(id)], rules: [`-A ${PREROUTING} -j ${chainOf(id)}`] };
}

/** Arguments of iptables(8), each alone: for a container whose chains may be there only in part. */
export function removalCommands(id: string): string[][] {
  return [
    ['-D', FORWARD, '-i', hostInterface(id), '-g', chainOf(id)], ['-F', chainOf(id)], ['-X', chainOf(id)], ['-F', logChainOf(id)], ['-X', logChainOf(id)],
    ['-t', 'nat', '-D', PREROUTING, '-j', chainOf(id)], ['-t', 'nat', '-F', chainOf(id)], ['-t', 'nat', '-X', chainOf(id)],
  ];
}

export function removalRules(id: string): { filter: string[]; nat: string[] } {
  return {
    filter: [`-D ${FORWARD} -i ${hostInterface(id)} -g ${chainOf(id)}`, `-F ${chainOf(id)}`, `-X ${chainOf(id)}`, `-F ${logChainOf(id)}`, `-X ${logChainOf(id)}`],
    nat: [`-D ${PREROUTING} -j ${chainOf(id)}`, `-F ${chainOf(id)}`, `-X ${chainOf(id)}`],
  };
}

export function netInArguments(id: string, external: string, hostPort: number, inner: string, containerPort: number): string[] {
  return ['-t', 'nat', '-A', chainOf(id), '-d', external, '-p', 'tcp', '--dport', String(hostPort), '-j', 'DNAT', '--to-destination', `${inner}:${containerPort}`];
}

function icmpText(type: number | undefined, code: number | undefined): string {
  if (type === undefined) return 'any';
  return code === undefined ? String(type) : `${type}/${code}`;
}

/** Before the container's earlier rules. What iptables refuses, as a port with ICMP, is the client's error. */
export function netOutArguments(id: string, { network, ports, protocol, icmpType, icmpCode, log }: NetOutRule): string[] {
  // iptables(8) would look a name up.
  if (network !== undefined && !/^[\d.]+(\/[\d.]+|-[\d.]+)?$/.test(network)) throw new CommandFailure(`${JSON.stringify(network)} is no address, network or range`);
  if (ports !== undefined && !/^\d+(:\d+)?$/.test(ports)) throw new CommandFailure(`${JSON.stringify(ports)} is no port or range of ports`);
  const args = ['-I', chainOf(id), '1', '-p', protocol];
  if (network !== undefined) args.push(...(network.includes('-') ? ['-m', 'iprange', '--dst-range', network] : ['-d', network]));
  if (ports !== undefined) args.push('--dport', ports);
  if (protocol === 'icmp') args.push('--icmp-type', icmpText(icmpType, icmpCode));
  return [...args, ...(log ? ['-g', logChainOf(id)] : ['-j', 'RETURN'])];
}
