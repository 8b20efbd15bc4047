import type { LinkOptions } from '../../actions/job/link.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const link: Define = (program, exit) => {
  program.command('link')
    .summary('follow a job\'s output')
    .description('Copies what a job writes to standard output and error, until the job ends. Ctrl-C leaves the job alone.')
    .usage('CONTAINER JOB [OPTION...]')
    .argument('<container>', 'its id, or its directory')
    .argument('<job>', 'its id, as "warden spawn" printed it')
    .option('--cursors <file>', 'go on at the positions in this file, and keep it up to date: nothing is printed twice')
    .option('--signal-status', 'exit with 128 + N when signal N killed the job (default: 255)')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden link web 1j10r9a667s
  warden link web 1j10r9a667s --cursors web.cursors >> web.log

Exit code:
  the job's; 255 when it was killed, its exit code is gone, or its output
  cannot be written; 141 when the reader of that output has gone; 1 when there
  is no such job; 2 for an invalid command line; 128 + N when interrupted by
  signal N, as 130 by Ctrl-C: the job goes on, the cursors are saved.`)
    .action(async (name: string, job: string, options: LinkOptions) => {
      const { link: work } = await import('../../actions/job/link.js');
      exit(await work(name, job, options));
    });
};
