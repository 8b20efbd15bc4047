/**
 * Lines for systemd's journal: one message each to its socket, "NAME=VALUE" and a newline for each field. A journal that has no
 * room holds the container back, as a log file does that is slow. https://systemd.io/JOURNAL_NATIVE_PROTOCOL
 */
import { close, connectDatagrams, watch, write, WRITE } from "../../boundary/shim";
import { claim } from "../../boundary/wasi";
import { EAGAIN } from "../../lib/errno";
import { putCopy, putText, stringLength } from "../../lib/text";
import { Stream } from "./history";
import { isGiven, labels, value } from "./options";
import { Option } from "./option-names";

const SOCKET = "/run/systemd/journal/socket";
const path = memory.data(32);
/** A longer line is several messages, all but the last of them partial: conmon's size. */
const LINE_BYTES: u32 = 8192;
const NEWLINE: u8 = 0x0a;
/** The container's id as docker abbreviates it. */
const SHORT_ID: u32 = 12;
/** "<0>" to "<7>" in front of a line is its priority: sd-daemon(3) */
const PRIORITY_BYTES: u32 = 3;
const INFO: u8 = 0x36, ERROR_PRIORITY: u8 = 0x33;

let socket: i32 = 0;
/** The beginning of each stream's line that has no end yet. */
let lines: usize = 0;
let outUsed: u32 = 0, errUsed: u32 = 0;
namespace entry {
  export let message: usize = 0, fields: usize = 0, fieldBytes: u32 = 0;
}

namespace unsent {
  /** What is still to be taken of a read: it stands in the history until it is. */
  export let left: usize = 0, leftEnd: usize = 0, leftStream: Stream = Stream.STDOUT;
}
let blocked: bool = false;

export function isJournal(handle: i32): bool { return socket > 0 && handle == socket; }
/** No output may be read: the journal has not taken what there is. */
export function journalIsBlocked(): bool { return blocked; }

/** Without a journal lines are dropped, as sd_journal_send(3) drops them. */
export function openJournal(): void {
  store<u8>(putText(path, SOCKET), 0);
  lines = claim(2 * LINE_BYTES);
  let size: u32 = 256 + 2 * (stringLength(value(Option.CID)) + textOf(Option.NAME) + textOf(Option.LOG_TAG));
  for (let i = 0; i < labels.count; i++) size += stringLength(labels.get(i)) + 1;
  entry.fields = claim(size);
  entry.message = claim(LINE_BYTES + size + 64);
  putFields();
  socket = connectDatagrams(path);
}

function textOf(option: Option): u32 { return isGiven(option) ? stringLength(value(option)) : 0; }

/** A journal that was started anew has another socket of the name. */
function reconnect(): void {
  close(socket);
  socket = connectDatagrams(path);
}

/** What every message has. SYSLOG_IDENTIFIER is the tag, else the name, else the id. */
function putFields(): void {
  const id = value(Option.CID), name = value(Option.NAME), tag = value(Option.LOG_TAG);
  let to = putField(entry.fields, "CONTAINER_ID_FULL=", id);
  const short = to;
  to = putField(to, "CONTAINER_ID=", id);
  to = putText(short + 13 + SHORT_ID, "\n");
  if (name != 0) to = putField(to, "CONTAINER_NAME=", name);
  if (tag != 0) to = putField(to, "CONTAINER_TAG=", tag);
  const identifier = to;
  to = putField(to, "SYSLOG_IDENTIFIER=", tag != 0 ? tag : name != 0 ? name : id);
  if (tag == 0 && name == 0) to = putText(identifier + 18 + SHORT_ID, "\n");
  for (let i = 0; i < labels.count; i++) to = putField(to, "", labels.get(i));
  entry.fieldBytes = <u32>(to - entry.fields);
}

/** A newline would begin another field. */
function putField(to: usize, name: string, text: usize): usize {
  const from = putText(to, name), end = putCopy(from, text);
  for (let at = from; at < end; at++) if (load<u8>(at) == NEWLINE) store<u8>(at, 0x20);
  return putText(end, "\n");
}

/** Takes a piece of a stream's output, which has to stay where it is until `journalIsBlocked` is false. */
export function writeJournal(stream: Stream, text: usize, size: u32): void {
  if (socket <= 0) return;
  unsent.left = text;
  unsent.leftEnd = text + size;
  unsent.leftStream = stream;
  flushJournal();
}

/** Goes on with what is left; watches the socket while it has no room. */
export function flushJournal(): void {
  while (unsent.left < unsent.leftEnd) if (!takeLine()) return;
  if (blocked) watch(socket, 0);
  blocked = false;
}

/** One line, or its beginning, or as much of it as is sent at a time; false when the journal has no room. */
function takeLine(): bool {
  const isErr = unsent.leftStream == Stream.STDERR, line = isErr ? lines + LINE_BYTES : lines, used = isErr ? errUsed : outUsed;
  let end = unsent.left;
  while (end < unsent.leftEnd && load<u8>(end) != NEWLINE && used + <u32>(end - unsent.left) < LINE_BYTES) end++;
  const length = <u32>(end - unsent.left), isWhole = end < unsent.leftEnd && load<u8>(end) == NEWLINE;
  const isFull = !isWhole && used + length == LINE_BYTES;
  memory.copy(line + used, unsent.left, length);
  if ((isWhole || isFull) && !send(isErr, line, used + length, !isWhole)) return false;
  setUsed(isErr, isWhole || isFull ? 0 : used + length);
  unsent.left = isWhole ? end + 1 : end;
  return true;
}

function setUsed(isErr: bool, used: u32): void {
  if (isErr) errUsed = used;
  else outUsed = used;
}

/** The end of the output: lines without a newline are partial. What the journal does not take now is lost. */
export function endJournal(): void {
  if (socket <= 0) return;
  unsent.left = unsent.leftEnd = 0;
  if (outUsed > 0) send(false, lines, outUsed, true);
  if (errUsed > 0) send(true, lines + LINE_BYTES, errUsed, true);
  close(socket);
  socket = 0;
  blocked = false;
}

/** False when it has to be tried again. */
function send(isErr: bool, line: usize, length: u32, isPartial: bool): bool {
  const size = putMessage(isErr, line, length, isPartial);
  let result = write(socket, entry.message, size);
  if (result < 0 && result != -EAGAIN) {
    reconnect();
    if (socket > 0) result = write(socket, entry.message, size);
  }
  if (result != -EAGAIN) return true;
  blocked = true;
  watch(socket, WRITE);
  return false;
}

function hasPriority(line: usize): bool {
  const digit = load<u8>(line + 1);
  return load<u8>(line) == 0x3c && digit >= 0x30 && digit <= 0x37 && load<u8>(line + 2) == 0x3e;
}

function putMessage(isErr: bool, line: usize, length: u32, isPartial: bool): u32 {
  let priority = isErr ? ERROR_PRIORITY : INFO;
  if (length >= PRIORITY_BYTES && hasPriority(line)) {
    priority = load<u8>(line + 1);
    line += PRIORITY_BYTES;
    length -= PRIORITY_BYTES;
  }
  let to = putText(entry.message, "MESSAGE=");
  memory.copy(to, line, length);
  to = putText(to + length, "\nPRIORITY=");
  store<u8>(to++, priority);
  to = putText(to, "\n");
  if (isPartial && !isGiven(Option.NO_CONTAINER_PARTIAL_MESSAGE)) to = putText(to, "CONTAINER_PARTIAL_MESSAGE=true\n");
  memory.copy(to, entry.fields, entry.fieldBytes);
  return <u32>(to - entry.message) + entry.fieldBytes;
}
