/** The devices and links that every container has in /dev, and those of linux.devices. */
import {
  changeOwner, cloneMount, close, makeLinkAt, makeNodeAt, moveMount, openAt, OPENAT_CREATE, OPENAT_DIRECTORY, OPENAT_PATH,
  OPENAT_READ, OPENAT_WRITE, removeAt, setUmask,
} from "../../../boundary/shim";
import { EEXIST, ENOENT, ENXIO, EPERM } from "../../../lib/errno";
import { jsonCount, jsonFirst, jsonIs, jsonIsCString, jsonIsU64, jsonMember, jsonNext, jsonText, jsonU64 } from "../../../lib/json/nodes";
import { cString, putCopy, putText, stringLength } from "../../../lib/text";
import { die } from "../files/end";
import {
  lookAt, makeDirectories, PATH_BYTES, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT, seenMajor, seenMinor, seenMode, splitPath,
} from "../files/paths";
import { rootHandle } from "./rootfs";

const dev = cString("/dev");
const dot = cString(".");
const path = memory.data(PATH_BYTES), name = memory.data(64), target = memory.data(64);

/** Of a user namespace mknod(2) may not make devices: those of the host are bound. */
let binds: bool = false;
let directory: i32 = -1;

export function makeDevices(list: usize, inUserNamespace: bool): void {
  binds = inUserNamespace;
  const mask = setUmask(0);
  directory = makeDirectories(rootHandle, dev, 0o755);
  if (directory < 0) die("cannot open /dev in the root file system", 0, directory);
  // First, since they may say more of a default one: its mode, its owner.
  let device = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, device = jsonNext(device)) makeGiven(device);
  makeDefault("null", 3);
  makeDefault("zero", 5);
  makeDefault("full", 7);
  makeDefault("random", 8);
  makeDefault("urandom", 9);
  makeTty();
  makeLink("/proc/self/fd", "fd");
  makeLink("/proc/self/fd/0", "stdin");
  makeLink("/proc/self/fd/1", "stdout");
  makeLink("/proc/self/fd/2", "stderr");
  store<u8>(putText(name, "ptmx"), 0);
  // One of the image would be the host's.
  removeAt(directory, name, 0);
  makeLink("pts/ptmx", "ptmx");
  close(directory);
  setUmask(mask);
}

function makeDefault(deviceName: string, minor: u32): void {
  store<u8>(putText(name, deviceName), 0);
  store<u8>(putText(putText(path, "/dev/"), deviceName), 0);
  makeOr(directory, name, path, S_IFCHR | 0o666, 1, minor);
}

/** One that is there was given, was mounted, or is the image's: it stays. */
function makeOr(parent: i32, deviceName: usize, host: usize, mode: u32, major: u32, minor: u32): void {
  if (lookAt(parent, deviceName) == 0) return;
  make(parent, deviceName, host, mode, major, minor, 0, 0);
}

function makeTty(): void {
  store<u8>(putText(name, "tty"), 0);
  store<u8>(putText(path, "/dev/tty"), 0);
  makeOr(directory, name, path, S_IFCHR | 0o666, 5, 0);
}

function makeLink(to: string, linkName: string): void {
  store<u8>(putText(target, to), 0);
  store<u8>(putText(name, linkName), 0);
  const made = makeLinkAt(target, directory, name);
  if (made < 0 && made != -EEXIST) die("cannot make the link in /dev:", name, made);
}

/** `host` is where the host has the device. */
function make(parent: i32, deviceName: usize, host: usize, mode: u32, major: u32, minor: u32, uid: u32, gid: u32): void {
  let made = binds && (mode & S_IFIFO) != S_IFIFO ? -EPERM : makeNodeAt(parent, deviceName, mode, major, minor);
  if (made == -EPERM) return bindDevice(parent, deviceName, host);
  if (made == -EEXIST) return requireSame(parent, deviceName, host, mode, major, minor);
  if (made >= 0 && (uid | gid) != 0) made = own(parent, deviceName, uid, gid);
  if (made < 0) die("cannot make the device", host, made);
}

/** The specification wants an error where another file stands in a device's place. */
function requireSame(parent: i32, deviceName: usize, host: usize, mode: u32, major: u32, minor: u32): void {
  const seen = lookAt(parent, deviceName), isFifo = (mode & S_IFMT) == S_IFIFO;
  if (seen < 0) die("cannot look at", host, seen);
  const same = ((seenMode() ^ mode) & S_IFMT) == 0 && (isFifo || seenMajor() == major && seenMinor() == minor);
  if (!same) die("another file stands in the place of the device", host);
}

function own(parent: i32, deviceName: usize, uid: u32, gid: u32): i32 {
  const node = openAt(parent, deviceName, OPENAT_PATH, 0);
  if (node < 0) return node;
  const owned = changeOwner(node, uid, gid);
  close(node);
  return owned;
}

function bindDevice(parent: i32, deviceName: usize, host: usize): void {
  const source = openAt(0, host, OPENAT_PATH, 0);
  if (source < 0) die("cannot bind the device", host, source);
  const file = openAt(parent, deviceName, OPENAT_WRITE | OPENAT_CREATE, 0o666);
  if (file >= 0) close(file);
  const place = openAt(parent, deviceName, OPENAT_PATH, 0), copy = cloneMount(source, 0);
  const result = place < 0 ? place : copy < 0 ? copy : moveMount(copy, place);
  if (result < 0) die("cannot bind the device", host, result);
  close(copy);
  close(place);
  close(source);
}

function numberOr(node: usize, other: u64): u64 { return jsonIsU64(node) ? jsonU64(node) : other; }

/** An entry of linux.devices. */
function makeGiven(device: usize): void {
  const type = jsonMember(device, "type"), at = jsonMember(device, "path");
  let mode: u32 = 0;
  if (jsonIs(type, "c") || jsonIs(type, "u")) mode = S_IFCHR;
  else if (jsonIs(type, "b")) mode = S_IFBLK;
  else if (jsonIs(type, "p")) mode = S_IFIFO;
  else return die("an entry of linux.devices has a type that is none of b, c, u, p");
  if (!jsonIsCString(at) || stringLength(jsonText(at)) >= PATH_BYTES) return die("an entry of linux.devices has no path");
  store<u8>(putCopy(path, jsonText(at)), 0);
  const last = splitPath(path), parent = makeDirectories(rootHandle, last == path ? dot : path, 0o755);
  if (parent < 0) die("cannot make the directory of the device", jsonText(at), parent);
  mode |= <u32>numberOr(jsonMember(device, "fileMode"), 0o666) & 0o777;
  make(parent, last, jsonText(at), mode, <u32>numberOr(jsonMember(device, "major"), 0), <u32>numberOr(jsonMember(device, "minor"), 0),
    <u32>numberOr(jsonMember(device, "uid"), 0), <u32>numberOr(jsonMember(device, "gid"), 0));
  close(parent);
}

const consoleName = cString("console");

/** /dev/console is the container's terminal. */
export function bindConsole(slave: i32): void {
  const parent = openAt(rootHandle, dev, OPENAT_PATH | OPENAT_DIRECTORY, 0);
  const file = openAt(parent, consoleName, OPENAT_READ | OPENAT_CREATE, 0o666);
  if (file >= 0) close(file);
  const place = openAt(parent, consoleName, OPENAT_PATH, 0), copy = cloneMount(slave, 0);
  const result = place < 0 ? place : copy < 0 ? copy : moveMount(copy, place);
  if (result < 0 && result != -ENOENT && result != -ENXIO) die("cannot mount the terminal at /dev/console", 0, result);
  if (copy >= 0) close(copy);
  if (place >= 0) close(place);
  close(parent);
}
