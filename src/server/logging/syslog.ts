/**
 * Lines to syslog: datagrams to /dev/log, or another socket. Node has no unix datagram sockets, so util-linux's logger(1) sends
 * them; it runs as long as the one whose lines they are.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface SyslogWriter {
  /** One line, without its end. Lines that logger(1) does not take in time are lost: no job waits for syslog. */
  write(priority: number, line: Buffer): void;
  close(): void;
}

/** What may wait for logger(1). */
const WAITING_BYTES_MAX = 1 << 20;
/** A datagram has room for about as much. */
export const LINE_BYTES_MAX = 8_192;
const LOGGER = 'logger';

export class Syslog {
  constructor(private readonly socket: string | null, private readonly failed: (reason: string) => void) {}

  open(tag: string): SyslogWriter {
    const where = this.socket === null ? [] : ['--socket', this.socket, '--socket-errors=off'];
    const child = spawn(LOGGER, ['--prio-prefix', '--size', String(LINE_BYTES_MAX), '--tag', tag, ...where], { stdio: ['pipe', 'ignore', 'ignore'] });
    child.on('error', (error) => this.failed(error.message));
    child.stdin.on('error', () => undefined);
    return writerOf(child);
  }
}

function writerOf({ stdin }: ChildProcess): SyslogWriter {
  return {
    write: (priority, line) => {
      if (!stdin || stdin.destroyed || stdin.writableLength > WAITING_BYTES_MAX) return;
      stdin.write(Buffer.concat([Buffer.from(`<${priority}>`), line, Buffer.from('\n')]));
    },
    close: () => { stdin?.end(); },
  };
}
