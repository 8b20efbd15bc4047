/** The words of the command, and who runs it: of wsh's own command line, or of ssh's. */
import { argument, argumentsGiven } from "../../boundary/wasi";
import { stringLength } from "../../lib/text";
import { options } from "./options";
import { ssh } from "./ssh";
import { sshWord, sshWords } from "./ssh-command";

/** 0: the user's login shell. */
export function wordCount(): i32 { return options.isSsh ? sshWords() : argumentsGiven() - options.commandIndex; }
export function word(index: i32): usize { return options.isSsh ? sshWord(index) : argument(options.commandIndex + index); }

/** Bytes of all words, with their NULs. */
export function wordBytes(): i32 {
  let bytes = 0;
  for (let i = 0; i < wordCount(); i++) bytes += stringLength(word(i)) + 1;
  return bytes;
}

/** 0 for root. */
export function userName(): usize { return options.isSsh ? ssh.user : options.user; }
