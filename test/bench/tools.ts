/** Programs of the system's that ours are compared with: whether they are here. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Where a command is that this process would find; undefined when there is none. */
export function find(command: string): string | undefined {
  return (process.env['PATH'] ?? '').split(':').map((directory) => join(directory, command)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why a reference is missing that needs these commands. */
export function needs(...commands: string[]): () => Promise<string | undefined> {
  return async () => {
    const missing = commands.filter((command) => find(command) === undefined);
    return missing.length === 0 ? undefined : `${missing.join(' and ')} not installed`;
  };
}
