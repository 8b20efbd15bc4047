/** What keeps a request from being made: words, of what, and the errno where a system call failed. */
export let problem: string = "";
export let problemOf: usize = 0;
export let problemErrno: i32 = 0;

/** False, for whoever returns it. */
export function refuse(words: string, subject: usize = 0, errno: i32 = 0): bool {
  problem = words;
  problemOf = subject;
  problemErrno = errno;
  return false;
}
