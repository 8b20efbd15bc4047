import type { WaitOptions } from '../../actions/job/wait.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const wait: Define = (program, exit) => {
  program.command('wait')
    .summary('wait for the end of jobs, and print their exit codes')
    .description('Waits until jobs have ended, and prints their exit codes, one a line; 128 + N for a job killed by signal N.')
    .usage('CONTAINER/JOB... [OPTION...]')
    .argument('<job...>', 'CONTAINER/JOB')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden wait web/1j10r9a667s
  job=$(warden spawn web -- make test) && warden wait web/$job

Exit code:
  0 when all have ended; 1 when there is no such job, or its exit code is gone;
  2 for an invalid command line; 128 + N when interrupted by signal N.`)
    .action(async (names: string[], options: WaitOptions) => {
      const { wait: work } = await import('../../actions/job/wait.js');
      exit(await work(names, options));
    });
};
