import type { CreateOptions } from '../create.js';
import type { Define } from './command.js';
import { containerSettings, json } from './options.js';

export const create: Define = (program, exit) => {
  containerSettings(program.command('create'))
    .summary('make a container that stays')
    .description('Makes a container that lives until "warden destroy", and prints its id.')
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden create
  warden create --name web --memory 256M --cpu 512 --bind /srv/www:/www:ro
  id=$(warden create) && warden exec $id -- hostname

Exit code:
  0 when it serves; 1 when it could not be made, and then nothing of it is
  left; 2 for a command line that makes no sense; 128 + N when interrupted by
  signal N.`)
    .action(async (options: CreateOptions) => {
      const { create: work } = await import('../create.js');
      exit(await work(options));
    });
};
