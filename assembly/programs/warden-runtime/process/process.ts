/**
 * The user's process: what `process` of config.json, or process.json, says of it, and the last steps until it executes. What it
 * needs of memory is claimed by `prepareProcess`, before anything forks.
 */
import {
  changeOwner, close, enterDirectory, execute, newKeyring, openAt, OPENAT_PATH, OPENAT_WRITE, processControl, setCapabilities,
  setFilter, setGroups, setLimit, setUmask, setUser, spawnArguments, spawnBegin, spawnEnvironment, spawnFiles, write,
} from "../../../boundary/shim";
import { argument, claim } from "../../../boundary/wasi";
import { EACCES, EDQUOT, EINVAL, ENOENT, ENOSYS, ENOTDIR, EPERM } from "../../../lib/errno";
import {
  AMBIENT_CLEAR, AMBIENT_RAISE, CAPSET_BYTES, PR_CAP_AMBIENT, PR_CAPBSET_DROP, PR_CAPBSET_READ, putCapset,
} from "../../../lib/capabilities";
import { DIRECTORIES_MAX, putCandidates, putEnd } from "../../../lib/exec-path";
import {
  jsonCount, jsonFirst, jsonI64, jsonIsCString, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText, jsonU64,
} from "../../../lib/json/nodes";
import { afterDigits, cString, digitsValue, equals, putCopy, putDigits, putText, stringLength } from "../../../lib/text";
import { capabilitySet, limitNumber } from "./capabilities";
import { put, putString } from "../../../lib/diagnostics";
import { die, flushAndLeave, must } from "../files/end";
import { setDomain } from "./scheduling";
import { beginMessage } from "../files/log";
import { additionalGidAt, environmentAt, options } from "../input/options";
import { look, readText, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFSOCK, seenGid, seenMajor, seenMode } from "../files/paths";

let node: usize = 0;
/** What execve(2) gets. */
namespace executable {
  export let args: usize = 0, argsSize: u32 = 0, env: usize = 0, envSize: u32 = 0, files: usize = 0, filesSize: u32 = 0;
}
export namespace credentials {
  export let groups: usize = 0, groupTotal: u32 = 0;
  export let uid: u32 = 0, gid: u32 = 0;
}
export let hasTerminal: bool = false;
namespace environment {
  export let pathValue: usize = 0, hasHome: bool = false;
}
namespace seccompFilter {
  /** The filter for seccomp(2): 0 instructions for none. */
  export let at: usize = 0, instructions: u32 = 0, flags: u32 = 0;
}

const HOME_BYTES: u32 = 1024;

export function useFilter(at: usize, count: u32, flags: u32): void {
  seccompFilter.at = at;
  seccompFilter.instructions = count;
  seccompFilter.flags = flags;
}

export function prepareProcess(process: usize): void {
  node = process;
  hasTerminal = jsonKind(jsonMember(node, "terminal")) == JsonKind.TRUE;
  const user = jsonMember(node, "user");
  credentials.uid = idOf(jsonMember(user, "uid"));
  credentials.gid = idOf(jsonMember(user, "gid"));
  prepareGroups(jsonMember(user, "additionalGids"));
  executable.args = claim(sizeOfStrings(jsonMember(node, "args")));
  executable.argsSize = putStrings(executable.args, jsonMember(node, "args"));
  // HOME is added behind them, once /etc/passwd can be seen.
  executable.env = claim(sizeOfStrings(jsonMember(node, "env")) + HOME_BYTES);
  executable.envSize = putStrings(executable.env, jsonMember(node, "env"));
  prepareFiles();
}

/** exec without a process.json: the command line's arguments, directory, user, environment instead of config.json's. */
export function overrideProcess(): void {
  let size: u32 = 1;
  for (let i = 0; i < options.restCount; i++) size += stringLength(argument(options.rest + i)) + 1;
  executable.args = claim(size);
  let to = executable.args;
  for (let i = 0; i < options.restCount; i++) to = putEnd(putCopy(to, argument(options.rest + i)));
  executable.argsSize = <u32>(to - executable.args);
  size = executable.envSize + HOME_BYTES;
  for (let i = 0; i < options.environmentCount; i++) size += stringLength(environmentAt(i)) + 1;
  const all = claim(size);
  memory.copy(all, executable.env, executable.envSize);
  executable.env = all;
  to = executable.env + executable.envSize;
  for (let i = 0; i < options.environmentCount; i++) to = putEnd(putCopy(to, environmentAt(i)));
  executable.envSize = <u32>(to - executable.env);
  if (options.user != 0) takeUser();
  addGroups();
  hasTerminal = options.tty;
  prepareFiles();
}

function addGroups(): void {
  if (options.gidCount == 0) return;
  const all = claim((credentials.groupTotal + options.gidCount) * 4);
  memory.copy(all, credentials.groups, credentials.groupTotal * 4);
  credentials.groups = all;
  for (let i = 0; i < options.gidCount; i++) store<u32>(all + credentials.groupTotal++ * 4, additionalGidAt(i));
}

/** UID[:GID] */
function takeUser(): void {
  const end = afterDigits(options.user);
  const colon = load<u8>(end) == 0x3a, last = colon ? afterDigits(end + 1) : end;
  if (end == options.user || load<u8>(last) != 0 || colon && last == end + 1) die("--user takes UID or UID:GID, not", options.user);
  credentials.uid = <u32>digitsValue(options.user, end);
  if (colon) credentials.gid = <u32>digitsValue(end + 1, last);
}

function prepareFiles(): void {
  readEnvironment();
  const command = stringLength(executable.args);
  executable.files = claim((stringLength(environment.pathValue) + DIRECTORIES_MAX * (command + 2)) + command + 16);
  executable.filesSize = <u32>(putCandidates(executable.files, environment.pathValue, executable.args) - executable.files);
}

function idOf(member: usize): u32 { return member == 0 ? 0 : <u32>jsonU64(member); }

function prepareGroups(list: usize): void {
  credentials.groups = claim(jsonCount(list) * 4 + 4);
  let member = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, member = jsonNext(member)) {
    store<u32>(credentials.groups + credentials.groupTotal++ * 4, <u32>jsonU64(member));
  }
}

function sizeOfStrings(list: usize): u32 {
  let size: u32 = 8, member = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, member = jsonNext(member)) size += jsonSize(member) + 1;
  return size;
}

function putStrings(at: usize, list: usize): u32 {
  let to = at, member = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, member = jsonNext(member)) to = putEnd(putCopy(to, jsonText(member)));
  return <u32>(to - at);
}

/** Finds PATH and HOME; of two the later one counts. */
function readEnvironment(): void {
  environment.pathValue = executable.env + executable.envSize;
  store<u8>(environment.pathValue, 0);
  for (let at = executable.env; at < executable.env + executable.envSize; at += stringLength(at) + 1) {
    if (begins(at, "PATH=")) environment.pathValue = at + 5;
    if (begins(at, "HOME=") && load<u8>(at + 5) != 0) environment.hasHome = true;
  }
}

function begins(text: usize, start: string): bool {
  for (let i = 0; i < start.length; i++) if (load<u8>(text + i) != <u8>start.charCodeAt(i)) return false;
  return true;
}

// --- on the host's side of the root

const fdPath = memory.data(32);

/** The files behind stdin, stdout and stderr are the user's, so that /dev/stdout can be opened again; devices are spared. */
export function ownStdio(): void {
  if (credentials.uid == 0) return;
  for (let fd = 0; fd <= 2; fd++) {
    store<u8>(putDigits(putText(fdPath, "/proc/self/fd/"), fd), 0);
    const file = openAt(0, fdPath, OPENAT_PATH, 0);
    if (file < 0) continue;
    if (look(file) == 0 && isPipeOrTerminal()) changeOwner(file, credentials.uid, seenGid());
    close(file);
  }
}

function isPipeOrTerminal(): bool {
  const type = seenMode() & S_IFMT;
  // Slaves of pseudo-terminals have the majors from 136 on: devices.txt.
  return type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR && seenMajor() >= 136 && seenMajor() <= 143;
}

const scorePath = memory.data(32), score = memory.data(32);

export function setOomScore(): void {
  const adjust = jsonMember(node, "oomScoreAdj");
  if (adjust == 0) return;
  const value = jsonI64(adjust);
  let at = score;
  if (value < 0) store<u8>(at++, 0x2d);
  at = putDigits(at, <u64>(value < 0 ? -value : value));
  store<u8>(putText(scorePath, "/proc/self/oom_score_adj"), 0);
  const file = openAt(0, scorePath, OPENAT_WRITE, 0);
  const sent = file < 0 ? file : write(file, score, <u32>(at - score));
  if (sent < 0) die("cannot set process.oomScoreAdj", 0, sent, "a lower value needs CAP_SYS_RESOURCE");
  close(file);
}

export function setLimits(): void {
  const list = jsonMember(node, "rlimits");
  let limit = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, limit = jsonNext(limit)) {
    const type = jsonMember(limit, "type"), soft = jsonMember(limit, "soft"), hard = jsonMember(limit, "hard"), number = limitNumber(type);
    if (number < 0 || !jsonIsU64(soft) || !jsonIsU64(hard)) die("process.rlimits has an entry without a known type, soft and hard");
    const low = jsonU64(soft), high = jsonU64(hard);
    const result = setLimit(number, <u32>low, <u32>(low >> 32), <u32>high, <u32>(high >> 32));
    if (result < 0) die("cannot set the limit", jsonText(type), result, "raising a hard limit needs CAP_SYS_RESOURCE");
  }
}

/** A session keyring of the container's own. One that cannot be had, for a filter or for the user's quota, is no reason to fail. */
export function joinKeyring(): void {
  const joined = newKeyring();
  if (joined < 0 && joined != -ENOSYS && joined != -EDQUOT && joined != -EPERM) die("cannot join a new session keyring", 0, joined);
}

// --- inside of the root

/** Enters process.cwd; what its user alone may enter is tried again later. */
export function enterWorkingDirectory(again: bool): void {
  const place = options.cwd != 0 ? options.cwd : jsonText(jsonMember(node, "cwd")), entered = enterDirectory(place);
  if (entered < 0 && (again || entered != -EACCES)) die("cannot enter process.cwd", place, entered);
}

/** The command is looked for before `start`, so that `create` can say that it is not there. In runc's words, which podman knows. */
export function findCommand(): void {
  let reason = -ENOENT;
  for (let at = executable.files; at < executable.files + executable.filesSize; at += stringLength(at) + 1) {
    const file = openAt(0, at, OPENAT_PATH, 0);
    if (file < 0) {
      if (file != -ENOENT && file != -ENOTDIR) reason = file;
      continue;
    }
    const seen = look(file), mode = seenMode();
    close(file);
    if (seen < 0) continue;
    if ((mode & S_IFMT) != S_IFDIR && (mode & 0o111) != 0) return;
    reason = -EACCES;
  }
  beginMessage();
  put("exec: \"");
  putString(executable.args);
  put(reason != -ENOENT ? "\": permission denied" : hasSlash(executable.args) ? "\": no such file or directory" : "\": executable file not found in $PATH");
  flushAndLeave();
}

function hasSlash(at: usize): bool {
  for (; load<u8>(at) != 0; at++) if (load<u8>(at) == 0x2f) return true;
  return false;
}

const PASSWD_BYTES: u32 = 65536;
const passwd = memory.data(PASSWD_BYTES);
const passwdPath = cString("/etc/passwd");

/** HOME where the environment has none: what the container's /etc/passwd has for the user, else the root. passwd(5) */
export function addHome(): void {
  if (environment.hasHome) return;
  let home: usize = 0;
  if (readText(passwdPath, passwd, PASSWD_BYTES) > 0) {
    for (let line = passwd; home == 0 && load<u8>(line) != 0; line = afterLine(line)) home = homeOf(line);
  }
  // An empty HOME of the environment goes.
  const to = withoutHome();
  let end = putText(to, "HOME=");
  if (home == 0) end = putText(end, "/");
  else for (let i: u32 = 0; i < HOME_BYTES - 16 && load<u8>(home) != 0x3a && load<u8>(home) > 0x1f; i++) store<u8>(end++, load<u8>(home++));
  executable.envSize = <u32>(putEnd(end) - executable.env);
}

function withoutHome(): usize {
  let to = executable.env;
  const end = executable.env + executable.envSize;
  for (let at = executable.env, next: usize = 0; at < end; at = next) {
    next = at + stringLength(at) + 1;
    if (!begins(at, "HOME=")) to = putEnd(putCopy(to, at));
  }
  return to;
}

function afterLine(line: usize): usize {
  while (load<u8>(line) != 0x0a) if (load<u8>(line++) == 0) return line - 1;
  return line + 1;
}

/** Where the line's home directory begins when it is this user's: NAME:PASSWORD:UID:GID:COMMENT:HOME:SHELL. */
function homeOf(line: usize): usize {
  let at = line;
  for (let field = 0; field < 5; field++) {
    if (field == 2) {
      const end = afterDigits(at);
      if (end == at || load<u8>(end) != 0x3a || digitsValue(at, end) != credentials.uid) return 0;
    }
    while (load<u8>(at) != 0x3a) if (load<u8>(at) == 0x0a || load<u8>(at++) == 0) return 0;
    at++;
  }
  return load<u8>(at) == 0x3a ? 0 : at;
}

// --- the last steps

/** PR_ of linux/prctl.h */
const PR_SET_KEEPCAPS: u32 = 8, PR_SET_NO_NEW_PRIVS: u32 = 38;
const capabilities = memory.data(CAPSET_BYTES, 4);

/** Gives up what the process is not to have, and executes it. Comes back never. */
export function becomeProcess(keep: u32): void {
  const noNewPrivileges = options.noNewPrivileges || jsonKind(jsonMember(node, "noNewPrivileges")) == JsonKind.TRUE;
  setLabels();
  setDomain();
  // Without no_new_privs a filter needs CAP_SYS_ADMIN, which is about to go. seccomp(2)
  if (!noNewPrivileges) installFilter();
  becomeUser();
  enterWorkingDirectory(true);
  if (noNewPrivileges) {
    must(processControl(PR_SET_NO_NEW_PRIVS, 1, 0), "cannot set no_new_privs");
    installFilter();
  }
  spawnBegin();
  spawnFiles(executable.files, executable.filesSize);
  spawnArguments(executable.args, executable.argsSize);
  spawnEnvironment(executable.env, executable.envSize);
  die("cannot execute", executable.args, execute(keep));
}

function installFilter(): void {
  if (seccompFilter.instructions > 0) must(setFilter(seccompFilter.flags, seccompFilter.at, seccompFilter.instructions), "cannot install the seccomp filter");
}

const known = memory.data(8, 8);

/** Bounding set, ids, then the other sets: capabilities(7). */
function becomeUser(): void {
  const sets = jsonMember(node, "capabilities");
  dropBounding(jsonMember(sets, "bounding"));
  const all = load<u64>(known);
  must(processControl(PR_SET_KEEPCAPS, 1, 0), "cannot keep capabilities");
  const umask = jsonMember(jsonMember(node, "user"), "umask");
  setUmask(jsonIsU64(umask) ? <u32>jsonU64(umask) & 0o777 : 0o022);
  const grouped = setGroups(credentials.groups, credentials.groupTotal);
  // In a user namespace that denies it there are no others to get rid of by this call. user_namespaces(7)
  if (grouped < 0 && (credentials.groupTotal > 0 || grouped != -EPERM)) die("cannot set the supplementary groups", 0, grouped);
  must(setUser(credentials.uid, credentials.gid), "cannot become process.user");
  must(processControl(PR_SET_KEEPCAPS, 0, 0), "cannot set keepcaps back");
  const inheritable = capabilitySet(jsonMember(sets, "inheritable"), all), ambient = capabilitySet(jsonMember(sets, "ambient"), all);
  const more = options.capabilities & all, permitted = capabilitySet(jsonMember(sets, "permitted"), all) | more;
  must(putCapabilities(capabilitySet(jsonMember(sets, "effective"), all) | more, permitted, inheritable), "cannot set the capabilities");
  processControl(PR_CAP_AMBIENT, AMBIENT_CLEAR, 0);
  // One that is not inheritable, too, the kernel refuses. `runc spec` asks for such a set: config.ts warns of it.
  const raised = ambient & inheritable & permitted;
  for (let number: u32 = 0; number < 64; number++) {
    if ((raised >> number & 1) != 0) must(processControl(PR_CAP_AMBIENT, AMBIENT_RAISE, number), "cannot raise an ambient capability");
  }
}

function dropBounding(list: usize): void {
  const wanted = capabilitySet(list, u64.MAX_VALUE) | options.capabilities;
  store<u64>(known, 0);
  for (let number: u32 = 0; number < 64; number++) {
    const has = processControl(PR_CAPBSET_READ, number, 0);
    if (has < 0) return;
    store<u64>(known, load<u64>(known) | <u64>1 << number);
    if (has == 1 && (wanted >> number & 1) == 0) must(processControl(PR_CAPBSET_DROP, number, 0), "cannot drop a capability from the bounding set");
  }
}

function putCapabilities(effective: u64, permitted: u64, inheritable: u64): i32 {
  putCapset(capabilities, effective, permitted, inheritable);
  return setCapabilities(capabilities);
}

const LABEL_BYTES: u32 = 4096;
const attribute = memory.data(48), label = memory.data(LABEL_BYTES);

/** process.apparmorProfile and process.selinuxLabel: from the execution on. */
function setLabels(): void {
  writeLabel("/proc/self/attr/apparmor/exec", "exec ", options.apparmorProfile, jsonMember(node, "apparmorProfile"));
  writeLabel("/proc/self/attr/exec", "", options.selinuxLabel, jsonMember(node, "selinuxLabel"));
}

/** `given` on the command line goes before what `node` says. */
function writeLabel(path: string, prefix: string, given: usize, node: usize): void {
  const name = given != 0 ? given : jsonIsCString(node) ? jsonText(node) : 0;
  if (name == 0 || load<u8>(name) == 0 || equals(name, "unconfined")) return;
  if (stringLength(name) + 8 > LABEL_BYTES) die("a label is too long:", name);
  store<u8>(putText(attribute, path), 0);
  const size = <u32>(putCopy(putText(label, prefix), name) - label), file = openAt(0, attribute, OPENAT_WRITE, 0);
  const sent = file < 0 ? file : write(file, label, size);
  if (sent < 0) die("cannot set the label of the process:", name, sent == -ENOENT ? -EINVAL : sent);
  close(file);
}
