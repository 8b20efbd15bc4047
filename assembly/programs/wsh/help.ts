/** What wsh prints about itself, and about the end of a command. */
import { print } from "../../boundary/wasi";
import * as line from "../../lib/line";
import { badVariable } from "./rlimits";
import { Probe, ssh } from "./ssh";

export function printHelp(): void {
  line.begin();
  line.put("usage: wsh [--socket PATH] [--user USER] [--env NAME[=VALUE]]... [--workdir DIR] [--umask MODE]\n");
  line.put("           [--tty ROWSxCOLUMNS] [-t|-T] [-i|-n] [-v] [--raise|--signal-status] [--rsh|--ssh]\n");
  line.put("           [COMMAND [ARG...]]\n");
  line.put("  --socket PATH  the container's wshd (run/wshd.sock)\n");
  line.put("  --user USER    who runs the command (root): USER[:GROUP][,GROUP...], names or numbers\n");
  line.put("  --env NAME     a variable for the command: NAME=VALUE, or of this program's environment\n");
  line.put("  --workdir DIR  where the command begins (the user's home)\n");
  line.put("  --umask MODE   its file mode creation mask, in octal digits (022)\n");
  line.put("  --tty SIZE     a terminal for the command, although stdin is none: 24x80\n");
  line.put("  -t, -T         a terminal for the command if stdin is one (default), or none\n");
  line.put("  -i, -n         pass stdin on to the command (default), or give it none\n");
  line.put("  -v, --verbose  report on stderr that a signal killed the command, also if stderr is no terminal\n");
  line.put("  --raise        die by the signal that killed the command, and say nothing\n");
  line.put("  --signal-status  the same, but exit with 128 + N for signal N\n");
  line.put("  --rsh          what follows is [-46dn] [-l USER] [-t TIMEOUT] HOST [COMMAND...], as rsh gets it\n");
  line.put("  --ssh          what follows is what ssh gets: [OPTION...] [USER@]HOST [COMMAND...]\n");
  line.put("Without COMMAND: the user's login shell. Exit code: the command's; 255 when it was killed or not reached.");
  line.flush();
}

/** ssh -V and ssh -G, by which clients find out whether this is OpenSSH. */
export function printProbe(): void {
  line.begin();
  if (ssh.probe == Probe.VERSION) {
    line.put("wsh of warden-wasm, which takes the command line of OpenSSH's ssh");
    line.flush();
    return;
  }
  line.put("hostname ");
  line.putString(ssh.host);
  line.end();
  print(1, line.at(), line.size());
}

export function printBadLimit(): void {
  line.begin();
  line.put("wsh: ");
  line.put(badVariable);
  line.put(" is not a limit: write \"SOFT HARD\" or \"N\", in digits or -1 for unlimited");
  line.flush();
}

/** Prints how the command was killed; `signal` is below 1 if nobody knows. `dumpedCore`: core(5) */
export function printDeath(signal: i32, dumpedCore: bool): void {
  line.begin();
  line.put("wsh: the command was killed");
  if (signal >= 1) {
    line.put(" by ");
    line.putSignal(signal);
  }
  if (dumpedCore) line.put("; its core was dumped");
  line.flush();
}
