/** All commands, in the order in which the help lists them. */
import type { Define } from './command.js';
import { completion } from './completion.js';
import { create } from './create.js';
import { destroy } from './destroy.js';
import { exec } from './exec.js';
import { info } from './info.js';
import { link } from './link.js';
import { list } from './list.js';
import { ps } from './ps.js';
import { run } from './run.js';
import { sim } from './sim.js';
import { spawn } from './spawn.js';
import { stop } from './stop.js';
import { topology } from './topology.js';
import { wire } from './wire.js';

export const commands: readonly Define[] = [
  run,
  create,
  exec,
  spawn,
  link,
  list,
  info,
  ps,
  topology,
  sim,
  stop,
  destroy,
  wire,
  completion,
];
