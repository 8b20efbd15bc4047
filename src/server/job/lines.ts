/** A job's output line by line to syslog. */
import { LINE_BYTES_MAX, type SyslogWriter } from '../logging/syslog.js';
import type { StreamName } from './spool.js';

export interface LineSink {
  write(name: StreamName, data: Buffer): void;
  /** The last line may have no end. */
  end(): void;
}

/** Of facility user: info for stdout, error for stderr. RFC 3164 */
const PRIORITIES: Readonly<Record<StreamName, number>> = { stdout: 14, stderr: 11 };
const LF = 10;

/** Cuts both streams into lines; one that is too long comes in parts. No more than a part of each is kept. */
export class SyslogLines implements LineSink {
  private readonly rest: Record<StreamName, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  constructor(private readonly writer: SyslogWriter) {}

  write(name: StreamName, data: Buffer): void {
    let rest = Buffer.concat([this.rest[name], data]);
    for (let end = rest.indexOf(LF); end >= 0 || rest.length >= LINE_BYTES_MAX; end = rest.indexOf(LF)) {
      const whole = end >= 0 && end <= LINE_BYTES_MAX, size = whole ? end : LINE_BYTES_MAX;
      this.writer.write(PRIORITIES[name], rest.subarray(0, size));
      rest = rest.subarray(whole ? size + 1 : size);
    }
    this.rest[name] = Buffer.from(rest);
  }

  end(): void {
    for (const name of ['stdout', 'stderr'] as const) if (this.rest[name].length > 0) this.writer.write(PRIORITIES[name], this.rest[name]);
    this.writer.close();
  }
}
