/** A user of no machine, who runs `warden` without root: with a single id, or with those that /etc/subuid gives. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readIdFacts, whyNoNamespace } from '../../../src/core/container/choose-ids.js';
import { main, type Result, start } from '../../cli/help.js';
import { noContainers } from '../container.js';
import { scratch } from '../process.js';

export const UID = 61_234, FIRST = 1_600_000_000;
export const asUser = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];

/** Nobody else may have a right to read this checkout, or even Node. */
function cannotRun(): string | undefined {
  const [file, ...args] = [...asUser, process.execPath, main, '--version'];
  return spawnSync(file, args).status === 0 ? undefined : 'a user other than root cannot run Node, or read this checkout';
}

export const whyNoUser = noContainers ?? whyNoNamespace({ ...readIdFacts(), uid: UID }) ?? cannotRun();
export const whyNoIds = whyNoUser ?? (existsSync('/usr/bin/newuidmap') ? undefined : 'there is no newuidmap (package uidmap)');

export class OrdinaryUser {
  private readonly place = scratch();
  readonly runtime = `${this.place.path}/runtime`;
  readonly environment = { ...process.env, XDG_RUNTIME_DIR: this.runtime, WARDEN_DEPOT: undefined };

  constructor() {
    mkdirSync(this.runtime);
    chownSync(this.runtime, UID, UID);
    chmodSync(this.place.path, 0o755);
    writeFileSync(`${this.place.path}/passwd`, `root:x:0:0::/:/bin/sh\nwarden-test:x:${UID}:${UID}::/:/bin/sh\n`);
    writeFileSync(`${this.place.path}/sub`, `warden-test:${FIRST}:65536\n`);
  }

  /** Without a file of ids. */
  warden(...args: string[]): Promise<Result> { return this.start('mount --bind /dev/null /etc/subuid 2> /dev/null', args); }

  /** As a user who has ids in /etc/subuid, which only this process and its children see. */
  wardenWithIds(...args: string[]): Promise<Result> {
    const { path } = this.place;
    return this.start(`mount --bind ${path}/passwd /etc/passwd && mount --bind ${path}/sub /etc/subuid && mount --bind ${path}/sub /etc/subgid`, args);
  }

  private start(before: string, args: readonly string[]): Promise<Result> {
    const command = [...asUser, process.execPath, main, ...args];
    return start(['unshare', '-m', 'sh', '-c', `${before}; exec "$@"`, 'sh', ...command], '', this.environment).result;
  }

  /** What is left of the user's containers. */
  leftovers(): string[] { return existsSync(`${this.runtime}/warden`) ? readdirSync(`${this.runtime}/warden`) : []; }

  remove(): void { this.place.remove(); }
}
