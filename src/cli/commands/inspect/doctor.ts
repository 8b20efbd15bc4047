import type { DoctorOptions } from '../../actions/inspect/doctor.js';
import type { Define } from '../define.js';
import { json } from '../options.js';

export const doctor: Define = (program, exit) => {
  program.command('doctor')
    .summary('show what this machine can and cannot do for containers')
    .description('Checks the machine, the user and the package, and says line by line what is missing, and what to do about it.')
    .option('--engines', 'show how container engines are pointed at warden-runtime and the monitor')
    .addOption(json())
    .addHelpText('after', `
Examples:
  warden doctor
  warden doctor --engines
  warden doctor --json | jq -r '.[] | select(.state != "good").remedy'

Exit code:
  0 when containers can be made; 1 when something for that is missing; 2 for
  an invalid command line.`)
    .action(async (options: DoctorOptions) => {
      const { doctor: work } = await import('../../actions/inspect/doctor.js');
      exit(await work(options));
    });
};
