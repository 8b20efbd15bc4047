/** All commands, in the order in which the help lists them. */
import type { Define } from './command.js';
import { run } from './run.js';

export const commands: readonly Define[] = [run];
