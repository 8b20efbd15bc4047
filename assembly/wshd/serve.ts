/**
 * wshd's service: a table of connections, each of which sends one request, gets its answer and is closed.
 *
 *   accepted → reads its 9,656 bytes → judged → served (or, short of descriptors or places, a little later) → closed
 */
import { accept, close, pending, read, READ, wakeAfter, watch } from "../shim";
import { claim, nowMs } from "../wasi";
import { EAGAIN } from "../shared/errno";
import { judge, REQUEST_BYTES, Verdict } from "../wire/request";
import { closeMade, Served, serveRequest } from "./command";
import { jobDescriptors, reap, takeReport } from "./jobs";
import { closeFile } from "./passwd";

/** Connections that may be open, mute or slow, at the same time; more wait in the kernel's queue. */
const CLIENTS_MAX: u32 = 1024;
/** How long a client may take for its request, and how long it may wait for descriptors, or a place. */
const REQUEST_DEADLINE_MS: u64 = 5_000;
/** When descriptors or places ran out: the next try. */
const RETRY_MS: u64 = 50;
/** Descriptors that accepting leaves for a command: its pipes, a copy of stderr, its report. */
const RESERVED_DESCRIPTORS: u32 = 12;
/** Ours besides clients' and jobs': listener, epoll, signals, some that came with the start. */
const OWN_DESCRIPTORS: u32 = 8;
const NEVER: u64 = u64.MAX_VALUE;
/** One byte more than a request has: one that is too long is seen. */
const BUFFER_BYTES: u32 = REQUEST_BYTES + 8;

@unmanaged class Client {
  socket: i32;
  have: u32;
  deadlineMs: u64;
}

let clients: usize = 0;
let buffers: usize = 0;
let clientsUsed: u32 = 0;
let clientCount: u32 = 0;
let descriptorLimit: u32 = u32.MAX_VALUE;
let listener: i32 = -1;
let accepting: bool = true;
/** When to try again what failed for want of descriptors or places. */
let retryAtMs: u64 = NEVER;
/** The client whose message is being handled; 0 when none is. A trap costs it its connection. */
let current: usize = 0;

/** All the memory that serving will ever need. */
export function claimTables(): void {
  clients = claim(CLIENTS_MAX * offsetof<Client>());
  buffers = claim(CLIENTS_MAX * BUFFER_BYTES);
}

/** `limit`: descriptors that the daemon may have open. */
export function serve(listeningSocket: i32, limit: u32): void {
  listener = listeningSocket;
  descriptorLimit = limit;
  watch(listener, READ);
}

function clientAt(index: u32): Client { return changetype<Client>(clients + index * offsetof<Client>()); }
function bufferOf(client: Client): usize {
  return buffers + (changetype<usize>(client) - clients) / offsetof<Client>() * BUFFER_BYTES;
}

export function serveReady(handle: i32): void {
  if (handle == listener) return acceptClients();
  for (let i: u32 = 0; i < clientsUsed; i++) if (clientAt(i).socket == handle) return hear(clientAt(i));
  takeReport(handle);
}

export function serveChildEnded(): void {
  reap();
  if (retryAtMs != NEVER) retry();
}

function acceptClients(): void {
  for (;;) {
    const index = freeClient();
    if (index == CLIENTS_MAX) return pauseAccepting(NEVER);
    // Clients must not take the descriptors that serving any of them needs.
    const taken = clientCount + jobDescriptors() + OWN_DESCRIPTORS;
    if (taken + RESERVED_DESCRIPTORS >= descriptorLimit) return pauseAccepting(nowMs() + RETRY_MS);
    const socket = accept(listener);
    if (socket == -EAGAIN) return;
    // Out of descriptors or memory: the connections stay queued until there are some again.
    if (socket < 0) return pauseAccepting(nowMs() + RETRY_MS);
    const client = clientAt(index);
    client.socket = socket;
    client.have = 0;
    clientCount++;
    client.deadlineMs = nowMs() + REQUEST_DEADLINE_MS;
    if (index >= clientsUsed) clientsUsed = index + 1;
    watch(socket, READ);
    armDeadline();
    hear(client);
  }
}

function freeClient(): u32 {
  let index: u32 = 0;
  while (index < clientsUsed && clientAt(index).socket != 0) index++;
  return index;
}

function pauseAccepting(untilMs: u64): void {
  accepting = false;
  watch(listener, 0);
  if (untilMs < retryAtMs) retryAtMs = untilMs;
  armDeadline();
}

function hear(client: Client): void {
  current = changetype<usize>(client);
  const request = bufferOf(client);
  const got = read(client.socket, request + client.have, REQUEST_BYTES + 1 - client.have);
  if (got > 0) {
    client.have += got;
    answer(client, request);
  } else if (got != -EAGAIN) {
    drop(client);
  }
  current = 0;
}

function answer(client: Client, request: usize): void {
  let verdict = judge(request, client.have);
  if (verdict == Verdict.NEED_MORE) return;
  if (verdict == Verdict.WHOLE && pending(client.socket) > 0) verdict = Verdict.TOO_LONG;
  if (verdict != Verdict.WHOLE || serveRequest(client.socket, request) != Served.NOT_NOW) return drop(client);
  // Its request stays in the buffer; nothing more is read from it.
  watch(client.socket, 0);
  retryAtMs = nowMs() + RETRY_MS;
  armDeadline();
}

function drop(client: Client): void {
  // First out of the table: a trap must not find there what is closed.
  const socket = client.socket;
  client.socket = 0;
  clientCount--;
  close(socket);
  while (clientsUsed > 0 && clientAt(clientsUsed - 1).socket == 0) clientsUsed--;
  resumeAccepting();
}

function resumeAccepting(): void {
  if (accepting) return;
  // Only behind it: a trap between the two must leave it to be tried again.
  watch(listener, READ);
  accepting = true;
}

/** What waited for descriptors or places is tried again. */
function retry(): void {
  retryAtMs = NEVER;
  resumeAccepting();
  for (let i: u32 = 0; i < clientsUsed; i++) {
    const client = clientAt(i);
    if (client.socket == 0 || client.have != REQUEST_BYTES) continue;
    current = changetype<usize>(client);
    answer(client, bufferOf(client));
    current = 0;
  }
}

function armDeadline(): void {
  let earliest = retryAtMs;
  for (let i: u32 = 0; i < clientsUsed; i++) {
    if (clientAt(i).socket != 0 && clientAt(i).deadlineMs < earliest) earliest = clientAt(i).deadlineMs;
  }
  const now = nowMs();
  wakeAfter(earliest == NEVER ? -1 : earliest <= now ? 0 : <i32>(earliest - now));
}

export function serveDeadline(): void {
  const now = nowMs();
  for (let i: u32 = 0; i < clientsUsed; i++) {
    if (clientAt(i).socket != 0 && clientAt(i).deadlineMs <= now) drop(clientAt(i));
  }
  if (retryAtMs <= now) retry();
  armDeadline();
}

/** After a trap: the client that was being handled loses its connection, and the service goes on. False: there was none. */
export function recover(): bool {
  if (current == 0) return false;
  const client = changetype<Client>(current);
  current = 0;
  closeMade();
  closeFile();
  if (client.socket != 0) drop(client);
  // What the trap cut short may have been the turn of others, too, and has armed nothing: this resumes accepting as well.
  retryAtMs = nowMs() + RETRY_MS;
  armDeadline();
  return true;
}
