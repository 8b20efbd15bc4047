/** Why a command may have been killed that its exit status alone does not explain. */
import { constants } from 'node:os';
import type { Container, ExitStatus } from '../../index.js';
import { EXIT_SIGNAL } from '../exit-codes.js';
import { complain } from './interrupt.js';
import { bytes, plural } from './quantities.js';

/** Says that memory has run out in the container, after the end of a command that SIGKILL ended, or a process of its shell. */
export async function complainOfMemory(command: string, container: Container, { exitCode, signal }: ExitStatus): Promise<void> {
  if (signal !== 'SIGKILL' && exitCode !== EXIT_SIGNAL + constants.signals.SIGKILL) return;
  const memory = await container.memory().catch(() => null);
  if (memory === null || memory.oomKills === 0 || memory.limitBytes === null) return;
  complain(command, `memory has run out in the container: the kernel has killed ${plural(memory.oomKills, 'process')} of it so far; `
    + `the limit is ${bytes(memory.limitBytes)}`);
}
