/**
 * The container's root file system: the mounts of config.json in a copy of root.path, the devices, and what is read-only or
 * masked. All places are looked up from the root's handle (openat2(2), RESOLVE_IN_ROOT), and mounts are made by descriptors, so
 * no link in the image leads out of it.
 */
import {
  changeMount, cloneMount, close, configureFileSystem, enterDirectoryAt, mapMount, mountFileSystem, moveMount, openAt, OPENAT_CREATE,
  OPENAT_DIRECTORY, OPENAT_EXCLUSIVE, OPENAT_PATH, OPENAT_WRITE, openFileSystem, pivot, unmount,
} from "../../../boundary/shim";
import { claim } from "../../../boundary/wasi";
import { EINVAL, ENOENT, ENOTDIR } from "../../../lib/errno";
import {
  jsonCount, jsonFirst, jsonIs, jsonIsCString, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText,
} from "../../../lib/json/nodes";
import { cString, equals, putCopy, stringLength } from "../../../lib/text";
import { mountGroups } from "../cgroup/mount";
import { copyUp } from "./copy-up";
import { claimHolders, namespaceWith } from "./mount-maps";
import { die } from "../files/end";
import { warn } from "../files/log";
import {
  badOption, configure, mountFlags, NODEV, NOEXEC, NOSUID, PRIVATE, RDONLY, readOptions, SHARED, SLAVE, takePropagation,
} from "./mount-options";
import { look, makeDirectories, PATH_BYTES, seenIsDirectory, seenMajor, seenMinor, seenMode, splitPath } from "../files/paths";

/** Handle of the container's root. */
export let rootHandle: i32 = -1;

/**
 * From a user namespace a process may not see what the host's root sees, and from its own mount namespace it has left the host's
 * peers: there the parent makes the copies of what is bound, and the child finds them here. -1 for one that it makes itself.
 */
let copies: usize = 0, rootCopy: i32 = -1;

/** Whether a mount, or the root, shares with the host what is mounted below it. */
export function sharesMounts(propagationName: usize, list: usize): bool {
  readOptions(0);
  if (propagationName != 0 && takePropagation(propagationName) && mountFlags.propagation == SHARED) return true;
  let mount = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, mount = jsonNext(mount)) {
    readOptions(jsonMember(mount, "options"));
    if (mountFlags.isBind && mountFlags.propagation == SHARED) return true;
  }
  return false;
}

/** Whether the files of a mount get other owners: by mappings of its own, or by those of the container's user namespace. */
export function isMapped(mount: usize): bool {
  readOptions(jsonMember(mount, "options"));
  return mountFlags.isMapped || jsonCount(jsonMember(mount, "uidMappings")) > 0;
}

/** Whether there is such a mount. */
export function mapsMounts(list: usize): bool {
  let mount = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, mount = jsonNext(mount)) if (isMapped(mount)) return true;
  return false;
}

/** Maps a copy of a bind mount, which is nowhere yet. `namespace`: the container's user namespace where it is joined, or -1. */
function mapCopy(copy: i32, mount: usize, linux: usize, namespace: i32): void {
  const own = jsonCount(jsonMember(mount, "uidMappings")) > 0;
  const map = own ? namespaceWith(mount) : namespace >= 0 ? namespace : namespaceWith(linux);
  isMapped(mount);
  const mapped = mapMount(copy, mountFlags.mapsAll ? 1 : 0, map);
  if (mapped < 0) die("cannot map the owners of the mount at", jsonText(jsonMember(mount, "destination")), mapped, "its file system has to support idmapped mounts");
  if (map != namespace) close(map);
}

/**
 * Copies the root file system and every source of a bind mount, while they are the host's still: what a mount shares with the host
 * would be gone later. Of all others nothing gets out.
 */
export function copyMounts(rootPath: usize, list: usize, linux: usize, namespace: i32): void {
  copies = claim(jsonCount(list) * 4 + 4);
  claimHolders(jsonCount(list));
  rootCopy = copyOf(rootPath, true, false);
  let mount = jsonFirst(list);
  for (let i: u32 = 0; i < jsonCount(list); i++, mount = jsonNext(mount)) {
    readOptions(jsonMember(mount, "options"));
    const source = jsonMember(mount, "source"), isShared = mountFlags.propagation == SHARED;
    const copy = mountFlags.isBind ? copyOf(jsonText(source), mountFlags.isRecursive, isShared) : -1;
    store<i32>(copies + i * 4, copy);
    if (copy >= 0 && isMapped(mount)) mapCopy(copy, mount, linux, namespace);
  }
}

function copyOf(source: usize, all: bool, shares: bool): i32 {
  const from = openAt(0, source, OPENAT_PATH, 0), copy = from < 0 ? from : cloneMount(from, all ? 1 : 0);
  if (copy < 0) die("cannot make a mount of", source, copy);
  const changed = shares ? 0 : changeMount(copy, 1, 0, 0, SLAVE);
  if (changed < 0) die("cannot set the propagation of", source, changed);
  close(from);
  return copy;
}

const top = cString("/");
const dot = cString(".");
const path = memory.data(PATH_BYTES);

/** What the calls on mounts need. A constant of more than one use is one text in the module. */
const NEEDED = "this needs Linux 5.12 and CAP_SYS_ADMIN";

/** Makes the root a mount of its own, of which nothing is seen outside. `propagationName` is linux.rootfsPropagation, or 0. */
export function takeRoot(rootPath: usize, propagationName: usize): void {
  const outside = openAt(0, top, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  readOptions(0);
  if (propagationName != 0 && !takePropagation(propagationName)) die("linux.rootfsPropagation is unknown:", propagationName);
  // What the host mounts later is seen, unless the container is to be apart; nothing that the container mounts gets out.
  const mode = mountFlags.propagation == PRIVATE ? PRIVATE : SLAVE;
  let result = changeMount(outside, 1, 0, 0, mode);
  if (result < 0) die("cannot set the propagation of the container's mounts", 0, result, NEEDED);
  // Where it is put matters to nobody: it becomes the root.
  const place = rootCopy >= 0 ? outside : openAt(0, rootPath, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  if (place < 0) die("cannot open the root file system", rootPath, place);
  rootHandle = rootCopy >= 0 ? rootCopy : cloneMount(place, 1);
  if (rootHandle < 0) die("cannot make a mount of the root file system", rootPath, rootHandle, NEEDED);
  result = changeMount(rootHandle, 0, 0, 0, PRIVATE);
  if (result >= 0) result = moveMount(rootHandle, place);
  if (result < 0) die("cannot mount the root file system", rootPath, result);
  if (place != outside) close(place);
  close(outside);
}

/** linux.mountLabel, the SELinux context of new file systems; 0 for none. */
let mountLabel: usize = 0;

/** Makes all mounts of config.json, in order. */
export function makeMounts(list: usize, label: usize): void {
  mountLabel = jsonIsCString(label) && jsonSize(label) > 0 ? jsonText(label) : 0;
  if (jsonKind(list) == JsonKind.NULL) return;
  let mount = jsonFirst(list);
  for (let i: u32 = 0; i < jsonCount(list); i++, mount = jsonNext(mount)) makeMount(mount, copies == 0 ? -1 : load<i32>(copies + i * 4));
}

function makeMount(mount: usize, copy: i32): void {
  const destination = jsonText(jsonMember(mount, "destination")), type = jsonMember(mount, "type"), options = jsonMember(mount, "options");
  readOptions(options);
  if (mountFlags.isBind || jsonIs(type, "bind")) {
    if (!mountFlags.isBind) die("a mount of type bind has neither bind nor rbind among its options:", destination);
    return bind(mount, destination, copy);
  }
  if (jsonIs(type, "cgroup")) return mountGroups(placeFor(destination, true), destination, mountFlags.set, onlyReadOnly());
  newFileSystem(mount, destination, jsonText(type));
}

function onlyReadOnly(): bool { return (mountFlags.set & RDONLY) != 0; }

/** The last place was missing, and was made. */
let placeIsNew: bool = false;

/** Opens the place of a mount, making what is missing. Its handle. */
function placeFor(destination: usize, isDirectory: bool): i32 {
  const there = openAt(rootHandle, destination, OPENAT_PATH, 0);
  placeIsNew = there < 0;
  if (there >= 0) return there;
  if (there != -ENOENT) die("cannot open the place of a mount", destination, there);
  if (isDirectory) {
    const made = makeDirectories(rootHandle, destination, 0o755);
    if (made < 0) die("cannot make the place of a mount", destination, made);
    return made;
  }
  if (stringLength(destination) >= PATH_BYTES) die("the destination of a mount is too long:", destination);
  store<u8>(putCopy(path, destination), 0);
  const name = splitPath(path), parent = makeDirectories(rootHandle, name == path ? dot : path, 0o755);
  if (parent < 0) die("cannot make the place of a mount", destination, parent);
  const file = openAt(parent, name, OPENAT_WRITE | OPENAT_CREATE | OPENAT_EXCLUSIVE, 0o755);
  close(parent);
  if (file < 0) die("cannot make the place of a mount", destination, file);
  close(file);
  const made = openAt(rootHandle, destination, OPENAT_PATH, 0);
  if (made < 0) die("cannot open the place of a mount", destination, made);
  return made;
}

/** What the options say of the mount, once it is one. */
function finish(mount: i32, destination: usize): void {
  let result = 0;
  const set = mountFlags.recursiveSet, clear = mountFlags.recursiveClear, propagation = mountFlags.propagation;
  if ((set | clear) != 0) result = changeMount(mount, 1, set, clear, 0);
  if (result >= 0 && propagation != 0) result = changeMount(mount, mountFlags.propagationIsRecursive ? 1 : 0, 0, 0, propagation);
  if (result < 0) die("cannot set the options of the mount at", destination, result);
}

function bind(mount: usize, destination: usize, made: i32): void {
  const source = jsonText(jsonMember(mount, "source")), from = made >= 0 ? made : openAt(0, source, OPENAT_PATH, 0);
  if (from < 0) die("cannot open the source of a bind mount", source, from);
  look(from);
  const place = placeFor(destination, seenIsDirectory()), copy = made >= 0 ? made : cloneMount(from, mountFlags.isRecursive ? 1 : 0);
  if (copy < 0) die("cannot bind", source, copy);
  let result = 0;
  // The top alone, unless an option is for all: as runc does.
  if ((mountFlags.set | mountFlags.clear) != 0) result = changeMount(copy, 0, mountFlags.set, mountFlags.clear, 0);
  if (result >= 0) result = moveMount(copy, place);
  if (result < 0) die("cannot mount at", destination, result);
  finish(copy, destination);
  close(copy);
  close(place);
  if (from != copy) close(from);
}

const sourceKey = cString("source");
const labelKey = cString("context");
const modeKey = cString("mode");
const modeValue = memory.data(16);

function newFileSystem(mount: usize, destination: usize, type: usize): void {
  const place = placeFor(destination, true), context = openFileSystem(type), source = jsonMember(mount, "source");
  if (context < 0) die("there is no file system of the type", type, context);
  const isTmpfs = equals(type, "tmpfs");
  let result = configureFileSystem(context, sourceKey, source == 0 ? type : jsonText(source));
  if (result >= 0) result = configure(context, jsonMember(mount, "options"));
  if (result < 0) die("the file system does not take the option", badOption, result);
  const labelled = mountLabel != 0 && takesLabel(type) ? configureFileSystem(context, labelKey, mountLabel) : 0;
  if (labelled < 0) die("the file system does not take linux.mountLabel:", destination, labelled, "SELinux has to be enabled");
  if (result >= 0 && isTmpfs && !mountFlags.hasMode && !placeIsNew) result = coveredMode(context, place);
  if (result >= 0) result = configureFileSystem(context, 0, 0);
  if (result < 0) die("cannot make the file system for", destination, result);
  const ready = mountFileSystem(context, mountFlags.set & ~(mountFlags.copiesUp ? RDONLY : 0));
  if (ready < 0) die("cannot make the mount for", destination, ready);
  if (isTmpfs && mountFlags.copiesUp) copyUp(place, ready, destination);
  result = moveMount(ready, place);
  if (result >= 0 && mountFlags.copiesUp && (mountFlags.set & RDONLY) != 0) result = changeMount(ready, 0, RDONLY, 0, 0);
  if (result < 0) die("cannot mount at", destination, result);
  finish(ready, destination);
  close(ready);
  close(context);
  close(place);
}

/** Kernel file systems whose files SELinux labels by itself. */
function takesLabel(type: usize): bool { return !equals(type, "proc") && !equals(type, "sysfs") && !equals(type, "mqueue"); }

/** A tmpfs without a mode has the one of the directory that it covers; where there was none, the 1777 of tmpfs(5). */
function coveredMode(context: i32, place: i32): i32 {
  const seen = look(place);
  if (seen < 0) return seen;
  store<u8>(putOctal(modeValue, seenMode() & 0o7777), 0);
  return configureFileSystem(context, modeKey, modeValue);
}

function putOctal(at: usize, value: u32): usize {
  if (value >= 8) at = putOctal(at, value >> 3);
  store<u8>(at, 0x30 + <u8>(value & 7));
  return at + 1;
}

/** The container's root becomes this process's, and the host's is gone. */
export function enterRoot(): void {
  let result = enterDirectoryAt(rootHandle);
  if (result >= 0) result = pivot(dot);
  if (result >= 0) result = unmount(dot);
  if (result < 0) die("cannot make the container's root the root (pivot_root)", 0, result);
}

// --- after the root was entered

/** linux.readonlyPaths and linux.maskedPaths: read-only first, since a mask may lie inside. */
export function restrictPaths(readonly: usize, masked: usize): void {
  let node = jsonFirst(readonly);
  for (let i = jsonCount(readonly); i > 0; i--, node = jsonNext(node)) makeReadOnly(jsonText(node));
  node = jsonFirst(masked);
  for (let i = jsonCount(masked); i > 0; i--, node = jsonNext(node)) mask(jsonText(node));
  if (covers.emptyDirectory >= 0) close(covers.emptyDirectory);
  if (covers.nullDevice >= 0) close(covers.nullDevice);
}

/** The handle of a path that is to be restricted; less than 0 when it is not there. */
function restricted(at: usize): i32 {
  const there = openAt(rootHandle, at, OPENAT_PATH, 0);
  if (there < 0 && there != -ENOENT && there != -ENOTDIR) die("cannot open the path that is to be restricted:", at, there);
  return there;
}

function makeReadOnly(at: usize): void {
  const there = restricted(at);
  if (there < 0) return;
  const copy = cloneMount(there, 1);
  let result = copy;
  if (result >= 0) result = changeMount(copy, 0, RDONLY, 0, 0);
  if (result >= 0) result = moveMount(copy, there);
  if (result < 0) die("cannot make the path read-only:", at, result);
  close(copy);
  close(there);
}

namespace covers {
  /** What covers directories, and files; mounted once, and copied from there on. */
  export let emptyDirectory: i32 = -1, nullDevice: i32 = -1;
}
const tmpfs = cString("tmpfs");
const devNull = cString("/dev/null");

function mask(at: usize): void {
  const there = restricted(at);
  if (there < 0) return;
  const seen = look(there), cover = seen < 0 ? seen : seenIsDirectory() ? coverOfDirectory() : coverOfFile();
  const result = cover < 0 ? cover : moveMount(cover, there);
  if (result < 0) die("cannot mask the path", at, result);
  if (seenIsDirectory() && covers.emptyDirectory < 0) covers.emptyDirectory = cover;
  else close(cover);
  close(there);
}

/** An empty directory that nobody can write to. */
function coverOfDirectory(): i32 {
  if (covers.emptyDirectory >= 0) return cloneMount(covers.emptyDirectory, 0);
  const context = openFileSystem(tmpfs);
  if (context < 0) return context;
  const made = configureFileSystem(context, 0, 0), cover = made < 0 ? made : mountFileSystem(context, RDONLY | NOSUID | NODEV | NOEXEC);
  close(context);
  return cover;
}

/** The container's /dev/null, if it is one: the image may have put something else there. */
function coverOfFile(): i32 {
  if (covers.nullDevice < 0) covers.nullDevice = openAt(rootHandle, devNull, OPENAT_PATH, 0);
  if (covers.nullDevice < 0) return covers.nullDevice;
  const seen = look(covers.nullDevice);
  if (seen < 0) return seen;
  return seenMajor() == 1 && seenMinor() == 3 ? cloneMount(covers.nullDevice, 0) : -EINVAL;
}

/** root.readonly, and linux.rootfsPropagation once all is in place. */
export function finishRoot(readonly: bool, propagationName: usize): void {
  if (readonly) {
    const result = changeMount(rootHandle, 0, RDONLY, 0, 0);
    if (result < 0) die("cannot make the root file system read-only", 0, result);
  }
  readOptions(0);
  if (propagationName == 0 || !takePropagation(propagationName)) return;
  // Mounts have their own.
  const result = changeMount(rootHandle, 0, 0, 0, mountFlags.propagation);
  if (result < 0) die("cannot set the propagation of the root file system", propagationName, result);
}

/** The working directory: made when it is missing, as in runc. */
export function makeWorkingDirectory(at: usize): void {
  const made = makeDirectories(rootHandle, at, 0o755);
  // A link, or what the root may not change: entering it says what is wrong.
  if (made >= 0) close(made);
  else warn("cannot make the working directory", at);
}
