import { InvalidArgumentError, Option } from 'commander';
import type { LogsOptions } from '../../actions/job/logs.js';
import type { Define } from '../define.js';
import { depot, durationOrZero, integer } from '../options.js';

const TAIL = { min: 0, max: 1_000_000 };

/** Parses a point in time: so long ago, or RFC 3339. */
function since(text: string): number {
  if (/^\d+(\.\d+)?(ms|[smhd])?$/.test(text)) return Date.now() - durationOrZero(text);
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('It is a duration, such as 10m, or a time, such as 2026-11-30T16:03:02Z.');
  return time;
}

export const logs: Define = (program, exit) => {
  program.command('logs')
    .summary('print what a job has written')
    .description('Prints what a job has written so far, or all of it until its end.')
    .usage('CONTAINER/JOB [OPTION...]')
    .argument('<job>', 'CONTAINER/JOB, or a container that has one job')
    .option('-f, --follow', 'go on until the job has ended')
    .addOption(new Option('--since <time>', 'leave out what is older: 10m, or 2026-11-30T16:03:02Z').argParser(since))
    .addOption(new Option('-n, --tail <count>', 'only so many of the last lines that are there').argParser(integer(TAIL)))
    .option('-t, --timestamps', 'begin each line with its time')
    .option('--reopen', 'print nothing, and make the job open its log again after the file was renamed')
    .addOption(depot())
    .addHelpText('after', `
Examples:
  warden logs web/1j10r9a667s
  warden logs -f --since 10m --timestamps web/1j10r9a667s
  mv web.log web.log.old && warden logs --reopen web/1j10r9a667s

A job that was started with --log has a log. Of another one, only what it
still keeps can be printed: when it has ended, or with --follow.

Exit code:
  0 when all is printed; 1 when there is no such job or no log; 2 for an
  invalid command line; 128 + N when interrupted by signal N.`)
    .action(async (name: string, options: LogsOptions) => {
      const { logs: work } = await import('../../actions/job/logs.js');
      exit(await work(name, options));
    });
};
