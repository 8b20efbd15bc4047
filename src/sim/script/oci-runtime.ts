/** The results that an OCI runtime leaves for its monitor: a pid file, and a terminal sent to the console socket. */
import { RegularFile } from '../kernel/files.js';
import type { Kernel } from '../kernel/kernel.js';
import { lookUp, lookUpParent } from '../kernel/mounts/mounts.js';
import type { Process } from '../kernel/process.js';
import { Pty, PtyMaster, PtySlave } from '../kernel/tty/pty.js';
import { Socket, SocketFile } from '../kernel/socket.js';

const MULTIPLEXER = new TextEncoder().encode('/dev/ptmx');

/** The value after one of the runtime's options. */
function optionOf({ argv }: Process, name: string): string | undefined {
  const at = argv.indexOf(name);
  return at < 0 ? undefined : argv[at + 1];
}

/** `first`: the container's init, a child of the runtime. */
export function startContainer(kernel: Kernel, runtime: Process, first: Process): void {
  first.becomeSessionLeader();
  const console = optionOf(runtime, '--console-socket'), pidFile = optionOf(runtime, '--pid-file');
  if (console !== undefined) sendTerminal(kernel, runtime, first, console);
  const place = pidFile === undefined ? -1 : lookUpParent(kernel.view, pidFile);
  if (typeof place !== 'number') place.directory.node.put(place.name, RegularFile.of(String(first.pid)));
}

function sendTerminal(kernel: Kernel, runtime: Process, first: Process, path: string): void {
  const place = lookUp(kernel.view, path);
  if (typeof place === 'number' || !(place.node instanceof SocketFile)) return;
  const socket = place.node.listener.connect(runtime);
  if (!(socket instanceof Socket)) return;
  const pty = new Pty();
  socket.hold();
  for (const fd of [0, 1, 2]) first.descriptors.place(fd, new PtySlave(pty));
  first.takeTerminal(pty);
  socket.send(MULTIPLEXER, [new PtyMaster(pty)]);
  socket.drop();
}
