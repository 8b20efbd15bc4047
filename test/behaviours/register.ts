/** Makes a suite of each program's behaviours on one host. */
import { suite } from 'uvu';
import { unless } from '../support/skip.js';
import { behaviours as iomuxLink } from './iomux-link.js';
import { behaviours as iomuxLinger } from './iomux-linger.js';
import { behaviours as iomuxLog } from './files/iomux-log.js';
import { behaviours as iomuxSpawn } from './iomux-spawn.js';
import { behaviours as oom } from './oom.js';
import { behaviours as wsh } from './wsh.js';
import { behaviours as wshd } from './wshd.js';
import type { Case, HostName } from './world.js';

export interface Host {
  name: HostName;
  /** Why it has not what a case needs. */
  lacks(one: Case): string | undefined;
  run(one: Case): Promise<void>;
  /** When all have run. */
  after?(): Promise<void>;
}

export function register(host: Host): void {
  const programs = [wshd, wsh, iomuxSpawn, iomuxLinger, iomuxLog, iomuxLink, oom];
  for (const { program, cases } of programs) {
    const one = suite(`behaviours of ${program}, ${host.name}`);
    for (const each of cases) {
      const why = each.notOn?.[host.name];
      if (why !== undefined) console.log(`  not on the ${host.name} host: ${each.name} (${why})`);
      else unless(host.lacks(each), one)(each.name, () => host.run(each));
    }
    if (program === programs.at(-1)!.program && host.after) one.after(host.after);
    one.run();
  }
}
