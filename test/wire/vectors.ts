/** Requests that an original wsh sent, and what made it send them. */
import { readFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';
import type { Limit, Request } from '../../src/wire/codec.js';
import type { MessageKind } from '../../src/wire/message.js';

/** Stated here once more, from the specification: the codec is held against it. */
export const REQUEST_BYTES = 9656;

export interface Vector {
  argv: string[];
  user: string | null;
  env: Record<string, string>;
  tty: boolean;
  bytes: number;
  sha256: string;
  file: string;
}

const directory = `${packageRoot}test/wire/vectors/`;

export const vectors = JSON.parse(readFileSync(`${directory}requests.json`, 'utf8')) as Vector[];

export function bytesOf(vector: Vector): Buffer { return readFileSync(directory + vector.file); }

/** Messages other than requests, as the programs sent them. */
export interface Message {
  name: string;
  kind: Exclude<MessageKind, 'request'>;
  hex: string;
  fields: Record<string, unknown>;
  means?: string;
}
export const messages = JSON.parse(readFileSync(`${directory}messages.json`, 'utf8')) as Message[];

const UNLIMITED = 2n ** 64n - 1n;

/** The limits that a wsh sends, in its order. */
export const LIMITS: readonly [name: string, id: number, byDefault: bigint][] = [
  ['RLIMIT_AS', 9, UNLIMITED], ['RLIMIT_CORE', 4, 0n], ['RLIMIT_CPU', 0, UNLIMITED], ['RLIMIT_DATA', 2, UNLIMITED],
  ['RLIMIT_FSIZE', 1, UNLIMITED], ['RLIMIT_LOCKS', 10, UNLIMITED], ['RLIMIT_MEMLOCK', 8, 65536n],
  ['RLIMIT_MSGQUEUE', 12, 819200n], ['RLIMIT_NICE', 13, 0n], ['RLIMIT_NOFILE', 7, 1024n], ['RLIMIT_NPROC', 6, 1024n],
  ['RLIMIT_RSS', 5, UNLIMITED], ['RLIMIT_RTPRIO', 14, 0n], ['RLIMIT_SIGPENDING', 11, 1024n], ['RLIMIT_STACK', 3, 8388608n],
];

function limitsOf(env: Record<string, string>): Limit[] {
  return LIMITS.map(([name, id, byDefault]) => {
    const words = env[name]?.split(' ').map((word) => (word === '-1' ? UNLIMITED : BigInt(word))) ?? [byDefault];
    return { id, soft: words[0]!, hard: words.at(-1)! };
  });
}

/** What a vector's bytes say, made from what requests.json says about it. */
export function requestOf(vector: Vector): Request {
  return { argv: vector.argv, user: vector.user ?? '', lang: vector.env.LANG ?? '', tty: vector.tty, limits: limitsOf(vector.env) };
}
