/**
 * Links: each has a connection to each of the three sockets, and each connection its own place. A stream's connection
 * gets the position it starts at, the ring from there, what comes, the end. A status connection gets the status, last.
 *
 * Nothing on the wire says which connections are one link. Those of one process are told apart by their order: its n-th
 * on each socket are its n-th link.
 */
import { accept, close, HANGUP, peer, read, READ, watch, write, WRITE } from "../shim";
import { EAGAIN, ECONNRESET, EPIPE } from "../shared/errno";
import { Ring } from "../shared/ring";
import { putRawStatus, STATUS_BYTES } from "../wire/status";
import { HEADER_BYTES, putPosition, STREAMS } from "../wire/stream";

/** Connections at the same time, of 512 links; one more is closed at once. */
const CLIENTS_MAX: u32 = 1536;
/** The third socket, behind the streams. */
export const STATUS: u32 = STREAMS;
/** What a link that is whole has `joined`. */
const ALL_CHANNELS: u32 = (1 << (STATUS + 1)) - 1;

@unmanaged class Client {
  socket: i32;
  /** A stream's number, or `STATUS`. */
  channel: u32;
  /** Who connected: a link never has connections of two processes. */
  pid: i32;
  /** The link's number, rising modulo 2^32 with those that come. */
  link: u32;
  /** Channels that its link has connected to so far, a bit each: also those that are closed again. */
  joined: u32;
  /** Bytes of the header that are sent. */
  headerSent: u32;
  /** It will say no more, but may still listen. */
  mute: bool;
  /** Its link was dropped before it was whole; it gets nothing more. */
  cut: bool;
  /** Position of the next byte of the stream to send. */
  position: u64;
}

const clients = memory.data(61440, 8);
if (CLIENTS_MAX * offsetof<Client>() != 61440) ERROR("the clients' table has another size");
let used: u32 = 0;
let linksCount: u32 = 0;
const SCRATCH_BYTES: u32 = 256;
const scratch = memory.data(256, 8);

function clientAt(index: u32): Client { return changetype<Client>(clients + index * offsetof<Client>()); }

export const enum Accepted { NONE, ONE, NO_ROOM, NO_DESCRIPTORS }

/** Takes the next connection of a channel, if there is one. */
export function acceptClient(listener: i32, channel: u32, ring: Ring): Accepted {
  const socket = accept(listener);
  if (socket == -EAGAIN) return Accepted.NONE;
  if (socket < 0) return Accepted.NO_DESCRIPTORS;
  let index: u32 = 0;
  while (index < used && clientAt(index).socket != 0) index++;
  if (index == CLIENTS_MAX) {
    close(socket);
    return Accepted.NO_ROOM;
  }
  if (index >= used) used = index + 1;
  const client = clientAt(index);
  client.channel = channel;
  client.pid = peer(socket);
  joinLink(client);
  client.socket = socket;
  client.headerSent = 0;
  client.mute = false;
  client.position = channel < STREAMS ? ring.oldest() : 0;
  listenTo(client, false);
  if (client.cut) dropLink(client.link);
  return Accepted.ONE;
}

/** Makes a new connection one of the oldest link of its process that has not had one like it, else of a new link. */
function joinLink(client: Client): void {
  let oldest = linksCount, joined: u32 = 0, cut = false;
  for (let i: u32 = 0; i < used; i++) {
    const other = clientAt(i);
    if (other.socket == 0 || other.pid != client.pid || (other.joined >> client.channel & 1) != 0) continue;
    if (<i32>(other.link - oldest) >= 0) continue;
    oldest = other.link;
    joined = other.joined;
    cut = other.cut;
  }
  if (oldest == linksCount) linksCount++;
  client.link = oldest;
  client.joined = joined | (1 << client.channel);
  client.cut = cut;
  for (let i: u32 = 0; i < used; i++) if (isOf(i, client.link)) clientAt(i).joined = client.joined;
}

function isOf(index: u32, link: u32): bool { return clientAt(index).socket != 0 && clientAt(index).link == link; }

/** The client of a connection's handle; null when it is none. */
export function clientOf(handle: i32): usize {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket == handle) return changetype<usize>(clientAt(i));
  return 0;
}

export function channelOf(client: usize): u32 { return changetype<Client>(client).channel; }

/** Links say nothing that matters; being readable is how one that went away shows. False when it did. */
export function stillThere(at: usize, events: i32): bool {
  const client = changetype<Client>(at);
  if ((events & HANGUP) != 0) return drop(at);
  if ((events & READ) == 0) return true;
  const got = read(client.socket, scratch, SCRATCH_BYTES);
  if (got < 0 && got != -EAGAIN) return drop(at);
  client.mute = got == 0;
  listenTo(client, (events & WRITE) != 0);
  return true;
}

/** Waits for what the client may do next; `blocked`: for room on its connection, too. */
function listenTo(client: Client, blocked: bool): void {
  watch(client.socket, (client.mute ? HANGUP : READ) | (blocked ? WRITE : 0));
}

function drop(client: usize): bool {
  close(changetype<Client>(client).socket);
  changetype<Client>(client).socket = 0;
  while (used > 0 && clientAt(used - 1).socket == 0) used--;
  return false;
}

/** Whether what comes on the channel is to reach this client. */
function isOwed(client: Client, channel: u32): bool { return client.socket != 0 && client.channel == channel && !client.cut; }

/** Bytes that may be added to the ring before any client of the stream would lose one it has not got. */
export function roomFor(channel: u32, ring: Ring): u32 {
  let room = ring.size;
  for (let i: u32 = 0; i < used; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel)) room = min(room, ring.room(client.position));
  }
  return room;
}

/** Sends all clients of a stream what they lack; at its end, closes those that have everything. */
export function pushAll(channel: u32, ring: Ring, ended: bool): void {
  for (let i: u32 = 0; i < used; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel)) push(changetype<usize>(client), ring, ended);
  }
}

export function push(at: usize, ring: Ring, ended: bool): void {
  const client = changetype<Client>(at);
  if (client.cut) return;
  while (client.headerSent < HEADER_BYTES) {
    putPosition(scratch, client.position);
    const sent = write(client.socket, scratch + client.headerSent, HEADER_BYTES - client.headerSent);
    if (sent < 0) return waitOrDrop(client, sent);
    client.headerSent += sent;
  }
  while (client.position < ring.head) {
    const sent = ring.drain(client.socket, client.position);
    if (sent < 0) return waitOrDrop(client, sent);
    client.position += sent;
  }
  if (ended) drop(at);
  else listenTo(client, false);
}

function waitOrDrop(client: Client, error: i32): void {
  if (error == -EAGAIN) return listenTo(client, true);
  if (error == -EPIPE || error == -ECONNRESET) drop(changetype<usize>(client));
  // The end of one stream alone would look like the command's own: the link has to see that it was cut off.
  else dropLink(client.link);
}

/** Closes the links that keep a stream's ring full, each with all its connections: it sees that it was cut off. */
export function dropSlowest(channel: u32, ring: Ring): void {
  for (let i: u32 = 0; i < used; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel) && ring.room(client.position) == 0) dropLink(client.link);
  }
}

/**
 * A link that has still to connect somewhere stays open until it has, cut: its next connection would else pass for a new link's,
 * and be told the status as if nothing were missing.
 */
function dropLink(link: u32): void {
  for (let i = <i32>used - 1; i >= 0; i--) {
    if (!isOf(i, link)) continue;
    const client = clientAt(i);
    if (client.joined == ALL_CHANNELS) drop(changetype<usize>(client));
    else {
      client.cut = true;
      listenTo(client, false);
    }
  }
}

export function dropAll(): void {
  for (let i = <i32>used - 1; i >= 0; i--) if (clientAt(i).socket != 0) drop(changetype<usize>(clientAt(i)));
}

/** Tells the status to every link that has got all of its streams: told sooner, it might leave before their end. */
export function tellStatus(rawStatus: i32): void {
  putRawStatus(scratch, rawStatus);
  for (let i = <i32>used - 1; i >= 0; i--) {
    const client = clientAt(i);
    if (client.socket == 0 || client.channel != STATUS || hasOpenStream(client.link)) continue;
    // The first bytes on a fresh connection always fit.
    write(client.socket, scratch, STATUS_BYTES);
    drop(changetype<usize>(client));
  }
}

function hasOpenStream(link: u32): bool {
  for (let i: u32 = 0; i < used; i++) if (isOf(i, link) && clientAt(i).channel < STREAMS) return true;
  return false;
}

export function hasClient(channel: u32): bool {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0 && clientAt(i).channel == channel) return true;
  return false;
}

/** Whether nobody is owed anything any more. */
export function noClients(): bool {
  for (let i: u32 = 0; i < used; i++) if (clientAt(i).socket != 0 && !clientAt(i).cut) return false;
  return true;
}
