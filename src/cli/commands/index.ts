/** All commands, in the order of the help. */
import type { Define } from './define.js';
import { client } from './server/client.js';
import { completion } from './completion.js';
import { cp } from './container/cp.js';
import { create } from './container/create.js';
import { destroy } from './container/destroy.js';
import { doctor } from './inspect/doctor.js';
import { exec } from './job/exec.js';
import { info } from './container/info.js';
import { kill } from './container/kill.js';
import { link } from './job/link.js';
import { list } from './container/list.js';
import { logs } from './job/logs.js';
import { ps } from './inspect/ps.js';
import { run } from './container/run.js';
import { seccomp } from './container/seccomp.js';
import { serve } from './server/serve.js';
import { sim } from './protocol/sim.js';
import { spawn } from './job/spawn.js';
import { stop } from './container/stop.js';
import { sweep } from './container/sweep.js';
import { topology } from './inspect/topology.js';
import { wait } from './job/wait.js';
import { wire } from './protocol/wire.js';

export const commands: readonly Define[] = [
  run,
  create,
  exec,
  spawn,
  link,
  logs,
  wait,
  cp,
  list,
  info,
  ps,
  topology,
  serve,
  client,
  sim,
  kill,
  stop,
  destroy,
  sweep,
  doctor,
  seccomp,
  wire,
  completion,
];
