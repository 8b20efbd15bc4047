/** The behaviours on Linux, of the modules in this very process. wshd is native: a container is more than an instance. */
import { registerOnLinux } from './linux.js';
import { Instances } from './instances.js';

const instances = new Instances();
registerOnLinux('Node', (program, args, env) => instances.launch(program, args, env));
