/**
 * The behaviours on Linux, of the modules in this very process: also of wshd's serving part. A container with users of its
 * own is a native wshd's, for a container is more than an instance.
 */
import { Instances } from './instances.js';
import { registerOnLinux } from './linux.js';
import { Serving } from './serving.js';

const instances = new Instances();
registerOnLinux('Node', (program, args, env) => instances.launch(program, args, env), (directory) => new Serving(`${directory}/wshd.sock`));
