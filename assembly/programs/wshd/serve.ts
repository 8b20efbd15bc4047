/**
 * wshd's service: a table of connections. Each sends one request, gets one answer and is closed.
 *
 *   accepted → version read (4 bytes) → request read (9,656 or 13,736 bytes) → request validated
 *     → served (retried while descriptors or slots are short) → closed, in protocol 2 handed to the command's entry
 */
import { accept, bytesAvailable, close, read, READ, receive, wakeAfter, watch } from "../../boundary/shim";
import { claim, nowMs } from "../../boundary/wasi";
import { EAGAIN } from "../../lib/errno";
import { Failure } from "../../wire/record";
import { AT_VERSION, judge, REQUEST_BYTES, Verdict } from "../../wire/request";
import { DESCRIPTORS_MAX, judge2, REQUEST_2_BYTES, VERSION_2 } from "../../wire/request-2";
import { claimStart, closeHandles, Served, serveRequest } from "./start-command";
import { refuse2, serveRequest2 } from "./start-command-2";
import {
  commandDescriptors, endLateStarts, isConnection, NEVER, nextStartDeadlineMs, reap, takeReport, takeSignal,
} from "./commands";
import { closeFile } from "./lines";

/** Connections open at the same time; more wait in the kernel's queue. */
const CLIENTS_MAX: u32 = 1024;
/** Time for a client to send its request, and for its request to wait for descriptors or a slot. */
const REQUEST_DEADLINE_MS: u64 = 5_000;
/** What is left of that time to a client that has not sent its request when clients take all places, or all descriptors. */
const CROWDED_DEADLINE_MS: u64 = 1_000;
/** Pause before the next try when descriptors or slots are short. */
const RETRY_MS: u64 = 50;
/** Descriptors that accept() leaves free for one command: its pipes, a copy of stderr, its exec error pipe. */
const RESERVED_DESCRIPTORS: u32 = 12;
/** Descriptors of the daemon itself: listener, epoll, signalfd, some from the start. */
const OWN_DESCRIPTORS: u32 = 8;
/** Room for one byte more than a request, to detect a longer one. */
const BUFFER_BYTES: u32 = max(REQUEST_BYTES, REQUEST_2_BYTES) + 8;
/** A client sends its version in bytes of its own. */
const VERSION_BYTES: u32 = 4;
/** Handles that come with a request of protocol 2: a block, the command's, and one to detect a surplus one. */
const GIVEN_MAX: i32 = DESCRIPTORS_MAX + 2;

@unmanaged class Client {
  socket: i32;
  have: u32;
  /** Handles in its part of `given`. */
  givenCount: i32;
  deadlineMs: u64;
}

/** Places of clients, their buffers and handles, and how many are in use. */
namespace table {
  export let clients: usize = 0;
  export let buffers: usize = 0;
  export let given: usize = 0;
  export let used: u32 = 0;
  export let count: u32 = 0;
  /** Handles in `given`, of all clients. */
  export let givenCount: u32 = 0;
}
/** The socket for clients. */
namespace listening {
  export let descriptorLimit: u32 = u32.MAX_VALUE;
  export let handle: i32 = -1;
  export let accepting: bool = true;
  /** When to retry the requests that found no descriptors or slots. */
  export let retryAtMs: u64 = NEVER;
}
const received = memory.data(GIVEN_MAX * 4, 4);
let receivedCount: i32 = 0;
/** The client whose request is being handled, or 0. After a trap its connection is closed. */
let current: usize = 0;

/** Claims all the memory of the service. */
export function claimTables(): void {
  table.clients = claim(CLIENTS_MAX * offsetof<Client>());
  table.buffers = claim(CLIENTS_MAX * BUFFER_BYTES);
  table.given = claim(CLIENTS_MAX * GIVEN_MAX * 4);
  claimStart();
}

/** `limit`: descriptors that the daemon may have open. */
export function serve(listeningSocket: i32, limit: u32): void {
  listening.handle = listeningSocket;
  listening.descriptorLimit = limit;
  watch(listening.handle, READ);
}

function clientAt(index: u32): Client { return changetype<Client>(table.clients + index * offsetof<Client>()); }
function bufferOf(client: Client): usize {
  return table.buffers + indexOf(client) * BUFFER_BYTES;
}
function givenTo(client: Client): usize { return table.given + indexOf(client) * GIVEN_MAX * 4; }
function indexOf(client: Client): usize { return (changetype<usize>(client) - table.clients) / offsetof<Client>(); }

export function serveReady(handle: i32): void {
  if (handle == listening.handle) return acceptClients();
  for (let i: u32 = 0; i < table.used; i++) if (clientAt(i).socket == handle) return readRequest(clientAt(i));
  if (!takeReport(handle)) takeSignal(handle);
}

export function serveChildEnded(): void {
  reap();
  if (listening.retryAtMs != NEVER) retry();
}

function acceptClients(): void {
  for (;;) {
    const index = freeClient();
    if (index == CLIENTS_MAX) return makeRoom(NEVER);
    // Waiting clients must leave the descriptors that serving one of them needs.
    const taken = table.count + table.givenCount + commandDescriptors() + OWN_DESCRIPTORS;
    if (taken + RESERVED_DESCRIPTORS >= listening.descriptorLimit) return makeRoom(nowMs() + RETRY_MS);
    const socket = accept(listening.handle);
    if (socket == -EAGAIN) return;
    // Out of descriptors or memory: the connections stay in the kernel's queue.
    if (socket < 0) return pauseAccepting(nowMs() + RETRY_MS);
    const client = clientAt(index);
    client.socket = socket;
    client.have = 0;
    client.givenCount = 0;
    table.count++;
    client.deadlineMs = nowMs() + REQUEST_DEADLINE_MS;
    if (index >= table.used) table.used = index + 1;
    watch(socket, READ);
    armDeadline();
    readRequest(client);
  }
}

function freeClient(): u32 {
  let index: u32 = 0;
  while (index < table.used && clientAt(index).socket != 0) index++;
  return index;
}

/** Clients wait in the kernel's queue: those that say nothing have to go sooner. */
function makeRoom(untilMs: u64): void {
  const latest = nowMs() + CROWDED_DEADLINE_MS;
  for (let i: u32 = 0; i < table.used; i++) {
    const client = clientAt(i);
    if (client.socket != 0 && !isWhole(client)) client.deadlineMs = min(client.deadlineMs, latest);
  }
  pauseAccepting(untilMs);
}

function pauseAccepting(untilMs: u64): void {
  listening.accepting = false;
  watch(listening.handle, 0);
  if (untilMs < listening.retryAtMs) listening.retryAtMs = untilMs;
  armDeadline();
}

function readRequest(client: Client): void {
  current = changetype<usize>(client);
  const request = bufferOf(client);
  let got = client.have < VERSION_BYTES ? readMore(client, VERSION_BYTES) : 1;
  if (got > 0 && client.have >= VERSION_BYTES) got = isVersion2(request) ? receiveMore(client) : readMore(client, REQUEST_BYTES + 1);
  if (got > 0) tryServe(client, request);
  else if (got != -EAGAIN) closeClient(client);
  current = 0;
}

function isWhole(client: Client): bool {
  return client.have == (isVersion2(bufferOf(client)) ? REQUEST_2_BYTES : REQUEST_BYTES);
}

function isVersion2(request: usize): bool { return load<i32>(request + AT_VERSION) == VERSION_2; }

function readMore(client: Client, size: u32): i32 {
  const got = read(client.socket, bufferOf(client) + client.have, size - client.have);
  if (got > 0) client.have += got;
  return got;
}

/** Receives more of a request of protocol 2. All handles come with the first bytes behind the version. */
function receiveMore(client: Client): i32 {
  memory.fill(received, 0xff, GIVEN_MAX * 4);
  const got = receive(client.socket, bufferOf(client) + client.have, REQUEST_2_BYTES - client.have, received, GIVEN_MAX);
  while (receivedCount < GIVEN_MAX && load<i32>(received + receivedCount * 4) > 0) receivedCount++;
  if (client.have == VERSION_BYTES) {
    memory.copy(givenTo(client), received, receivedCount * 4);
    client.givenCount = receivedCount;
    table.givenCount += receivedCount;
    receivedCount = 0;
  }
  closeReceived();
  if (got > 0) client.have += got;
  return got;
}

function closeReceived(): void { while (receivedCount > 0) close(load<i32>(received + --receivedCount * 4)); }

function closeGiven(client: Client): void {
  while (client.givenCount > 0) {
    client.givenCount--;
    table.givenCount--;
    close(load<i32>(givenTo(client) + client.givenCount * 4));
  }
}

function tryServe(client: Client, request: usize): void {
  if (client.have >= VERSION_BYTES && isVersion2(request)) return tryServe2(client, request);
  let verdict = judge(request, client.have);
  if (verdict == Verdict.NEED_MORE) return;
  if (verdict == Verdict.WHOLE && bytesAvailable(client.socket) > 0) verdict = Verdict.TOO_LONG;
  if (verdict != Verdict.WHOLE) return closeClient(client);
  if (serveRequest(client.socket, request) == Served.NOT_NOW) return serveLater(client);
  closeClient(client);
  armDeadline();
}

function tryServe2(client: Client, request: usize): void {
  const verdict = judge2(request, client.have);
  if (verdict == Verdict.NEED_MORE) return;
  if (verdict != Verdict.WHOLE) refuse2(client.socket, Failure.REQUEST, 0, verdict);
  else if (serveRequest2(client.socket, request, givenTo(client), client.givenCount) == Served.NOT_NOW) return serveLater(client);
  closeClient(client);
  armDeadline();
}

function serveLater(client: Client): void {
  // The request stays in the buffer for the retry; stop reading.
  watch(client.socket, 0);
  listening.retryAtMs = nowMs() + RETRY_MS;
  armDeadline();
}

function closeClient(client: Client): void {
  closeGiven(client);
  // Clear the entry first: after a trap the table must not name a closed handle.
  const socket = client.socket;
  client.socket = 0;
  table.count--;
  if (!isConnection(socket)) close(socket);
  while (table.used > 0 && clientAt(table.used - 1).socket == 0) table.used--;
  resumeAccepting();
}

function resumeAccepting(): void {
  if (listening.accepting) return;
  // Set the flag after watch(): if watch() traps, accepting must be retried.
  watch(listening.handle, READ);
  listening.accepting = true;
}

/** Retries the requests that wait for descriptors or slots. */
function retry(): void {
  listening.retryAtMs = NEVER;
  resumeAccepting();
  for (let i: u32 = 0; i < table.used; i++) {
    const client = clientAt(i);
    if (client.socket == 0 || !isWhole(client)) continue;
    current = changetype<usize>(client);
    tryServe(client, bufferOf(client));
    current = 0;
  }
}

function armDeadline(): void {
  let earliest = min(listening.retryAtMs, nextStartDeadlineMs());
  for (let i: u32 = 0; i < table.used; i++) {
    if (clientAt(i).socket != 0 && clientAt(i).deadlineMs < earliest) earliest = clientAt(i).deadlineMs;
  }
  const now = nowMs();
  wakeAfter(earliest == NEVER ? -1 : earliest <= now ? 0 : <i32>(earliest - now));
}

export function serveDeadline(): void {
  const now = nowMs();
  for (let i: u32 = 0; i < table.used; i++) {
    if (clientAt(i).socket != 0 && clientAt(i).deadlineMs <= now) closeClient(clientAt(i));
  }
  endLateStarts(now);
  if (listening.retryAtMs <= now) retry();
  armDeadline();
}

/** After a trap: closes the client that was being handled, and the service goes on. False if there was none. */
export function recover(): bool {
  if (current == 0) return false;
  const client = changetype<Client>(current);
  current = 0;
  closeHandles();
  closeReceived();
  closeFile();
  if (client.socket != 0) closeClient(client);
  // The trap may have interrupted the handling of other clients before a deadline was armed. Arm one: the retry also
  // resumes accepting.
  listening.retryAtMs = nowMs() + RETRY_MS;
  armDeadline();
  return true;
}
