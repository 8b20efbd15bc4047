/** `warden exec --timeout`: somebody has to look at the clock, so wsh's module runs in this process. */
import type { LimitName, LimitValue } from '../container/execution.js';
import { WardenError } from '../container/error.js';
import { EXIT_TIMED_OUT, EXIT_UNKNOWN } from './exit.js';
import { complain, interruptible } from './interrupt.js';
import { openContainer } from './open.js';
import { duration } from './print.js';

const VARIABLE = 'RLIMIT_';

export function execFor(timeoutMs: number, directory: string, command: readonly string[], user: string | undefined): Promise<number> {
  return interruptible('exec', async (signal) => {
    const container = await openContainer(directory);
    try {
      const { exitCode, signal: killedBy, timedOut } = await container.exec(command, {
        user, timeoutMs, signal, stdio: 'inherit', lang: process.env['LANG'], limits: limitsIn(process.env),
      }).result;
      if (timedOut) complain('exec', `the command was killed after ${duration(timeoutMs)} (--timeout)`);
      else if (exitCode === null) complain('exec', `the command was killed${killedBy === null ? '' : ` by ${killedBy}`}`);
      return timedOut ? EXIT_TIMED_OUT : exitCode ?? EXIT_UNKNOWN;
    } catch (error) {
      // As the native wsh, which tells whatever else goes wrong from the command's own exit codes by its words.
      if (!(error instanceof WardenError) || error.isUsage || error.isAborted) throw error;
      complain('exec', error);
      return EXIT_UNKNOWN;
    }
  });
}

/** What the native wsh finds in its environment: docs/wsh.md */
function limitsIn(environment: NodeJS.ProcessEnv): Partial<Record<LimitName, LimitValue>> {
  const found = Object.entries(environment).filter(([name]) => name.startsWith(VARIABLE));
  return Object.fromEntries(found.map(([name, text]) => {
    const match = /^\s*(-1|\d+)(?:\s+(-1|\d+))?\s*$/.exec(text!);
    if (!match) throw new WardenError('USAGE', `${name} is "N" or "SOFT HARD", whole numbers or -1 for unlimited, not ${JSON.stringify(text)}`);
    const [soft, hard] = [match[1]!, match[2] ?? match[1]!].map((word) => (word === '-1' ? 'unlimited' : Number(word)));
    return [name.slice(VARIABLE.length), { soft, hard }];
  }));
}
