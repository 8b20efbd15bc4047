/** What keeps a request from being made: words, and of what. */
export let problem: string = "";
export let problemOf: usize = 0;

/** False, for whoever returns it. */
export function refuse(words: string, subject: usize = 0): bool {
  problem = words;
  problemOf = subject;
  return false;
}
