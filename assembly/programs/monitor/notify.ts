/**
 * The container's messages for its service manager: what comes to BUNDLE/notify/notify.sock goes on to the socket of
 * --sdnotify-socket. The caller has made the directory, which the container sees as /run/notify. sd_notify(3)
 */
import { close, connectDatagrams, listenDatagrams, read, READ, unlink, watch, write, WRITE } from "../../boundary/shim";
import { EAGAIN } from "../../lib/errno";
import { isGiven, value } from "./options";
import { Option } from "./option-names";
import { joinText, Place } from "./words";

/** NOTIFY_BUFFER_MAX of systemd, which takes no longer message. */
const MESSAGE_BYTES: u32 = 4096;
const NAME = "/notify/notify.sock";
const NEWLINE: u8 = 0x0a;

const message = memory.data(MESSAGE_BYTES);
namespace notify {
  /** Handles; 0 for none. */
  export let socket: i32 = 0, manager: i32 = 0;
  /** Bytes of the message that the manager has not taken yet. */
  export let waiting: u32 = 0;
}

/** 0, or a negated errno. */
export function openNotify(bundle: usize): i32 {
  if (!isGiven(Option.SDNOTIFY_SOCKET) || isGiven(Option.EXEC)) return 0;
  notify.manager = connectDatagrams(value(Option.SDNOTIFY_SOCKET));
  if (notify.manager < 0) return notify.manager;
  const path = joinText(Place.SOCKET, bundle, NAME);
  // Of a monitor that was killed.
  unlink(path);
  notify.socket = listenDatagrams(path);
  if (notify.socket > 0) watch(notify.socket, READ);
  return min(notify.socket, 0);
}

export function isNotify(handle: i32): bool { return handle == notify.socket || handle == notify.manager; }

/** Passes on what has come, and the message that the manager had no room for first. */
export function relay(): void {
  if (notify.socket <= 0 || !send()) return;
  for (;;) {
    // Descriptors that come along, for FDSTORE and BARRIER, are closed: whoever waits for the barrier goes on.
    const got = read(notify.socket, message, MESSAGE_BYTES);
    // What cannot be read would be ready for ever.
    if (got < 0 && got != -EAGAIN) watch(notify.socket, 0);
    if (got < 0) return;
    notify.waiting = keepLines(<u32>got);
    if (!send()) return;
  }
}

/** False while the manager has no room: until then nothing more is read. */
function send(): bool {
  if (notify.waiting == 0) return true;
  const isFull = write(notify.manager, message, notify.waiting) == -EAGAIN;
  watch(notify.manager, isFull ? WRITE : 0);
  watch(notify.socket, isFull ? 0 : READ);
  // A manager that is gone wants nothing more.
  if (!isFull) notify.waiting = 0;
  return !isFull;
}

/** Leaves out what is about the sender's own process and descriptors: to the manager the sender is this program. */
function keepLines(size: u32): u32 {
  let to = message;
  const end = message + size;
  for (let at = message; at < end;) {
    let behind = at;
    while (behind < end && load<u8>(behind) != NEWLINE) behind++;
    if (behind > at && !isOfSender(at, behind)) {
      if (to > message) store<u8>(to++, NEWLINE);
      memory.copy(to, at, behind - at);
      to += behind - at;
    }
    at = behind + 1;
  }
  return <u32>(to - message);
}

function isOfSender(at: usize, end: usize): bool {
  return begins(at, end, "MAINPID") || begins(at, end, "FD") || begins(at, end, "BARRIER=") || begins(at, end, "NOTIFYACCESS=");
}

function begins(at: usize, end: usize, word: string): bool {
  if (end - at < <usize>word.length) return false;
  for (let i = 0; i < word.length; i++) if (load<u8>(at + i) != <u8>word.charCodeAt(i)) return false;
  return true;
}

export function closeNotify(bundle: usize): void {
  if (notify.socket <= 0) return;
  unlink(joinText(Place.SOCKET, bundle, NAME));
  close(notify.socket);
  close(notify.manager);
  notify.socket = notify.manager = 0;
}
