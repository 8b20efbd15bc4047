/** A container's directory, laid out as `warden` lays it out, and the programs around the container. */
import type { Process } from '../kernel/process.js';
import type { FileTree } from './file-tree.js';
import type { RunningProgram, StartOptions } from './program.js';

/** The part of a world that a container needs. */
interface Host {
  readonly files: FileTree;
  readonly processes: readonly Process[];
  start(argv: readonly string[], options: StartOptions): RunningProgram;
}

export interface ContainerOptions {
  /** The content of the container's /etc/passwd. */
  passwd?: string;
  /** Scripts by name: "parent-before-clone", "parent-after-clone", "child-before-pivot", "child-after-pivot". */
  hooks?: Readonly<Record<string, string>>;
  /** More options of wshd. */
  options?: readonly string[];
  /** True (the default) if the root file system has a directory mnt. */
  mnt?: boolean;
  /** wshd confines itself: --confine, --capabilities, --filter. */
  confined?: boolean;
}

/** assembly/wire/filter.ts: a filter of one instruction, which nothing looks at here. */
const FILTER = Uint8Array.from([0x42, 0x50, 0x46, 0x73, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0xff, 0x7f]);

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nvcap:x:1000:1000:vcap:/home/vcap:/bin/sh\n';
const GROUP = 'root:x:0:\nusers:x:100:vcap,root\naudio:x:29:\n';

export class Container {
  private readonly title: string;
  private readonly options: readonly string[];

  constructor(private readonly host: Host, readonly path: string, options: ContainerOptions) {
    const { files } = host;
    if (options.confined) files.write(`${path}/filter`, FILTER);
    for (const directory of ['run', 'lib', 'jobs', 'root/tmp', 'root/root', 'root/home/vcap']) files.directory(`${path}/${directory}`);
    if (options.mnt !== false) files.directory(`${path}/root/mnt`);
    files.write(`${path}/root/etc/passwd`, options.passwd ?? PASSWD);
    files.write(`${path}/root/etc/group`, GROUP);
    for (const name of ['script', 'sh']) files.interpreter(`${path}/root/bin/${name}`);
    files.devices(`${path}/root/dev`);
    for (const [name, text] of Object.entries(options.hooks ?? {})) files.script(`${path}/lib/hook-${name}.sh`, text);
    const confining = ['--confine', '--capabilities', 'chown,CAP_KILL', '--filter', `${path}/filter`];
    this.options = [...options.options ?? [], ...options.confined ? confining : []];
    this.title = `wshd: ${path.slice(path.lastIndexOf('/') + 1)}`;
  }

  get socket(): string { return `${this.path}/run/wshd.sock`; }

  /** Starts wshd. */
  start(options: StartOptions = {}): RunningProgram {
    const { path } = this, directories = ['--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`];
    return this.host.start(['wshd', ...directories, '--title', this.title, ...this.options], options);
  }

  /** The container's init, while it runs. */
  get init(): Process | undefined {
    return this.host.processes.find((process) => process.isInit && process.argv[0] === this.title && !process.ended);
  }

  /** Starts a wsh; `argv` begins with wsh's own options. */
  wsh(argv: readonly string[], options: StartOptions = {}): RunningProgram {
    return this.host.start(['wsh', '--socket', this.socket, ...argv], options);
  }

  jobDirectory(job: string): string { return `${this.path}/jobs/${job}`; }

  /** Starts a job: an iomux-spawn with these options, below it a wsh that runs `argv` in the container. */
  spawn(job: string, argv: readonly string[], options: StartOptions & { spawnOptions?: readonly string[] } = {}): RunningProgram {
    this.host.files.directory(this.jobDirectory(job));
    const wsh = ['/usr/bin/wsh', '--socket', this.socket, ...argv];
    return this.host.start(['iomux-spawn', ...options.spawnOptions ?? [], this.jobDirectory(job), ...wsh], options);
  }

  link(job: string, args: readonly string[] = [], options: StartOptions = {}): RunningProgram {
    return this.host.start(['iomux-link', ...args, this.jobDirectory(job)], options);
  }
}
