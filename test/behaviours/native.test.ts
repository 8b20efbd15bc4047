/** The behaviours on Linux, of the native programs. */
import { programPath } from '../../src/base/paths.js';
import { LinuxProcess, registerOnLinux } from './linux.js';

registerOnLinux('native', (program, args, env) => new LinuxProcess(programPath(program), args, env));
