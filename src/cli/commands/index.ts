/** All commands, in the order in which the help lists them. */
import type { Define } from './command.js';
import { exec } from './exec.js';
import { ps } from './ps.js';
import { run } from './run.js';
import { topology } from './topology.js';
import { wire } from './wire.js';

export const commands: readonly Define[] = [
  run,
  exec,
  ps,
  topology,
  wire,
];
