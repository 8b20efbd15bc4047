/**
 * The user and the groups of a request of protocol 2, "USER[:GROUP][,GROUP…]": names of the container's /etc/passwd and /etc/group, or
 * numbers. group(5)
 *
 *   name:password:gid:member,member…
 */
import { cString, stringLength } from "../../lib/text";
import { Failure } from "../../wire/record";
import { USER_2_BYTES } from "../../wire/request-2";
import { EFBIG } from "../../lib/errno";
import { closeFile, Line, line, nextLine, openError, openLines } from "./lines";
import { account, id, isId, Lookup, lookUp, lookUpId, numberWithoutEntry, same } from "./passwd";

/** Supplementary groups of one command. */
const GROUPS_MAX: u32 = 256;
const COLON: u8 = 0x3a, COMMA: u8 = 0x2c;

/** The command's group. */
export let group: u32 = 0;
/** Its supplementary groups, u32 each. */
export const groups = memory.data(GROUPS_MAX * 4, 4);
export let groupCount: u32 = 0;
/** The request names them. */
export let groupsAreGiven: bool = false;
/** Errno of the last failure, positive. */
export let failedErrno: i32 = 0;

const text = memory.data(USER_2_BYTES);
/** Names that are looked up, offsets each: the first is the group's, if `groupIsName`, the others are supplementary. */
const names = memory.data(GROUPS_MAX * 4, 4);
let nameCount: u32 = 0;
let groupIsName: bool = false;
const path = cString("/etc/group"), root = cString("root");

/** Finds user and groups; passwd.ts has the user. */
export function findAccount(given: usize): Failure {
  memory.copy(text, given, stringLength(given) + 1);
  failedErrno = 0;
  groupCount = nameCount = 0;
  const more = split(text, COMMA), groupText = split(text, COLON);
  groupsAreGiven = more != 0;
  const failure = findUser(load<u8>(text) != 0 ? text : root);
  if (failure != Failure.NONE) return failure;
  group = account.gid;
  groupIsName = groupText != 0 && !isId(groupText);
  if (groupIsName) addName(groupText);
  else if (groupText != 0) group = id(groupText);
  for (let next = more, at = more; at != 0; at = next) {
    next = split(at, COMMA);
    if (isId(at) ? !addGroup(id(at)) : !addName(at)) return Failure.REQUEST;
  }
  return nameCount > 0 || !groupsAreGiven ? readGroups() : Failure.NONE;
}

/** Ends the text at the first separator; returns the offset behind it, or 0 without one. */
function split(at: usize, separator: u8): usize {
  for (; load<u8>(at) != 0; at++) {
    if (load<u8>(at) != separator) continue;
    store<u8>(at, 0);
    return at + 1;
  }
  return 0;
}

function findUser(name: usize): Failure {
  const number = isId(name), found = number ? lookUpId(id(name)) : lookUp(name);
  if (found == Lookup.FOUND) return Failure.NONE;
  if (number) {
    numberWithoutEntry(id(name));
    return Failure.NONE;
  }
  failedErrno = found == Lookup.NO_FILE ? openError : found == Lookup.TOO_LARGE ? EFBIG : 0;
  return found == Lookup.UNKNOWN_USER ? Failure.NO_USER : Failure.ACCOUNTS;
}

function addGroup(number: u32): bool {
  if (groupCount == GROUPS_MAX) return false;
  store<u32>(groups + groupCount++ * 4, number);
  return true;
}

function addName(at: usize): bool {
  if (nameCount == GROUPS_MAX) return false;
  store<u32>(names + nameCount++ * 4, <u32>at);
  return true;
}

/** Reads /etc/group once, for all names, and without `groupsAreGiven` for the groups of which the user is a member. */
function readGroups(): Failure {
  if (!openLines(path)) {
    failedErrno = openError;
    return nameCount > 0 ? Failure.ACCOUNTS : Failure.NONE;
  }
  let missing = nameCount, next = nextLine();
  for (; next == Line.READ; next = nextLine()) missing -= takeLine();
  closeFile();
  if (missing == 0) return Failure.NONE;
  failedErrno = next == Line.TOO_LARGE ? EFBIG : 0;
  return next == Line.TOO_LARGE ? Failure.ACCOUNTS : Failure.NO_GROUP;
}

/** Takes what is asked for from a line; returns how many names it has resolved. */
function takeLine(): u32 {
  const password = split(line, COLON), number = password != 0 ? split(password, COLON) : 0;
  const members = number != 0 ? split(number, COLON) : 0;
  if (members == 0 || !isId(number)) return 0;
  let resolved: u32 = 0;
  for (let i: u32 = 0; i < nameCount; i++) {
    const name = load<u32>(names + i * 4);
    if (name == 0 || !same(name, line)) continue;
    store<u32>(names + i * 4, 0);
    resolved++;
    if (i == 0 && groupIsName) group = id(number);
    else addGroup(id(number));
  }
  if (!groupsAreGiven && isMember(members)) addGroup(id(number));
  return resolved;
}

function isMember(members: usize): bool {
  for (let next = members, at = members; at != 0; at = next) {
    next = split(at, COMMA);
    if (same(at, account.name)) return true;
  }
  return false;
}
