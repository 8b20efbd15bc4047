/** `warden client`: the original client's command line. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { ifReadable, reason, WardenError } from '../../../base/errors.js';
import { Session } from '../../../client/command/session.js';
import { commandNames } from '../../../client/command/text.js';
import { splitWords } from '../../../client/command/words.js';
import { EXIT_FAILED, EXIT_USAGE } from '../../exit-codes.js';
import { print } from '../../support/print.js';

export interface ClientOptions { socket: string; trace?: boolean; exitOnError?: boolean }

const PROMPT = 'warden> ';
const HISTORY_LINES_MAX = 1_000;

/** A write that is taken before the next one: the server waits with it. */
function errorOut(bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve) => { process.stderr.write(bytes, () => resolve()); });
}

export async function client(words: readonly string[], options: ClientOptions): Promise<number> {
  const session = new Session(options.socket, { out: (bytes) => print(bytes), error: errorOut });
  try {
    if (words.length > 0) return await perform(session, words, options);
    return await interact(session, options);
  } finally {
    await session.close();
  }
}

/** `again`: a connection that was dropped is made anew, once. */
async function perform(session: Session, words: readonly string[], options: ClientOptions, again = false): Promise<number> {
  if (options.trace) await print(`+ ${words.join(' ')}\n`);
  try {
    return await session.perform(words);
  } catch (error) {
    if (again && error instanceof WardenError && error.isEnded) {
      await errorOut('Reconnecting...\n');
      return perform(session, words, { ...options, trace: false });
    }
    await errorOut(`${reason(error)}\n`);
    return error instanceof WardenError && error.isUsage ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** One command a line, until the input's end, INT, or with --exit_on_error the first failure. */
async function interact(session: Session, options: ClientOptions): Promise<number> {
  const file = join(homedir(), '.warden-history');
  const history = ifReadable(() => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as unknown : [])) ?? [];
  const lines = createInterface({
    input: process.stdin, output: process.stdout, prompt: PROMPT, historySize: HISTORY_LINES_MAX,
    terminal: process.stdin.isTTY && process.stdout.isTTY,
    history: Array.isArray(history) ? history.filter((line): line is string => typeof line === 'string').reverse() : [],
    completer: (line: string): [string[], string] => [[...commandNames, 'help'].filter((name) => name.startsWith(line)), line],
  });
  lines.on('history', (all: string[]) => {
    try {
      writeFileSync(file, JSON.stringify([...all].reverse()), { mode: 0o600 });
    } catch {
      // Without a history the client is as useful.
    }
  });
  const isTerminal = process.stdin.isTTY;
  try {
    if (isTerminal) lines.prompt();
    for await (const line of lines) {
      const status = await performLine(session, line, options);
      if (status !== 0 && options.exitOnError) return status;
      if (isTerminal) lines.prompt();
    }
    return 0;
  } finally {
    lines.close();
  }
}

async function performLine(session: Session, line: string, options: ClientOptions): Promise<number> {
  let words: string[];
  try {
    words = splitWords(line);
  } catch (error) {
    await errorOut(`${reason(error)}\n`);
    return EXIT_USAGE;
  }
  return words.length === 0 ? 0 : perform(session, words, options, true);
}
