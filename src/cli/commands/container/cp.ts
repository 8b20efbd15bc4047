import type { CopyOptions } from '../../actions/container/cp.js';
import type { Define } from '../define.js';
import { depot } from '../options.js';

export const cp: Define = (program, exit) => {
  program.command('cp')
    .summary('copy files between the host and a container')
    .description('Copies a file or directory between the host and a container, or a tar stream.')
    .usage('[OPTION...] [--] SOURCE TARGET, one of them CONTAINER:PATH')
    .argument('<source>', 'CONTAINER:PATH, a path on the host, or - for a tar stream on standard input')
    .argument('<place>', 'the same; - for a tar stream on standard output')
    .option('-a, --archive', 'keep the numbers of the owners')
    .addOption(depot())
    .addHelpText('after', `
A path in the container begins at its root. TARGET, if it is a directory, gets
SOURCE by its name; with DIR/. as SOURCE it gets the contents of DIR.

Examples:
  warden cp site web:/srv                     makes /srv/site
  warden cp site/. web:/srv
  warden cp web:/var/log/app.log .
  warden cp web:/etc - | tar tv
  tar c *.conf | warden cp - web:/etc

Exit code:
  0 when all is copied; 1 when there is no such container, file or directory,
  or something could not be copied; 2 for an invalid command line; 128 + N
  when interrupted by signal N.`)
    .action(async (source: string, target: string, options: CopyOptions) => {
      const { cp: work } = await import('../../actions/container/cp.js');
      exit(await work(source, target, options));
    });
};
