/** The request of protocol 1. docs/reference/protocol.md §1 */
import { argument, argumentsGiven, variable } from "../../boundary/wasi";
import { AT_TTY, beginRequest, putArgument, putLang, putUser, REQUEST_BYTES } from "../../wire/request";
import { options } from "./options";
import { refuse } from "./problem";
import { ssh } from "./ssh";
import { putSshCommand } from "./ssh-command";

const TOO_LONG = "wsh: the command's arguments are longer than the 8192 bytes that a request holds";

export const request = memory.data(REQUEST_BYTES, 8);

/** Composes the request without its limits; false: see problem.ts. */
export function compose1(interactive: bool): bool {
  beginRequest(request, interactive);
  let next: usize = 0;
  if (options.isSsh && !putSshCommand(request)) return refuse(TOO_LONG);
  for (let i = options.commandIndex; i < argumentsGiven() && !options.isSsh; i++) {
    next = putArgument(request, next, argument(i));
    if (next == 0) return refuse(TOO_LONG);
  }
  const name = options.isSsh ? ssh.user : options.user;
  if (name != 0 && !putUser(request, name)) return refuse("wsh: a user's name has at most 31 bytes, this one more:", name);
  const lang = variable("LANG");
  return lang == 0 || putLang(request, lang) || refuse("wsh: LANG has at most 1023 bytes, this one more");
}

/** Of a request that got no answer: protocol 1 has no words for a terminal that cannot be made. */
export function adviceOnSilence(): string {
  return load<i32>(request + AT_TTY) != 0 ? "are all terminals of the container in use?" : "";
}
