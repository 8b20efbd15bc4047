/** What a command is given besides its arguments, from the command line's options. */
import { readFileSync } from 'node:fs';
import { reason, WardenError } from '../../base/errors.js';
import type { CommandSettings } from '../../index.js';
import type { Settings } from '../commands/options.js';

export function commandSettingsOf({ user, env = [], envFile = [], workdir, umask, ulimit }: Settings): CommandSettings {
  const variables = [...envFile.flatMap(linesOf), ...env].map((text) => variableOf(text));
  return { user, workdir, umask, limits: ulimit, ...(variables.length === 0 ? {} : { env: Object.fromEntries(variables) }) };
}

/** As for docker: empty lines and those that begin with # are left out; nothing is quoted. */
function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  } catch (error) {
    throw new WardenError('USAGE', `--env-file: cannot read ${file}: ${reason(error)}`, { cause: error });
  }
}

/** NAME=VALUE, or NAME for what this process has; undefined without it. */
function variableOf(text: string): [name: string, value: string | undefined] {
  const at = text.indexOf('=');
  if (at === 0) throw new WardenError('USAGE', `--env: ${JSON.stringify(text)} has no name: NAME=VALUE, or NAME`);
  return at < 0 ? [text, process.env[text]] : [text.slice(0, at), text.slice(at + 1)];
}
