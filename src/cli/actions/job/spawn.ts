/** `warden spawn`: a job, which outlives this process. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { reason, WardenError } from '../../../base/errors.js';
import { checkRequest, type JobLog, readSummary } from '../../../index.js';
import type { Settings } from '../../commands/options.js';
import { interruptible } from '../../support/interrupt.js';
import { openContainer } from '../../support/open.js';
import { printJson, printLine } from '../../support/print.js';
import { located } from '../../support/programs.js';
import { containerDirectory, requireLinux } from '../../support/reference.js';
import { commandSettingsOf } from '../../support/settings.js';

export interface SpawnOptions extends Settings {
  depot: string;
  name?: string;
  waitForLink?: boolean;
  ring?: number;
  slowReader?: 'block' | 'disconnect';
  /** Milliseconds, whole seconds. */
  linger?: number;
  input?: string;
  log?: string;
  logSizeMax?: number;
  logMaxFiles?: number;
  json?: boolean;
}

export async function spawn(name: string, command: readonly string[], options: SpawnOptions): Promise<number> {
  const { linger } = options, settings = commandSettingsOf(options);
  checkRequest(command, settings);
  requireLinux();
  const directory = containerDirectory(name, options.depot);
  const log = logOf(options), input = options.input === undefined ? undefined : openInput(options.input);
  return interruptible('spawn', async (signal) => {
    const container = await openContainer(directory);
    const hasOwnRoot = readSummary(directory)?.root === null;
    const job = await container.spawn(located(command, hasOwnRoot, settings.env?.['PATH'] !== undefined), {
      ...settings,
      lang: process.env['LANG'],
      id: options.name,
      start: options.waitForLink === true ? 'linked' : 'now',
      ringBytes: options.ring,
      slowReader: options.slowReader,
      lingerSeconds: linger === undefined ? undefined : linger / 1_000,
      log,
      stdin: input,
      signal,
    });
    if (options.json) await printJson(await job.info());
    else await printLine(job.id);
    return 0;
  });
}

function logOf({ log, logSizeMax, logMaxFiles }: SpawnOptions): JobLog | undefined {
  if (log !== undefined) {
    const size = logSizeMax === undefined ? {} : { maxBytes: logSizeMax };
    const count = logMaxFiles === undefined ? {} : { maxFiles: logMaxFiles };
    return { path: log, ...size, ...count };
  }
  if (logSizeMax === undefined && logMaxFiles === undefined) return undefined;
  throw new WardenError('USAGE', '--log-size-max and --log-max-files belong to a log: give it, too (--log FILE)');
}

/** A FIFO is opened for writing, too: opening waits for nobody then, and the input does not end with its first writer. fifo(7) */
function openInput(path: string): number {
  if (path === '-') return 0;
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), info = fstatSync(fd);
    closeSync(fd);
    if (info.isDirectory()) throw new Error('it is a directory');
    return openSync(path, info.isFIFO() ? constants.O_RDWR : constants.O_RDONLY);
  } catch (error) {
    throw new WardenError('USAGE', `cannot open ${path} for the job's input: ${reason(error)}`, { cause: error });
  }
}
