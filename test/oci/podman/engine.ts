/** A podman of the test's own, with images that are a busybox, and a record of what it asks a runtime for. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { packageRoot, programPath } from '../../../src/base/paths.js';
import { type Ended, run, type RunOptions, scratch } from '../../support/process.js';
import { noContainers } from '../runtime/bundle.js';

export const IMAGE = 'localhost/warden-test:latest';
const PAUSE = 'localhost/warden-pause:latest';
const APPLETS = ['sh', 'sleep', 'cat', 'id', 'ls', 'echo', 'hostname', 'touch', 'tty', 'stty', 'grep', 'seq', 'head', 'tail', 'ps', 'true'];
const MONITOR = `${packageRoot}build/libexec/warden/conmon`;

/** Appends one line a call to CALLS: the environment's names, a tab, the arguments. It needs no PATH, as little as the runtime does. */
const RECORDER = `#!/bin/sh
{ /usr/bin/tr '\\000' '\\n' </proc/$$/environ | /usr/bin/cut -d= -f1 | /usr/bin/tr '\\n' ' '; printf '\\t'; printf '%s ' "$@"; echo; } >>CALLS
exec RUNTIME "$@"
`;

export function noPodman(): string | undefined {
  if (!existsSync('/usr/bin/podman')) return 'podman is missing';
  if (!existsSync(MONITOR)) return 'the native programs are not built here';
  return noContainers();
}

/** One call of the runtime. */
export interface RuntimeCall { environment: string[]; args: string[] }

export class Engine {
  private readonly place = scratch();
  readonly path = this.place.path;
  readonly env = { ...process.env, CONTAINERS_CONF: `${this.path}/containers.conf`, CONTAINERS_STORAGE_CONF: `${this.path}/storage.conf` };

  /** Hard limits stay as they are: not every root may raise them. */
  constructor() {
    const { path } = this;
    writeFileSync(`${path}/runtime`, RECORDER.replace('CALLS', `${path}/calls`).replace('RUNTIME', programPath('warden-runtime')), { mode: 0o755 });
    writeFileSync(`${path}/calls`, '');
    writeFileSync(this.env.CONTAINERS_CONF, `
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${path}/tmp"
conmon_path = ["${MONITOR}"]
runtime = "recorded"
runtime_supports_json = ["recorded"]
infra_image = "${PAUSE}"
[engine.runtimes]
recorded = ["${path}/runtime"]
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
`);
    writeFileSync(this.env.CONTAINERS_STORAGE_CONF, `[storage]\ndriver = "vfs"\ngraphroot = "${path}/graph"\nrunroot = "${path}/run"\n`);
    for (const directory of ['bin', 'etc', 'tmp']) mkdirSync(`${path}/image/${directory}`, { recursive: true });
    copyFileSync('/usr/bin/busybox', `${path}/image/bin/busybox`);
    for (const applet of APPLETS) symlinkSync('busybox', `${path}/image/bin/${applet}`);
    execFileSync('tar', ['-C', `${path}/image`, '-cf', `${path}/image.tar`, '.']);
    const load = (name: string, ...changes: string[]): void => {
      execFileSync('podman', ['import', '-c', 'ENV PATH=/bin', ...changes, `${path}/image.tar`, name], { env: this.env, stdio: 'ignore' });
    };
    load(IMAGE);
    load(PAUSE, '-c', 'ENTRYPOINT ["/bin/sleep", "1000"]');
  }

  /** `podman ARGUMENTS…` */
  call(args: string[], options: RunOptions = {}): Promise<Ended> {
    return run(['podman', ...args], { env: this.env, timeoutMs: 60_000, ...options });
  }

  /** The same; what it prints to stdout. Fails with any other exit code than 0. */
  async text(args: string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.call(args, options);
    if (code !== 0) throw new Error(`podman ${args.join(' ')}: exit code ${code}: ${stderr}`);
    return stdout.toString();
  }

  /** What podman, its monitors and exit commands have called since the last time. */
  takeCalls(): RuntimeCall[] {
    const lines = readFileSync(`${this.path}/calls`, 'utf8').split('\n').slice(0, -1);
    writeFileSync(`${this.path}/calls`, '');
    return lines.map((line) => {
      const [environment = '', args = ''] = line.split('\t');
      return { environment: environment.trim().split(' '), args: args.trimEnd().split(' ') };
    });
  }

  async end(): Promise<void> {
    await this.call(['pod', 'rm', '--all', '--force', '--time', '0']);
    await this.call(['rm', '--all', '--force', '--time', '0']);
    this.place.remove();
  }
}
