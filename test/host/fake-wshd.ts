/**
 * A wshd that knows one command: whatever is asked for, it runs that, without a container. It calls the addon as a
 * module would, so that it also says what a module may expect of it.
 */
import { ShimClient, SIGCHLD } from '../../src/host/shim-client.js';
import { Entry } from '../../src/host/addon.js';
import { READ, SPAWN_SESSION } from '../../src/boundary/constants.js';

const EAGAIN = 11, ENOMEM = 12;
const BEGIN_DEADLINE_MS = 60_000;
/** Where in the memory what lies. */
const AT_STATUS = 16, AT_REPORT = 24, AT_ANSWER = 32, AT_HANDLES = 48, AT_TEXT = 1024, AT_REQUEST = 1 << 16;

export class FakeWshd {
  private readonly caller: ShimClient;
  private readonly listener: number;
  /** The pipes' ends that get the exit statuses. */
  private readonly statuses = new Map<number, number>();

  constructor(path: string, private readonly command: string) {
    this.caller = new ShimClient('wshd', ['wshd', path], (entry, first) => {
      if (entry === Entry.Signal) this.reap();
      else if (first === this.listener) this.accept();
      else this.answer(first);
    });
    this.caller.put(AT_TEXT, path);
    this.caller.must('routeSignals', 1 << (SIGCHLD - 1), 0);
    this.listener = this.caller.must('listen', AT_TEXT, 1024, 0);
    this.caller.must('watch', this.listener, READ);
  }

  close(): void { this.caller.native.end(); }

  private accept(): void {
    for (let client; (client = this.caller.call('accept', this.listener)) >= 0;) this.caller.must('watch', client, READ);
  }

  private answer(client: number): void {
    let got;
    while ((got = this.caller.call('read', client, AT_REQUEST, 1 << 16)) > 0);
    if (got !== -EAGAIN) {
      this.caller.must('close', client);
      return;
    }
    const [theirs, childs, status] = this.pipes();
    this.caller.view.setInt32(AT_ANSWER, 1, true);
    for (const [index, handle] of theirs.entries()) this.caller.view.setInt32(AT_HANDLES + index * 4, handle, true);
    this.caller.must('send', client, AT_ANSWER, 4, AT_HANDLES, theirs.length);
    this.statuses.set(this.spawn(childs), status);
    for (const handle of [client, ...theirs, ...childs]) this.caller.must('close', handle);
  }

  private pipes(): [theirs: number[], childs: number[], status: number] {
    const [stdinRead, stdinWrite] = this.caller.pair('pipe');
    const [stdoutRead, stdoutWrite] = this.caller.pair('pipe');
    const [stderrRead, stderrWrite] = this.caller.pair('pipe');
    const [statusRead, statusWrite] = this.caller.pair('pipe');
    return [[stdinWrite, stdoutRead, stderrRead, statusRead], [stdinRead, stdoutWrite, stderrWrite], statusWrite];
  }

  /** There is room for 64 at once that do not execute their command yet (shim/sys/host.h); on a busy machine a hundred are more. */
  private begin(): void {
    for (const end = Date.now() + BEGIN_DEADLINE_MS; this.caller.call('spawnBegin') === -ENOMEM;) {
      if (Date.now() > end) throw new Error('no child executes its command');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }

  private spawn(stdio: number[]): number {
    this.begin();
    const files = this.caller.put(AT_TEXT, '/bin/sh');
    this.caller.must('spawnFiles', AT_TEXT, files);
    this.caller.must('spawnArguments', AT_TEXT + files, this.caller.put(AT_TEXT + files, 'sh', '-c', this.command));
    for (const [fd, handle] of stdio.entries()) this.caller.must('spawnDescriptor', fd, handle);
    const pid = this.caller.must('spawn', SPAWN_SESSION, AT_REPORT);
    this.caller.must('close', this.caller.view.getInt32(AT_REPORT, true));
    return pid;
  }

  private reap(): void {
    for (let pid; (pid = this.caller.call('wait', -1, AT_STATUS)) > 0;) {
      const status = this.statuses.get(pid);
      if (status === undefined) throw new Error(`process ${pid} is none of ours`);
      this.statuses.delete(pid);
      const raw = this.caller.view.getInt32(AT_STATUS, true);
      this.caller.view.setInt32(AT_STATUS, raw >> 8, true);
      if ((raw & 0x7f) === 0) this.caller.must('write', status, AT_STATUS, 4);
      this.caller.must('close', status);
    }
  }
}
