import type { ServeOptions } from '../../actions/server/serve.js';
import type { Define } from '../define.js';

export const serve: Define = (program, exit) => {
  program.command('serve')
    .summary('serve containers to clients of the original server')
    .description('Serves containers over a unix socket, with the protocol of the original server, until SIGUSR2, SIGTERM or SIGINT. Containers and their jobs go on; the next server picks them up.')
    .usage('--config FILE')
    .requiredOption('--config <file>', 'the configuration, in YAML')
    .addHelpText('after', `
Examples:
  warden serve --config /etc/warden.yml

SIGHUP reads the configuration again, as far as it can change while the server runs.

Exit code:
  0 when it was drained; 1 when it cannot serve here; 2 for an invalid configuration or command line.`)
    .action(async (options: ServeOptions) => {
      const { serve: work } = await import('../../actions/server/serve.js');
      exit(await work(options));
    });
};
