/** Real containers for tests: the native wshd over a small root whose /usr is the host's. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { programPath } from '../../src/base/paths.js';
import { lacksNamespaces } from './capabilities.js';
import { argvOf } from './hosts.js';
import { type Ended, isAlive, processesWith, run, type RunOptions, scratch, until } from './process.js';
import { noPrograms } from './skip.js';

/** The reason if containers cannot be made here; undefined when they can. */
export const noContainers: string | undefined = noPrograms ?? lacksNamespaces();

const MOUNTS = `#!/bin/sh
set -e
cd "$(dirname "$0")/../root"
mount --bind /usr usr
mount -t proc proc proc
mount -t tmpfs tmpfs dev
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
cp -a /dev/null /dev/zero /dev/urandom /dev/tty dev/
hostname container
`;

export interface TestContainer {
  /** Its directory, with run/, lib/, root/ and jobs/. */
  readonly path: string;
  readonly socket: string;
  /** PID 1 of the container, as the host sees it. */
  readonly pid: number;
  /** Runs wsh with these arguments, on the host under test; it reports how the command was killed. */
  wsh(args: string[], options?: RunOptions): Promise<Ended>;
  /** A new directory for a job's sockets. */
  jobDirectory(): string;
  /** Kills the container and removes everything; checks that nothing is left. */
  destroy(): Promise<void>;
}

/** A directory that wshd can start on: `lib` has the hook that mounts, `root` the mount points. */
export function prepareContainer(): { path: string; title: string; remove(): void } {
  const { path, remove } = scratch();
  const root = `${path}/root`;
  for (const directory of ['run', 'lib', 'jobs', 'root', ...['usr', 'proc', 'dev', 'etc', 'tmp', 'root', 'home', 'home/vcap'].map((name) => `root/${name}`)]) {
    mkdirSync(`${path}/${directory}`);
  }
  for (const link of ['bin', 'lib', 'lib64', 'sbin']) if (existsSync(`/usr/${link}`)) symlinkSync(`usr/${link}`, `${root}/${link}`);
  chmodSync(`${root}/tmp`, 0o1777);
  chmodSync(path, 0o755);
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/sh\nvcap:x:10001:10002:vcap:/home/vcap:/bin/bash\n');
  writeFileSync(`${root}/etc/group`, 'root:x:0:\naudio:x:29:vcap,other\nusers:x:100:other,vcap\nvcap:x:10002:\n');
  writeFileSync(`${path}/lib/hook-child-before-pivot.sh`, MOUNTS, { mode: 0o755 });
  return { path, title: `wshd: ${path.slice(path.lastIndexOf('-') + 1)}`, remove };
}

/**
 * Starts a container. `program` is another wshd, or ours with a program in front that starts it; `prepare` may change the container's
 * directory before.
 */
export async function startContainer(
  program: string | readonly string[] = programPath('wshd'), prepare: (path: string) => void = () => undefined,
): Promise<TestContainer> {
  const { path, title, remove } = prepareContainer();
  prepare(path);
  const started = await run([...[program].flat(), '--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`, '--title', title]);
  if (started.code !== 0) {
    remove();
    throw new Error(`wshd did not start (${started.code}): ${started.stderr}`);
  }
  const pid = processesWith(title)[0];
  if (pid === undefined) throw new Error(`no process is called ${title}`);
  const socket = `${path}/run/wshd.sock`;
  let jobs = 0;
  return {
    path, socket, pid,
    wsh: (args, options) => run([...argvOf('wsh'), '--socket', socket, '--verbose', ...args], options),
    jobDirectory: () => {
      const directory = `${path}/jobs/${++jobs}`;
      mkdirSync(directory);
      return directory;
    },
    destroy: async () => {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await until(() => !isAlive(pid), 'PID 1 ends');
      if (readFileSync('/proc/self/mountinfo', 'utf8').includes(path)) throw new Error(`a mount is left below ${path}`);
      remove();
    },
  };
}
