import { Option } from 'commander';
import type { SeccompOptions } from '../../actions/container/seccomp.js';
import type { Define } from '../define.js';
import { names } from '../options.js';

export const seccomp: Define = (program, exit) => {
  program.command('seccomp')
    .summary('make a filter for wshd --filter of a seccomp profile')
    .description('Writes a filter of system calls to standard output, for `wshd --filter`: of a seccomp profile (OCI, containers-common, Docker), or of the default one.')
    .argument('[profile]', 'the file of a profile (default: the profile of containers)')
    .addOption(new Option('--cap-add <name>', 'judge conditions as for a container with this capability, too; ALL; can be repeated').argParser(names))
    .addOption(new Option('--cap-drop <name>', 'judge them as for one without it; ALL; can be repeated').argParser(names))
    .addHelpText('after', `
Examples:
  warden seccomp > usual.filter
  warden seccomp /usr/share/containers/seccomp.json > podmans.filter
  wshd --run run --lib lib --root root --confine --filter usual.filter

Exit code:
  0; 1 when it cannot be written; 2 for what is no profile, or an invalid
  command line.`)
    .action(async (profile: string | undefined, options: SeccompOptions) => {
      const { seccomp: work } = await import('../../actions/container/seccomp.js');
      exit(await work(profile, options));
    });
};
