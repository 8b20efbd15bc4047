/** The whole chain: a command in a container, under wsh, under iomux-spawn, with links. */
import { readFileSync } from 'node:fs';
import { programPath } from '../../src/base/paths.js';
import type { TestContainer } from '../support/container.js';
import { type Job, startJob } from '../support/iomux.js';
import { processesWith } from '../support/process.js';

/** A job whose command is a shell's in the container. */
export function startInside(container: TestContainer, script: string, ...options: string[]): Promise<Job> {
  return startJob(container.jobDirectory(), [programPath('wsh'), '--socket', container.socket, '--verbose', '/bin/sh', '-c', script], options);
}

/** The process in the container whose command line holds the text, as the host sees it: a child of its init. */
export function inside(container: TestContainer, text: string): number | undefined {
  return processesWith(text).find((pid) => parentOf(pid) === container.pid);
}

export function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    // It ended meanwhile.
    return 0;
  }
}
