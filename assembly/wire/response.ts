/**
 * wshd → wsh: the answer, 4 bytes, with descriptors as SCM_RIGHTS. docs/reference/protocol.md §2
 *
 *   0  version  i32, 1
 *
 * Without a tty: write end of stdin, read ends of stdout, stderr and exit status. With one: the pty's master, then the
 * read end of the exit status.
 */
import { VERSION } from "./request";

export const RESPONSE_BYTES: u32 = 4;

export const enum PipesHandle { STDIN = 0, STDOUT = 1, STDERR = 2, STATUS = 3, COUNT = 4 }
export const enum PtyHandle { MASTER = 0, STATUS = 1, COUNT = 2 }
export const HANDLES_MAX: u32 = PipesHandle.COUNT;

export function putResponse(at: usize): void { store<i32>(at, VERSION); }
export function responseIsGood(at: usize): bool { return load<i32>(at) == VERSION; }
