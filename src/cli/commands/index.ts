/** All commands, in the order in which the help lists them. */
import type { Define } from './command.js';
import { exec } from './exec.js';
import { run } from './run.js';
import { wire } from './wire.js';

export const commands: readonly Define[] = [
  run,
  exec,
  wire,
];
