import type { CreateOptions } from '../../actions/container/create.js';
import type { Define } from '../define.js';
import { containerSettings, json, ulimit } from '../options.js';

export const create: Define = (program, exit) => {
  containerSettings(program.command('create'))
    .summary('make a container that stays')
    .description('Makes a container that lives until "warden destroy", and prints its id.')
    .addOption(ulimit())
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden create
  warden create --name web --memory 256M --cpu-shares 512 --bind /srv/www:/www:ro
  id=$(warden create) && warden exec $id -- hostname

Exit code:
  0 when it serves; 1 when it could not be made, and then nothing of it is
  left; 2 for an invalid command line; 128 + N when interrupted by signal N.`)
    .action(async (options: CreateOptions) => {
      const { create: work } = await import('../../actions/container/create.js');
      exit(await work(options));
    });
};
