/** The server's log: one JSON object a line, with the original's fields, or a line for people at a terminal. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { LOG_LEVELS, type LogLevel } from '../config/config.js';
import { printable } from '../../base/escape.js';

/** Where lines go beside the file: syslog. */
export interface LogLines { write(priority: number, line: Buffer): void; close(): void }

/** Of facility user, as a job's lines. RFC 3164 */
const SYSLOG_FACILITY = 1 << 3;
const SEVERITY: Readonly<Record<LogLevel, number>> = { off: 7, fatal: 2, error: 3, warn: 4, info: 6, debug: 7, debug1: 7, debug2: 7 };

type Data = Readonly<Record<string, unknown>>;

export class Logger {
  private fd: number;

  constructor(
    public level: LogLevel, private readonly file: string | null, private readonly readable: boolean = false,
    private readonly syslog?: LogLines,
  ) {
    this.fd = file === null ? 1 : openSync(file, 'a', 0o640);
  }

  /** Opens the file anew: logrotate has moved it away. */
  reopen(): void {
    if (this.file === null) return;
    const fd = openSync(this.file, 'a', 0o640);
    closeSync(this.fd);
    this.fd = fd;
  }

  isOn(level: LogLevel): boolean { return level !== 'off' && LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.level); }

  /** What syslog has not got yet is sent. */
  close(): void { this.syslog?.close(); }

  fatal(message: string, data?: Data): void { this.write('fatal', message, data); }
  error(message: string, data?: Data): void { this.write('error', message, data); }
  warn(message: string, data?: Data): void { this.write('warn', message, data); }
  info(message: string, data?: Data): void { this.write('info', message, data); }
  debug(message: string, data?: Data): void { this.write('debug', message, data); }
  debug2(message: string, data?: Data): void { this.write('debug2', message, data); }

  private write(level: LogLevel, message: string, data: Data = {}): void {
    if (!this.isOn(level)) return;
    const json = this.syslog || !this.readable ? machines(level, message, data) : '';
    this.syslog?.write(SYSLOG_FACILITY | SEVERITY[level], Buffer.from(json.trimEnd()));
    const line = this.readable ? people(level, message, data) : json;
    try {
      writeSync(this.fd, line);
    } catch {
      // A full disk or a closed terminal is no reason to end containers.
    }
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
  return value;
}

function machines(level: LogLevel, message: string, data: Data): string {
  const fields = {
    timestamp: Date.now() / 1000, log_level: level, message, source: 'Warden::Server', data, process_id: process.pid, thread_id: 0, fiber_id: 0,
  };
  return `${JSON.stringify(fields, (_, value: unknown) => plain(value))}\n`;
}

function people(level: LogLevel, message: string, data: Data): string {
  const rest = Object.entries(data).map(([name, value]) => ` ${name}=${JSON.stringify(value, (_, each: unknown) => plain(each)) ?? 'undefined'}`).join('');
  return `${new Date().toISOString()} ${level.padEnd(6)} ${printable(message)}${printable(rest)}\n`;
}
