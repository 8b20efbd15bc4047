/** A container's directory, laid out as `warden` lays it out, and the programs around it. */
import type { Process } from './process.js';
import type { Program, StartOptions, World } from './world.js';

export interface ContainerOptions {
  /** The content of its /etc/passwd. */
  passwd?: string;
  /** Scripts by name: "parent-before-clone", "parent-after-clone", "child-before-pivot", "child-after-pivot". */
  hooks?: Readonly<Record<string, string>>;
  /** Whether its root has a directory mnt; it has, unless said otherwise. */
  mnt?: boolean;
}

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nvcap:x:1000:1000:vcap:/home/vcap:/bin/sh\n';

export class Container {
  private readonly title: string;

  constructor(private readonly world: World, readonly path: string, options: ContainerOptions) {
    const { files } = world;
    for (const directory of ['run', 'lib', 'jobs', 'root/tmp', 'root/root', 'root/home/vcap']) files.directory(`${path}/${directory}`);
    if (options.mnt !== false) files.directory(`${path}/root/mnt`);
    files.write(`${path}/root/etc/passwd`, options.passwd ?? PASSWD);
    for (const name of ['script', 'sh']) files.interpreter(`${path}/root/bin/${name}`);
    files.devices(`${path}/root/dev`);
    for (const [name, text] of Object.entries(options.hooks ?? {})) files.script(`${path}/lib/hook-${name}.sh`, text);
    this.title = `wshd: ${path.slice(path.lastIndexOf('/') + 1)}`;
  }

  get socket(): string { return `${this.path}/run/wshd.sock`; }

  start(options: StartOptions = {}): Program {
    const { path } = this;
    return this.world.start(['wshd', '--run', `${path}/run`, '--lib', `${path}/lib`, '--root', `${path}/root`, '--title', this.title], options);
  }

  /** Its first process, while it lives. */
  get init(): Process | undefined {
    return this.world.processes.find((process) => process.isInit && process.argv[0] === this.title && !process.ended);
  }

  /** `argv` begins with wsh's own options. */
  wsh(argv: readonly string[], options: StartOptions = {}): Program { return this.world.start(['wsh', '--socket', this.socket, ...argv], options); }

  jobDirectory(job: string): string { return `${this.path}/jobs/${job}`; }

  /** A job: `argv` run in the container by wsh, below iomux-spawn with these options. */
  spawn(job: string, argv: readonly string[], options: StartOptions & { spawnOptions?: readonly string[] } = {}): Program {
    this.world.files.directory(this.jobDirectory(job));
    const wsh = ['/usr/bin/wsh', '--socket', this.socket, ...argv];
    return this.world.start(['iomux-spawn', ...options.spawnOptions ?? [], this.jobDirectory(job), ...wsh], options);
  }

  link(job: string, args: readonly string[] = [], options: StartOptions = {}): Program {
    return this.world.start(['iomux-link', ...args, this.jobDirectory(job)], options);
  }
}
