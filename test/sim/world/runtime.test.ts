/** The OCI runtime in the simulated kernel: a container's life, and each of its calls failed with each errno that it can return. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Call, type CallEvent, type Fault, FAULT_TRAP, type FaultPlan } from '../../../src/sim/kernel/events.js';
import { errnos } from '../../../src/sim/kernel/errno.js';
import { errnosOf } from '../../../src/sim/scenario/call-errnos.js';
import { type Observer, World } from '../../../src/sim/world/index.js';
import { loadPrograms } from '../../../src/sim/world/node.js';

const runtime = suite('the runtime in the simulated kernel');
const programs = await loadPrograms();
const RUNTIME = 'warden-runtime', STEPS_MAX = 20_000, JOB_CODE = 7;

const CONFIG = {
  ociVersion: '1.0.2',
  process: {
    args: ['/bin/job'], cwd: '/work', user: { uid: 0, gid: 0, additionalGids: [5] }, env: ['PATH=/bin'],
    capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'], inheritable: ['CAP_KILL'], ambient: ['CAP_KILL'] },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 64 }], noNewPrivileges: true,
  },
  root: { path: 'rootfs', readonly: true },
  hostname: 'simulated',
  mounts: [
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=1777'] },
    { destination: '/data', type: 'bind', source: '/data', options: ['rbind', 'ro'] },
    { destination: '/kept', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup'] },
  ],
  linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'uts' }], readonlyPaths: ['/kept', '/nosuch'], maskedPaths: ['/secret', '/etc'] },
};

interface Ran { code: number; calls: number; trapped: string[]; stderr: string; left: string[]; alive: number; struck: boolean }

/** `run` of a container whose process ends with 7; `delete --force` afterwards, when it `cleans`. */
function runContainer(plan?: FaultPlan & { struck: boolean }, cleans = false): Ran {
  let calls = 0;
  const trapped: string[] = [];
  const observer: Observer = {
    call: ({ process }: CallEvent) => { if (process.title === RUNTIME) calls++; },
    trapped: (_process, words) => { trapped.push(words); },
  };
  const world = new World({ programs, seed: 1, stepsMax: STEPS_MAX, observers: [observer], plan });
  try {
    const { files } = world;
    files.write('/proc/self/cgroup', '');
    files.directory('/run');
    files.write('/data/file', 'data');
    files.write('/bundle/config.json', JSON.stringify(CONFIG));
    files.script('/bundle/rootfs/bin/job', `exit ${JOB_CODE}`);
    files.interpreter('/bundle/rootfs/bin/script');
    files.write('/bundle/rootfs/secret', 'x');
    files.write('/bundle/rootfs/kept/file', 'kept');
    files.directory('/bundle/rootfs/etc');
    const { process, stderr } = world.start([RUNTIME, 'run', '--bundle', '/bundle', 'c']);
    world.run();
    if (cleans) {
      world.start([RUNTIME, 'delete', '--force', 'c']);
      world.run();
    }
    const alive = world.processes.filter((each) => !each.ended).length;
    return { code: process.status >> 8, calls, trapped, stderr: stderr!.text, left: files.list('/run/warden-runtime'), alive, struck: plan?.struck ?? false };
  } finally {
    world.end();
  }
}

runtime('runs a container to its end, and leaves nothing', () => {
  const { code, left, stderr, trapped, alive } = runContainer();
  assert.equal({ code, left, stderr, trapped, alive }, { code: JOB_CODE, left: [], stderr: '', trapped: [], alive: 0 });
});

/** The n-th call of the runtime, in both of its processes, fails with its k-th errno. */
class OneFault implements FaultPlan {
  private seen = 0;
  struck = false;
  name = '';
  /** Whether the call has an errno of that number. */
  exists = true;

  constructor(private readonly nth: number, private readonly kth: number) {}

  at({ process, name }: Call): Fault | undefined {
    if (process.title !== RUNTIME || this.seen++ !== this.nth) return undefined;
    const errno = errnosOf(name)[this.kth];
    this.name = name;
    this.exists = errno !== undefined;
    this.struck = this.exists;
    return errno === undefined ? undefined : { errno: errnos[errno] };
  }
}

/** Calls whose failure is the container's failure only later, or is not to be seen: removing what may be gone already. */
const CLEANING = new Set(['removeAt', 'close']);

/** What must not be after a fault. */
function wrongIn(ran: Ran, name: string): string[] {
  const wrong: string[] = [];
  if (ran.trapped.length > 0) wrong.push(`trapped: ${ran.trapped.join(', ')}`);
  if (ran.alive > 0) wrong.push(`${ran.alive} processes are left`);
  if (![0, 1, JOB_CODE, 255].includes(ran.code)) wrong.push(`exit code ${ran.code}`);
  if (ran.code === 1 && !/^warden-runtime: .+\n/.test(ran.stderr)) wrong.push('no sentence');
  if (!CLEANING.has(name) && ran.left.length > 0) wrong.push('the state directory is left');
  return wrong;
}

runtime('each call fails with each errno: it ends, in a sentence, and no process is left', () => {
  const { calls } = runContainer();
  const wrong: string[] = [];
  let faults = 0;
  for (let nth = 0; nth < calls; nth++) {
    for (let kth = 0; ; kth++) {
      const plan = new OneFault(nth, kth), ran = runContainer(plan);
      if (!plan.exists) break;
      faults++;
      wrong.push(...wrongIn(ran, plan.name).map((words) => `call ${nth}, ${plan.name}, errno ${kth}: ${words}; ${ran.stderr}`));
    }
  }
  assert.equal(wrong, []);
  assert.ok(faults > 1000, `${faults} faults`);
  console.log(`  ${faults} faults at ${calls} calls`);
});

/** The n-th call of the runtime, in both of its processes: it is killed there, or it traps. */
class OneBlow implements FaultPlan {
  private seen = 0;
  struck = false;
  name = '';

  constructor(private readonly nth: number, private readonly blow: Fault) {}

  at({ process, name }: Call): Fault | undefined {
    if (process.title !== RUNTIME || this.seen++ !== this.nth) return undefined;
    this.name = name;
    this.struck = true;
    return this.blow;
  }
}

runtime('killed before or after each call, or trapping there: nothing runs on, and delete --force removes what is left', () => {
  const { calls } = runContainer(), wrong: string[] = [];
  for (const blow of [{ kill: 'before' }, { kill: 'after' }, { trap: true }] as const) {
    for (let nth = 0; nth < calls; nth++) {
      const plan = new OneBlow(nth, blow), ran = runContainer(plan, true);
      const words = [
        ...ran.trapped.filter((each) => !each.endsWith(FAULT_TRAP)), ...(ran.alive > 0 ? [`${ran.alive} processes are left`] : []),
        ...(ran.left.length > 0 ? [`left: ${ran.left.join()}`] : []),
      ];
      wrong.push(...words.map((each) => `${JSON.stringify(blow)} at call ${nth}, ${plan.name}: ${each}; ${ran.stderr}`));
    }
  }
  assert.equal(wrong, []);
});

runtime.run();
