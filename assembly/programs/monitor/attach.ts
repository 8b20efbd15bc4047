/**
 * Clients of the socket `attach`: each packet that a client sends is input, each packet that it gets is a stream's number and
 * at most `PACKET_BYTES` of its output. A client that comes late gets what the history still holds.
 */
import { accept, close, listenPackets, read, READ, unlink, watch, WRITE, writev } from "../../boundary/shim";
import { EAGAIN } from "../../lib/errno";
import { fed, isLogged, keepFrom, lastRead, readRecord } from "./feed";
import { after, hasRoomBefore, history, recordAt, Stream } from "./history";
import { takeInput, inputIsBlocked } from "./input";
import { counts } from "../../lib/log/file";
import { joinText, Place } from "./words";

const CLIENTS_MAX: u32 = 64;
const BACKLOG: i32 = 10;
/** Records of the log that one client gets in one turn. */
const RECORDS_A_TURN: i32 = 256;
/** podman reads 8,193 bytes at a time; what a packet has beyond them is lost. */
const PACKET_BYTES: u32 = 8192;

@unmanaged class Client {
  /** 0 for a free place. */
  socket: i32;
  /** Bytes of the record at `position` that are sent. */
  sent: u32;
  position: u64;
  /** It sends no more input. */
  /** `losses` of the log when it fell behind. */
  losses: u32;
  readClosed: bool;
  blocked: bool;
  /** It has fallen behind: the log's record at `position` is its next, without the first `sent` bytes of output from there on. */
  fromLog: bool;
}

const clients = memory.data(CLIENTS_MAX * offsetof<Client>(), 8);
const tag = memory.data(8);
let listener: i32 = 0;
let used: u32 = 0;

function clientAt(index: u32): Client { return changetype<Client>(clients + index * offsetof<Client>()); }

/** 0 or a negated errno. */
export function openAttach(bundle: usize): i32 {
  const path = joinText(Place.SOCKET, bundle, "/attach");
  // Of a monitor that was killed.
  unlink(path);
  listener = listenPackets(path, BACKLOG);
  if (listener < 0) return listener;
  watch(listener, READ);
  return 0;
}

export function isAttach(handle: i32): bool { return handle == listener; }

/** All that have connected: before output is read, or it would pass them by. False when there was no descriptor for one. */
export function acceptClients(): bool {
  let socket = accept(listener);
  for (; socket >= 0; socket = accept(listener)) {
    let index: u32 = 0;
    while (index < used && clientAt(index).socket != 0) index++;
    if (index == CLIENTS_MAX) {
      close(socket);
      continue;
    }
    used = max(used, index + 1);
    const client = clientAt(index);
    client.socket = socket;
    client.sent = 0;
    client.position = history.oldest;
    client.readClosed = client.blocked = client.fromLog = false;
    push(client);
  }
  return socket == -EAGAIN;
}

export function watchListener(on: bool): void { watch(listener, on ? READ : 0); }

/** The client of a socket's handle; null when it is none. */
export function clientOf(handle: i32): usize {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket == handle) return changetype<usize>(clientAt(i));
  return 0;
}

/** Takes a client's input and goes on with its output. */
export function serveClient(at: usize, events: i32): void {
  const client = changetype<Client>(at);
  if ((events & ~WRITE) != 0 && !client.readClosed && !inputIsBlocked()) readInput(client);
  if (client.socket != 0) push(client);
}

function readInput(client: Client): void {
  const got = takeInput(client.socket);
  if (got == -EAGAIN || got > 0) return;
  if (got < 0) return drop(client);
  client.readClosed = true;
  inputEnded = true;
}

let inputEnded: bool = false;

/** Whether a client has closed its input, or gone, since the last time. */
export function takeInputEnd(): bool {
  const ended = inputEnded;
  inputEnded = false;
  return ended;
}

/** Sends a client what it lacks, as far as it takes it. */
function push(client: Client): void {
  client.blocked = false;
  if (client.fromLog) {
    feed(client);
    if (client.socket == 0 || client.fromLog) return;
  }
  while (client.position < history.head) {
    const record = recordAt(client.position);
    const size = record.stream == Stream.FILLER ? 0 : min(record.size - client.sent, PACKET_BYTES);
    if (size > 0) {
      store<u8>(tag, <u8>record.stream);
      const result = writev(client.socket, tag, 1, record.text() + client.sent, size);
      progress += result > 0 ? result : 0;
      if (result == -EAGAIN) {
        client.blocked = true;
        break;
      }
      if (result < 0) return drop(client);
      client.sent += size;
      if (client.sent < record.size) continue;
    }
    client.position = after(client.position);
    client.sent = 0;
  }
  listen(client);
}

function listen(client: Client): void {
  watch(client.socket, (client.readClosed || inputIsBlocked() ? 0 : READ) | (client.blocked ? WRITE : 0));
}

/** Input can be taken again, or can't for now: who is read from changes. */
export function listenToAll(): void {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0) listen(clientAt(i));
}

export function pushAll(): void {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0 && !clientAt(i).blocked) push(clientAt(i));
}

/** Whether a record can be added before any client would miss one; who has fallen behind goes on from the log. */
export function hasRoomForAll(): bool {
  for (let i: u32 = 0; i < used; i++) {
    const client = clientAt(i);
    if (client.socket == 0 || client.fromLog || hasRoomBefore(client.position)) continue;
    if (!isLogged(client.position)) return false;
    fallBehind(client);
  }
  return true;
}

function fallBehind(client: Client): void {
  client.fromLog = true;
  client.losses = fed.losses;
  client.position = recordAt(client.position).logAt;
}

/** Sends records of the log as far as the client takes them; back to the history where that goes on. */
function feed(client: Client): void {
  for (let records = 0; records < RECORDS_A_TURN; records++) {
    if (client.position >= counts.logged || returns(client)) {
      client.fromLog = false;
      if (client.position >= counts.logged) client.position = history.head;
      keepFrom(oldestFed());
      return;
    }
    // Never a gap: who cannot have all sees the connection closed.
    if (client.losses != fed.losses || !readRecord(client.position)) return drop(client);
    while (client.sent < lastRead.textBytes) {
      const at = lastRead.packet + client.sent, size = min(lastRead.textBytes - client.sent, PACKET_BYTES);
      store<u8>(tag, <u8>lastRead.stream);
      const result = writev(client.socket, tag, 1, at + 1, size);
      progress += result > 0 ? result : 0;
      if (result == -EAGAIN) {
        client.blocked = true;
        return listen(client);
      }
      if (result < 0) return drop(client);
      client.sent += size;
    }
    client.sent -= lastRead.textBytes;
    client.position += lastRead.recordBytes;
  }
  // Its socket has room: the loop comes back to it.
  client.blocked = true;
  listen(client);
}

/** Whether the history has a record that begins where the client stands. */
function returns(client: Client): bool {
  for (let position = history.oldest; position < history.head; position = after(position)) {
    const record = recordAt(position);
    if (record.stream == Stream.FILLER || record.logAt < client.position) continue;
    if (record.logAt > client.position) return false;
    client.position = position;
    return true;
  }
  return false;
}

function oldestFed(): u64 {
  let first = counts.logged;
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0 && clientAt(i).fromLog) first = min(first, clientAt(i).position);
  return first;
}

/** Bytes that clients have taken: who takes none for a while is not waited for. */
export let progress: u64 = 0;

function lacks(client: Client): bool { return client.socket != 0 && (client.fromLog || client.position < history.head); }

/** Whether all clients have everything. */
export function allServed(): bool {
  for (let i: u32 = 0; i < used; i++) if (lacks(clientAt(i))) return false;
  return true;
}

function drop(client: Client): void {
  const socket = client.socket;
  if (!client.readClosed) inputEnded = true;
  client.socket = 0;
  close(socket);
  while (used > 0 && clientAt(used - 1).socket == 0) used--;
}

export function dropSlow(): void {
  for (let i = <i32>used - 1; i >= 0; i--) if (lacks(clientAt(i))) drop(clientAt(i));
}

/** The socket's name goes first: a client whose connection ends finds it gone. */
export function closeAttach(bundle: usize): void {
  const closed = listener;
  listener = 0;
  if (closed > 0) unlink(joinText(Place.SOCKET, bundle, "/attach"));
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0) drop(clientAt(i));
  if (closed > 0) close(closed);
}
