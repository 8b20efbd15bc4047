/** The server's chains in iptables(8), nft-backed or legacy. One change after the other: two at once can fail each other. */
import { writeFileSync } from 'node:fs';
import type { Config } from '../config/config.js';
import type { NetOutRule } from '../container/backend.js';
import { command } from '../linux/command.js';
import { CommandFailure } from '../refusal.js';
import {
  baseFilter, baseNat, type Changes, containerFilter, containerNat, netInArguments, netOutArguments, removalCommands, removalOf,
  removalRules, restoreText,
} from './rules.js';

/** iptables(8): 1 what is asked for is not there, 2 the command line, 4 a resource, as a chain in use. */
const NOT_THERE = [0, 1, 2, 4];
/** Any address outside: the way there is the way out. */
const SOMEWHERE = '1.2.3.4';

/** A container with what was asked for since its start. */
export interface Forwarded {
  readonly id: string;
  /** Its own address. */
  readonly inner: string;
  readonly netIn: readonly (readonly [hostPort: number, containerPort: number])[];
  readonly netOut: readonly NetOutRule[];
}

/** Arguments of iptables(8) as a line of iptables-restore(8), which names the table elsewhere. */
function ruleLine(args: readonly string[]): string { return args.slice(args[0] === '-t' ? 2 : 0).join(' '); }

export class Firewall {
  private queue: Promise<unknown> = Promise.resolve();
  /** Where a container's jump goes in warden-forward: behind the rule for what comes from outside. */
  private position = 1;

  constructor(private readonly config: Config['network']) {}

  /** Runs when all changes before it have ended. */
  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private restore(changes: Parameters<typeof restoreText>[0]): Promise<unknown> {
    return command('iptables-restore', ['--noflush', '--wait'], { input: restoreText(changes) });
  }

  /** Makes all chains anew; those of an earlier server go. */
  setUp(): Promise<void> {
    return this.inTurn(async () => {
      writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
      const { device } = await this.wayOut(), { stdout: saved } = await command('iptables-save', []);
      this.position = device === undefined ? 1 : 2;
      const filter = removalOf(saved, 'filter').rules, nat = removalOf(saved, 'nat').rules;
      if (filter.length + nat.length > 0) await this.restore({ filter: { rules: filter }, nat: { rules: nat } });
      await this.restore({ filter: baseFilter(this.config, device), nat: baseNat(this.config) });
    });
  }

  /** The address and the device of the route to the outside. */
  async wayOut(): Promise<{ address: string | undefined; device: string | undefined }> {
    const { stdout } = await command('ip', ['-4', 'route', 'get', SOMEWHERE], { allow: [0, 1, 2] });
    return { address: /\bsrc (\S+)/.exec(stdout)?.[1], device: /\bdev (\S+)/.exec(stdout)?.[1] };
  }

  add(id: string): Promise<void> {
    return this.inTurn(async () => { await this.restore({ filter: containerFilter(id, this.position), nat: containerNat(id) }); });
  }

  /** Chains and rules of many containers at once: one process, not several for each container. */
  addAll(containers: readonly Forwarded[]): Promise<void> {
    return this.inTurn(async () => {
      const { address } = await this.wayOut();
      const filter = containers.map(({ id }) => containerFilter(id, this.position)), nat = containers.map(({ id }) => containerNat(id));
      const outs = containers.flatMap(({ id, netOut }) => netOut.map((rule) => ruleLine(netOutArguments(id, rule))));
      const ins = containers.flatMap(({ id, inner, netIn }) => netIn.map(([hostPort, containerPort]) => {
        if (address === undefined) throw new CommandFailure(`this machine has no route to ${SOMEWHERE}, so no external address`);
        return ruleLine(netInArguments(id, address, hostPort, inner, containerPort));
      }));
      const all = (changes: readonly Changes[], more: readonly string[]): Changes => (
        { chains: changes.flatMap(({ chains }) => chains), rules: [...changes.flatMap(({ rules }) => rules), ...more] }
      );
      await this.restore({ filter: all(filter, outs), nat: all(nat, ins) });
    });
  }

  /** Whatever there is of the container's. */
  remove(id: string): Promise<void> {
    return this.inTurn(async () => {
      const { filter, nat } = removalRules(id);
      try {
        await this.restore({ filter: { rules: filter }, nat: { rules: nat } });
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        for (const args of removalCommands(id)) await command('iptables', ['-w', ...args], { allow: NOT_THERE });
      }
    });
  }

  async netIn(id: string, inner: string, hostPort: number, containerPort: number): Promise<void> {
    const { address } = await this.wayOut();
    if (address === undefined) throw new CommandFailure(`this machine has no route to ${SOMEWHERE}, so no external address`);
    await this.inTurn(() => command('iptables', ['-w', ...netInArguments(id, address, hostPort, inner, containerPort)]));
  }

  async netOut(id: string, rule: NetOutRule): Promise<void> { await this.inTurn(() => command('iptables', ['-w', ...netOutArguments(id, rule)])); }
}
