/** config.json and process.json: read, and looked through for what cannot be done. */
import { close, openAt, OPENAT_READ, realpath } from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import {
  JSON_NODE_BYTES, jsonCount, jsonFirst, jsonIs, jsonIsCString, jsonIsI64, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext,
  jsonSize, jsonText, jsonU64,
} from "../../../lib/json/nodes";
import { jsonErrorColumn, jsonErrorLine, jsonErrorWords, readJson } from "../../../lib/json/read";
import { put, putNumber, putString } from "../../../lib/diagnostics";
import { die, flushAndLeave } from "../files/end";
import { checkSysctls } from "../process/sysctl";
import { preparePersonality, prepareScheduling } from "../process/scheduling";
import { capabilitySet, unknownCapability } from "../process/capabilities";
import { beginMessage, warn } from "../files/log";
import { NEW_CGROUP, NEW_IPC, NEW_MOUNT, NEW_NETWORK, NEW_PID, NEW_TIME, NEW_USER, NEW_UTS } from "./namespace-kinds";
import { look, PATH_BYTES, readFully, S_IFMT, S_IFREG, seenMode, seenSize, SLASH } from "../files/paths";

/** config.json of the bundle. */
export namespace spec {
  /** Nodes of config.json: the whole, and its parts; 0 where there is none. */
  export let root: usize = 0, linux: usize = 0, process: usize = 0, hooks: usize = 0;
  /** The file as it was, for the copy that later hooks need. */
  export let originalText: usize = 0, originalSize: u32 = 0;
  /** Absolute, NUL-terminated. */
  export let bundlePath: usize = 0, rootfsPath: usize = 0;
  export let rootIsReadonly: bool = false;
}

/** The namespaces of linux.namespaces. */
export namespace namespaceSetup {
  /** CLONE_NEW… of the namespaces to make; handles of those to join, by kind. */
  export let newNamespaces: u32 = 0;
  export let userNamespace: i32 = -1, mountNamespace: i32 = -1;
  export let otherCount: i32 = 0;
  export let joinsPid: bool = false;
}
/** The others to join: a handle each, joined by the parent before it forks. */
export const OTHERS_MAX: i32 = 6;
const others = memory.data(OTHERS_MAX * 8, 4);
export function otherNamespace(index: i32): i32 { return load<i32>(others + index * 8); }
export function otherKind(index: i32): u32 { return load<u32>(others + index * 8 + 4); }

/** Reads a file as JSON; ends with the place of the mistake when it is none. `from` says what is read: a path, or stdin's. */
export function readFile(path: usize, keepText: bool): usize {
  const file = openAt(0, path, OPENAT_READ, 0);
  if (file < 0) die("cannot open", path, file);
  const seen = look(file);
  if (seen < 0 || (seenMode() & S_IFMT) != S_IFREG) die("not a regular file:", path, seen);
  if (seenSize() > 1 << 24) die("longer than 16 MiB:", path);
  const size = <u32>seenSize(), text = claim(size + 1), got = readFully(file, text, size);
  if (got < 0) die("cannot read", path, got);
  close(file);
  if (keepText) {
    spec.originalText = claim(size);
    spec.originalSize = got;
    memory.copy(spec.originalText, text, got);
  }
  return parseText(path, text, got, claim((<u32>got / 2 + 2) * JSON_NODE_BYTES));
}

/** A text takes half as many nodes as it has bytes, at most: "[1,1,1". */
export function parseText(path: usize, text: usize, size: u32, nodes: usize): usize {
  const most = size / 2 + 2;
  if (readJson(text, size, nodes, most) > 0) return nodes;
  beginMessage();
  putString(path);
  put(" is not JSON: line ");
  putNumber(jsonErrorLine);
  put(", column ");
  putNumber(jsonErrorColumn);
  put(": ");
  put(jsonErrorWords());
  flushAndLeave();
  return 0;
}

const place = memory.data(PATH_BYTES * 2);

/** Finds the bundle and reads its config.json. `given` is 0 for the current directory. */
export function readConfig(given: usize): void {
  spec.bundlePath = claim(PATH_BYTES);
  store<u16>(place, 0x2e); // .
  const found = realpath(given == 0 ? place : given, spec.bundlePath, PATH_BYTES);
  if (found < 0) die("cannot find the bundle", given == 0 ? place : given, found);
  let end = place, from = spec.bundlePath;
  for (; load<u8>(from) != 0; from++) store<u8>(end++, load<u8>(from));
  const name = "/config.json";
  for (let i = 0; i <= name.length; i++) store<u8>(end++, i == name.length ? 0 : <u8>name.charCodeAt(i));
  spec.root = readFile(place, true);
  if (jsonKind(spec.root) != JsonKind.OBJECT) die("config.json is not an object");
  checkVersion();
  spec.linux = jsonMember(spec.root, "linux");
  spec.process = jsonMember(spec.root, "process");
  spec.hooks = jsonMember(spec.root, "hooks");
  findRoot();
}

let isVersion10: bool = false;

/** 1.x.y; a pre-release of 1.0 is taken, too. */
function checkVersion(): void {
  const version = jsonMember(spec.root, "ociVersion"), text = jsonIsCString(version) ? jsonText(version) : 0;
  if (text == 0) die("config.json has no ociVersion");
  if (load<u8>(text) != 0x31 || load<u8>(text + 1) != 0x2e) die("ociVersion is not 1.x:", text);
  isVersion10 = load<u8>(text + 2) == 0x30 && load<u8>(text + 3) == 0x2e;
}

function findRoot(): void {
  const rootNode = jsonMember(spec.root, "root"), path = jsonMember(rootNode, "path");
  if (!jsonIsCString(path) || load<u8>(jsonText(path)) == 0) die("root.path is missing");
  spec.rootIsReadonly = jsonKind(jsonMember(rootNode, "readonly")) == JsonKind.TRUE;
  spec.rootfsPath = claim(PATH_BYTES);
  let at = place;
  if (load<u8>(jsonText(path)) != SLASH) {
    for (let from = spec.bundlePath; load<u8>(from) != 0; from++) store<u8>(at++, load<u8>(from));
    store<u8>(at++, SLASH);
  }
  for (let from = jsonText(path); load<u8>(from) != 0 && at < place + 2 * PATH_BYTES - 1; from++) store<u8>(at++, load<u8>(from));
  store<u8>(at, 0);
  const found = realpath(place, spec.rootfsPath, PATH_BYTES);
  if (found < 0) die("cannot find the root file system", place, found);
}

// --- linux.namespaces

export function readNamespaces(): void {
  const list = jsonMember(spec.linux, "namespaces");
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) takeNamespace(node);
}

let seenKinds: u32 = 0;

function takeNamespace(node: usize): void {
  const type = jsonMember(node, "type"), path = jsonMember(node, "path");
  const kind = kindOf(type);
  if (kind == 0) return die("linux.namespaces has an unknown type:", jsonKind(type) == JsonKind.STRING ? jsonText(type) : 0);
  if ((seenKinds & kind) != 0) return die("linux.namespaces has a type twice:", jsonText(type));
  seenKinds |= kind;
  if (!jsonIsCString(path) || load<u8>(jsonText(path)) == 0) {
    namespaceSetup.newNamespaces |= kind;
    return;
  }
  const handle = openAt(0, jsonText(path), OPENAT_READ, 0);
  if (handle < 0) return die("cannot open the namespace", jsonText(path), handle);
  if (kind == NEW_USER) namespaceSetup.userNamespace = handle;
  else if (kind == NEW_MOUNT) namespaceSetup.mountNamespace = handle;
  else {
    assert(namespaceSetup.otherCount < OTHERS_MAX, "each type is there once");
    if (kind == NEW_PID) namespaceSetup.joinsPid = true;
    store<i32>(others + namespaceSetup.otherCount * 8, handle);
    store<u32>(others + namespaceSetup.otherCount++ * 8 + 4, kind);
  }
}

function kindOf(type: usize): u32 {
  if (jsonIs(type, "pid")) return NEW_PID;
  if (jsonIs(type, "network")) return NEW_NETWORK;
  if (jsonIs(type, "mount")) return NEW_MOUNT;
  if (jsonIs(type, "ipc")) return NEW_IPC;
  if (jsonIs(type, "uts")) return NEW_UTS;
  if (jsonIs(type, "user")) return NEW_USER;
  if (jsonIs(type, "cgroup")) return NEW_CGROUP;
  return jsonIs(type, "time") ? NEW_TIME : 0;
}

// --- what cannot be done is refused, and what a mistake would make dangerous

function refuseMember(object: usize, name: string, words: string): void {
  const node = jsonMember(object, name);
  if (jsonKind(node) != JsonKind.NULL && !(jsonKind(node) >= JsonKind.ARRAY && jsonCount(node) == 0)) die(words);
}

export function checkConfig(): void {
  if (jsonKind(spec.process) != JsonKind.OBJECT) die("config.json has no process");
  if ((namespaceSetup.newNamespaces & NEW_MOUNT) == 0 && namespaceSetup.mountNamespace < 0) die("a container without a mount namespace of its own is not supported");
  refuseMember(spec.linux, "intelRdt", "linux.intelRdt is not supported");
  refuseMember(spec.linux, "memoryPolicy", "linux.memoryPolicy is not supported");
  refuseMember(spec.linux, "netDevices", "linux.netDevices is not supported");
  checkName("hostname");
  checkName("domainname");
  checkSysctls(jsonMember(spec.linux, "sysctl"), seenKinds);
  preparePersonality(jsonMember(spec.linux, "personality"));
  checkPaths(jsonMember(spec.linux, "maskedPaths"), "linux.maskedPaths has something that is not an absolute path");
  checkPaths(jsonMember(spec.linux, "readonlyPaths"), "linux.readonlyPaths has something that is not an absolute path");
  const list = jsonMember(spec.root, "mounts");
  let mount = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, mount = jsonNext(mount)) checkMount(mount);
  checkProcess(spec.process);
}

/** Without a uts namespace in linux.namespaces the name would be the host's. */
function checkName(member: string): void {
  const node = jsonMember(spec.root, member);
  if (jsonKind(node) == JsonKind.NULL) return;
  if (!jsonIsCString(node)) return die("hostname or domainname is not a string");
  if (jsonSize(node) > 0 && (seenKinds & NEW_UTS) == 0) die("hostname and domainname need a uts namespace in linux.namespaces");
}

function checkMount(mount: usize): void {
  const destination = jsonMember(mount, "destination");
  if (!jsonIsCString(destination) || load<u8>(jsonText(destination)) == 0) return die("a mount has no destination");
  if (jsonMember(mount, "type") != 0 && !jsonIsCString(jsonMember(mount, "type"))) return die("a mount's type is not a string:", jsonText(destination));
  if (jsonMember(mount, "source") != 0 && !jsonIsCString(jsonMember(mount, "source"))) return die("a mount's source is not a string:", jsonText(destination));
  checkStrings(jsonMember(mount, "options"), "a mount's options are not a list of strings");
  checkMapped(mount, jsonText(destination));
  if (jsonMember(mount, "type") == 0 && jsonMember(mount, "options") == 0) die("a mount has neither a type nor options:", jsonText(destination));
}

/** An idmapped mount: a bind mount with mappings of both kinds, or the option idmap in a container with a user namespace. */
function checkMapped(mount: usize, destination: usize): void {
  const options = jsonMember(mount, "options"), users = jsonCount(jsonMember(mount, "uidMappings")), groups = jsonCount(jsonMember(mount, "gidMappings"));
  let isBind = false, isMapped = users > 0, option = jsonFirst(options);
  for (let i = jsonCount(options); i > 0; i--, option = jsonNext(option)) {
    if (jsonIs(option, "bind") || jsonIs(option, "rbind")) isBind = true;
    if (jsonIs(option, "idmap") || jsonIs(option, "ridmap")) isMapped = true;
  }
  if ((users > 0) != (groups > 0)) return die("a mount has one of uidMappings and gidMappings, it needs both:", destination);
  if (isMapped && !isBind) return die("only bind mounts can be idmapped:", destination);
  if (isMapped && users == 0 && (seenKinds & NEW_USER) == 0) die("an idmapped mount needs uidMappings and gidMappings, or a user namespace of the container:", destination);
}

function checkStrings(list: usize, words: string): void {
  if (jsonKind(list) == JsonKind.NULL) return;
  if (jsonKind(list) != JsonKind.ARRAY) return die(words);
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (!jsonIsCString(node)) return die(words);
}

/** process of config.json, or process.json. */
export function checkProcess(node: usize): void {
  if (jsonKind(node) != JsonKind.OBJECT) return die("the process is not an object");
  const cwd = jsonMember(node, "cwd"), user = jsonMember(node, "user");
  if (jsonCount(jsonMember(node, "args")) == 0) return die("process.args is missing or empty");
  checkStrings(jsonMember(node, "args"), "process.args is not a list of strings");
  checkStrings(jsonMember(node, "env"), "process.env is not a list of strings");
  if (!jsonIsCString(cwd) || load<u8>(jsonText(cwd)) != SLASH) return die("process.cwd is not an absolute path");
  checkId(jsonMember(user, "uid"), "process.user.uid is not an id");
  checkId(jsonMember(user, "gid"), "process.user.gid is not an id");
  checkIds(jsonMember(user, "additionalGids"));
  prepareScheduling(node);
  refuseMember(node, "execCPUAffinity", "process.execCPUAffinity is not supported");
  checkCapabilities(jsonMember(node, "capabilities"));
  const score = jsonMember(node, "oomScoreAdj");
  if (score != 0 && !jsonIsI64(score)) return die("process.oomScoreAdj is not a whole number");
}

/** Version 1.0 of the specification wants an error for a name that is none, later ones a warning. */
function checkCapabilities(sets: usize): void {
  for (let i = 0; i < 5; i++) {
    const name = i == 0 ? "bounding" : i == 1 ? "effective" : i == 2 ? "permitted" : i == 3 ? "inheritable" : "ambient";
    const unknown = unknownCapability(jsonMember(sets, name));
    if (unknown == 0) continue;
    if (isVersion10) return die("process.capabilities has a name that is none:", unknown);
    warn("process.capabilities has a name that is none:", unknown);
  }
  const usable = setOf(sets, "permitted") & setOf(sets, "inheritable");
  if ((setOf(sets, "ambient") & ~usable) != 0) {
    warn("process.capabilities.ambient has capabilities that are not both permitted and inheritable: they are left out");
  }
}

function setOf(sets: usize, name: string): u64 { return capabilitySet(jsonMember(sets, name), u64.MAX_VALUE); }

/** Paths inside the container: from its root on. */
function checkPaths(list: usize, words: string): void {
  checkStrings(list, words);
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) if (load<u8>(jsonText(node)) != SLASH) return die(words, jsonText(node));
}

function checkId(node: usize, words: string): void {
  if (node != 0 && (!jsonIsU64(node) || jsonU64(node) > 0xffff_fffe)) die(words);
}

function checkIds(list: usize): void {
  let node = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, node = jsonNext(node)) checkId(node, "process.user.additionalGids has something that is not an id");
}
