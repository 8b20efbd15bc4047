/**
 * Links. Each has one connection to each of the three sockets. A stream's connection gets its start position, the ring from
 * there, new output, then end of file. A status connection gets the exit status, after the streams.
 *
 * Connections are grouped by process and order: the n-th connection that a process makes to each socket belongs to its n-th
 * link. Nothing on the wire says so.
 */
import { accept, close, HANGUP, peerPid, read, READ, watch, write, WRITE } from "../../boundary/shim";
import { EAGAIN, ECONNRESET, EPIPE } from "../../lib/errno";
import { Ring } from "../../lib/ring";
import { putRawStatus, STATUS_BYTES } from "../../wire/status";
import { HEADER_BYTES, putPosition, STREAMS } from "../../wire/stream";

/** Connections of 512 links at the same time; a further one is closed at once. */
const CLIENTS_MAX: u32 = 1536;
/** The channel of the status socket. */
export const STATUS: u32 = STREAMS;
/** `channelsSeen` of a link with all its connections. */
const ALL_CHANNELS: u32 = (1 << (STATUS + 1)) - 1;

@unmanaged class Client {
  socket: i32;
  /** A stream's number, or `STATUS`. */
  channel: u32;
  /** The peer's process id: a link never has connections of two processes. */
  pid: i32;
  /** The link's number, rising modulo 2^32. */
  link: u32;
  /** One bit for each channel that the link has connected to, closed connections included. */
  channelsSeen: u32;
  /** Bytes of the header already sent. */
  headerSent: u32;
  /** The peer has shut down its write side, but may still read. */
  readClosed: bool;
  /** The link was dropped before all its connections came; it gets no more output. */
  dropped: bool;
  /** Stream position of the next byte to send. */
  position: u64;
}

const clients = memory.data(CLIENTS_MAX * offsetof<Client>(), 8);
namespace counts {
  export let placesUsed: u32 = 0;
  export let links: u32 = 0;
}
const SCRATCH_BYTES: u32 = 256;
const scratch = memory.data(SCRATCH_BYTES, 8);

function clientAt(index: u32): Client { return changetype<Client>(clients + index * offsetof<Client>()); }

export const enum Accepted { NONE, ONE, NO_ROOM, NO_DESCRIPTORS }

/** Accepts the next connection of a channel, if there is one. */
export function acceptClient(listener: i32, channel: u32, ring: Ring): Accepted {
  const socket = accept(listener);
  if (socket == -EAGAIN) return Accepted.NONE;
  if (socket < 0) return Accepted.NO_DESCRIPTORS;
  let index: u32 = 0;
  while (index < counts.placesUsed && clientAt(index).socket != 0) index++;
  if (index == CLIENTS_MAX) {
    close(socket);
    return Accepted.NO_ROOM;
  }
  if (index >= counts.placesUsed) counts.placesUsed = index + 1;
  const client = clientAt(index);
  client.channel = channel;
  client.pid = peerPid(socket);
  joinLink(client);
  client.socket = socket;
  client.headerSent = 0;
  client.readClosed = false;
  client.position = channel < STREAMS ? ring.oldest() : 0;
  listenTo(client, false);
  if (client.dropped) dropLink(client.link);
  return Accepted.ONE;
}

/** Assigns a new connection to its process's oldest link without one on this channel, else to a new link. */
function joinLink(client: Client): void {
  let oldest = counts.links, channelsSeen: u32 = 0, dropped = false;
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const other = clientAt(i);
    if (other.socket == 0 || other.pid != client.pid || (other.channelsSeen >> client.channel & 1) != 0) continue;
    if (<i32>(other.link - oldest) >= 0) continue;
    oldest = other.link;
    channelsSeen = other.channelsSeen;
    dropped = other.dropped;
  }
  if (oldest == counts.links) counts.links++;
  client.link = oldest;
  client.channelsSeen = channelsSeen | (1 << client.channel);
  client.dropped = dropped;
  for (let i: u32 = 0; i < counts.placesUsed; i++) if (isOf(i, client.link)) clientAt(i).channelsSeen = client.channelsSeen;
}

function isOf(index: u32, link: u32): bool { return clientAt(index).socket != 0 && clientAt(index).link == link; }

/** The client with this handle; 0 without one. */
export function clientOf(handle: i32): usize {
  for (let i: u32 = 0; i < counts.placesUsed; i++) if (clientAt(i).socket == handle) return changetype<usize>(clientAt(i));
  return 0;
}

export function channelOf(client: usize): u32 { return changetype<Client>(client).channel; }

/** Clients send no data. Readable means EOF or reset. Returns false if the client is gone. */
export function handleInput(at: usize, events: i32): bool {
  const client = changetype<Client>(at);
  if ((events & HANGUP) != 0) return drop(at);
  if ((events & READ) == 0) return true;
  const got = read(client.socket, scratch, SCRATCH_BYTES);
  if (got < 0 && got != -EAGAIN) return drop(at);
  client.readClosed = got == 0;
  listenTo(client, (events & WRITE) != 0);
  return true;
}

/** Watches the connection for EOF or hangup; with `blocked` also for room to write. */
function listenTo(client: Client, blocked: bool): void {
  watch(client.socket, (client.readClosed ? HANGUP : READ) | (blocked ? WRITE : 0));
}

function drop(client: usize): bool {
  close(changetype<Client>(client).socket);
  changetype<Client>(client).socket = 0;
  while (counts.placesUsed > 0 && clientAt(counts.placesUsed - 1).socket == 0) counts.placesUsed--;
  return false;
}

/** Whether this client gets the channel's output. */
function isOwed(client: Client, channel: u32): bool { return client.socket != 0 && client.channel == channel && !client.dropped; }

/** Bytes that may be added to the ring before a client loses a byte that it has not read. */
export function roomFor(channel: u32, ring: Ring): u32 {
  let room = ring.size;
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel)) room = min(room, ring.room(client.position));
  }
  return room;
}

/** Sends all clients of a stream the bytes they lack. At the stream's end, closes the clients that have them all. */
export function pushAll(channel: u32, ring: Ring, ended: bool): void {
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel)) push(changetype<usize>(client), ring, ended);
  }
}

export function push(at: usize, ring: Ring, ended: bool): void {
  const client = changetype<Client>(at);
  if (client.dropped) return;
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
  // Closing this stream alone would look like the command's end of file, so drop the whole link.
  else dropLink(client.link);
}

/** Drops the links that keep a stream's ring full, each with all its connections: the link sees that it was disconnected. */
export function dropSlowest(channel: u32, ring: Ring): void {
  for (let i: u32 = 0; i < counts.placesUsed; i++) {
    const client = clientAt(i);
    if (isOwed(client, channel) && ring.room(client.position) == 0) dropLink(client.link);
  }
}

/**
 * A link with connections still to come stays open, marked as dropped. Otherwise its next connection would count as a new
 * link and would receive the status although output was dropped.
 */
function dropLink(link: u32): void {
  for (let i = <i32>counts.placesUsed - 1; i >= 0; i--) {
    if (!isOf(i, link)) continue;
    const client = clientAt(i);
    if (client.channelsSeen == ALL_CHANNELS) drop(changetype<usize>(client));
    else {
      client.dropped = true;
      listenTo(client, false);
    }
  }
}

export function dropAll(): void {
  for (let i = <i32>counts.placesUsed - 1; i >= 0; i--) if (clientAt(i).socket != 0) drop(changetype<usize>(clientAt(i)));
}

/** Sends the status to every link that has read all of its streams. An earlier status would make it leave before the end. */
export function sendStatus(rawStatus: i32): void {
  putRawStatus(scratch, rawStatus);
  for (let i = <i32>counts.placesUsed - 1; i >= 0; i--) {
    const client = clientAt(i);
    if (client.socket == 0 || client.channel != STATUS || hasOpenStream(client.link)) continue;
    // The first bytes on a fresh connection always fit.
    write(client.socket, scratch, STATUS_BYTES);
    drop(changetype<usize>(client));
  }
}

function hasOpenStream(link: u32): bool {
  for (let i: u32 = 0; i < counts.placesUsed; i++) if (isOf(i, link) && clientAt(i).channel < STREAMS) return true;
  return false;
}

export function hasClient(channel: u32): bool {
  for (let i: u32 = 0; i < counts.placesUsed; i++) if (clientAt(i).socket != 0 && clientAt(i).channel == channel) return true;
  return false;
}

/** Whether no client waits for output or status. */
export function noClients(): bool {
  for (let i: u32 = 0; i < counts.placesUsed; i++) if (clientAt(i).socket != 0 && !clientAt(i).dropped) return false;
  return true;
}
