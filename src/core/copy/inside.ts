/**
 * The container's half of a copy: sh(1) and tar(1) of the container, run in the container as its root. So every path is resolved there,
 * with all its links, and nothing that a container does to its files meanwhile leads a copy outside.
 */
import { posix } from 'node:path';
import { printable } from '../../base/escape.js';
import { WardenError } from '../../base/errors.js';
import type { ExecOptions, Execution } from '../exec/execution.js';
import type { Stdio } from '../exec/stdio.js';

/** What a path in the container names, through links. `other`: a device, a FIFO, a socket. `dangling`: a link that leads nowhere. */
export type Kind = 'directory' | 'file' | 'other' | 'dangling' | 'missing';

export interface Found {
  readonly kind: Kind;
  /** Of a file, where the container has stat(1): permissions and seconds since 1970. */
  readonly mode: number | undefined;
  readonly modifiedAt: number | undefined;
  /** Whether its directory exists. */
  readonly hasParent: boolean;
}

/** How a program ended. */
export interface Ending { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null; readonly message: string }

/** wsh's exit code where a program did not start. */
const EXIT_NOT_STARTED = 255;
/** Bytes of a program's messages of which the last line is shown. */
const MESSAGES_MAX = 4_096;

const FIND = `
[ -d "$2" ] && echo parent
if [ -d "$1" ]; then echo directory
elif [ -f "$1" ]; then echo file; stat -Lc '%a %Y' -- "$1" 2>/dev/null
elif [ -e "$1" ]; then echo other
elif [ -h "$1" ]; then echo dangling
else echo missing; fi
exit 0`;

const KINDS: ReadonlySet<string> = new Set<Kind>(['directory', 'file', 'other', 'dangling', 'missing']);

/** Scripts for sh(1). $1 is the path, which begins with a slash. */
export const SCRIPTS = {
  /** $2: the mode in octal digits; $3: when it was modified, in seconds since 1970. Not every touch(1) knows such a time. */
  putFile: 'cat >"$1" && chmod "$2" "$1" && { touch -md "@$3" "$1" 2>/dev/null || :; }',
  /** $2: options of tar(1) besides. */
  putTree: '{ [ -d "$1" ] || mkdir "$1"; } && exec tar -xpf - -C "$1" $2',
  getFile: 'exec cat <"$1"',
  getTree: 'exec tar -cf - -C "$1" .',
  /** $1: the directory; $2: a name in it. */
  getNamed: 'exec tar -cf - -C "$1" -- "$2"',
} as const;

/** The path from the container's root. */
export function absolute(path: string): string { return path.startsWith('/') ? path : `/${path}`; }

/** Whether the contents of a directory are meant, not the directory: DIR/. */
export function meansContents(path: string): boolean { return /(^|\/)\.?$/.test(path.replace(/(?<=[^/])\/+$/, '')); }

export class Inside {
  constructor(
    private readonly id: string,
    private readonly exec: (argv: readonly string[], options: ExecOptions) => Execution,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** "/srv/x of the container web" */
  name(path: string): string { return `${printable(path)} of the container ${this.id}`; }

  async find(path: string): Promise<Found> {
    const execution = this.start(FIND, [path, posix.dirname(path)], 'ignore', 'pipe'), output = textOf(execution.stdout!, Infinity);
    const { exitCode, message } = await this.endOf(execution), lines = (await output).trim().split('\n');
    const kind = lines.find((line) => KINDS.has(line));
    if (exitCode !== 0 || kind === undefined) throw this.failure(`look at ${this.name(path)}`, message);
    const [, mode, time] = /^([0-7]{1,4}) (\d+)$/.exec(lines.at(-1)!) ?? [];
    return {
      kind: kind as Kind, hasParent: lines.includes('parent'),
      mode: mode === undefined ? undefined : parseInt(mode, 8), modifiedAt: time === undefined ? undefined : Number(time),
    };
  }

  /** Starts a script. The descriptors in `stdin` and `stdout` can be closed then. */
  start(script: string, args: readonly string[], stdin: Stdio, stdout: Stdio): Execution {
    const argv = ['sh', '-c', `LC_ALL=C; export LC_ALL; ${script}`, 'sh', ...args];
    return this.exec(argv, { tty: false, stdio: [stdin, stdout, 'pipe'], signal: this.signal });
  }

  async endOf(execution: Execution): Promise<Ending> {
    const messages = textOf(execution.stderr!, MESSAGES_MAX);
    try {
      const { exitCode, signal } = await execution.result;
      return { exitCode, signal, message: lastLine(await messages) };
    } catch (error) {
      if (!(error instanceof WardenError) || error.code !== 'EXEC_FAILED') throw error;
      return { exitCode: EXIT_NOT_STARTED, signal: null, message: error.message };
    }
  }

  /** `what`: what cannot be done, "read /x of the container web". The message is the container's: a program that is missing, a full disk. */
  failure(what: string, message: string): WardenError {
    const isMissing = /not found|cannot execute (sh|tar)\b/.test(message), advice = isMissing ? '; a copy needs sh, cat and tar in the container' : '';
    return new WardenError('LOST', `cannot ${what}: ${printable(message) || 'it ended without a word'}${advice}`);
  }
}

/** Whether all was copied: GNU tar's exit code 1 also stands for a file that another process changed meanwhile. */
export function isWhole({ exitCode, message }: Ending): boolean {
  return exitCode === 0 || (exitCode === 1 && /changed as we read it|removed before we read it/.test(message));
}

/** The last bytes of a stream. */
export async function textOf(stream: AsyncIterable<unknown>, most: number): Promise<string> {
  let last = Buffer.alloc(0);
  try {
    for await (const chunk of stream) last = Buffer.from(Buffer.concat([last, chunk as Buffer]).subarray(-most));
  } catch {
    // What ended the stream ends the program, whose end says why.
  }
  return last.toString();
}

/** The last line of messages that says why. */
export function lastLine(text: string): string {
  return text.trim().split('\n').filter((line) => !/Exiting with failure status|Error is not recoverable/.test(line)).at(-1) ?? '';
}
