/** The three pools of a server, and the sentences when they are empty. */
import { WardenError } from '../../base/errors.js';
import { textOfFile } from '../../base/files.js';
import { formatAddress, networkOf, parseAddress } from '../config/address.js';
import type { Config } from '../config/config.js';
import { Refusal } from '../refusal.js';
import { Pool } from './pool.js';

const NETWORK_PREFIX = 30;
const NETWORK_ADDRESSES = 4;

export class Pools {
  readonly networks: Pool;
  readonly uids: Pool;
  readonly ports: Pool;

  constructor({ network, uids, ports }: Config, private readonly nowMs: () => number) {
    const { first, count, releaseDelayS } = network;
    this.networks = new Pool({ first, step: NETWORK_ADDRESSES, count, releaseDelayMs: releaseDelayS * 1000 });
    this.uids = new Pool({ ...uids, step: 1, releaseDelayMs: 0 });
    this.ports = new Pool({ ...ports, step: 1, releaseDelayMs: 0 });
  }

  /** The first address of a /30: the one that the asked-for address is in, else the next free one. */
  acquireNetwork(asked: string | undefined): number {
    if (asked === undefined) return this.networks.acquire(this.nowMs()) ?? refuse('Could not acquire network');
    const address = parseAddress(asked);
    if (address === undefined) throw new Refusal(`Could not acquire network: ${asked}`);
    const network = networkOf(address, NETWORK_PREFIX);
    if (!this.networks.take(network, this.nowMs())) throw new Refusal(`Could not acquire network: ${formatAddress(network)}`);
    return network;
  }

  acquireUid(): number { return this.uids.acquire(this.nowMs()) ?? refuse('no uid available'); }
  acquirePort(): number { return this.ports.acquire(this.nowMs()) ?? refuse('no port available'); }

  releaseNetwork(network: number): void { this.networks.release(network, this.nowMs()); }
  releaseUid(uid: number): void { this.uids.release(uid, this.nowMs()); }
  releasePort(port: number): void { this.ports.release(port, this.nowMs()); }
}

function refuse(sentence: string): never { throw new Refusal(sentence); }

/** No user of the host's may have a container's number. @throws WardenError */
export function checkUids({ first, count }: Config['uids'], passwd: string = textOfFile('/etc/passwd', 'utf8')): void {
  const overlaps = (uid: string | undefined): boolean => /^\d+$/.test(uid ?? '') && Number(uid) >= first && Number(uid) < first + count;
  const taken = passwd.split('\n').map((line) => line.split(':')).find(([, , uid]) => overlaps(uid));
  if (taken) throw new WardenError('USAGE', `UID in user pool overlaps with user in /etc/passwd: ${taken[0]} has ${taken[2]}; choose another user.pool_start_uid`);
}
