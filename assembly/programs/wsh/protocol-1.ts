/** The request of protocol 1. docs/reference/protocol.md §1 */
import { variable } from "../../boundary/wasi";
import { AT_TTY, beginRequest, putArgument, putLang, putUser, REQUEST_BYTES } from "../../wire/request";
import { refuse } from "./problem";
import { userName, word, wordCount } from "./words";

const TOO_LONG = "wsh: the command's arguments are longer than the 8192 bytes that a request holds";

export const request = memory.data(REQUEST_BYTES, 8);

/** Composes the request without its limits; false: see problem.ts. */
export function compose1(interactive: bool): bool {
  beginRequest(request, interactive);
  let next: usize = 0;
  for (let i = 0; i < wordCount(); i++) {
    next = putArgument(request, next, word(i));
    if (next == 0) return refuse(TOO_LONG);
  }
  const name = userName();
  if (name != 0 && !putUser(request, name)) return refuse("wsh: a user's name has at most 31 bytes, this one more:", name);
  const lang = variable("LANG");
  return lang == 0 || putLang(request, lang) || refuse("wsh: LANG has at most 1023 bytes, this one more");
}

/** Of a request that got no answer: protocol 1 has no words for a terminal that cannot be made. */
export function adviceOnSilence(): string {
  return load<i32>(request + AT_TTY) != 0 ? "are all terminals of the container in use?" : "";
}
