/** Bundles with a busybox, and the runtime run on them. */
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { programPath } from '../../../src/base/paths.js';
import { lacksNamespaces } from '../../support/capabilities.js';
import { type Ended, run, type RunOptions, scratch, type Scratch } from '../../support/process.js';

const RUNTIME = programPath('warden-runtime');
const BUSYBOX = '/usr/bin/busybox';
const APPLETS = [
  'sh', 'true', 'false', 'ls', 'cat', 'id', 'mount', 'sleep', 'ps', 'echo', 'grep', 'hostname', 'env', 'stty', 'tty', 'kill', 'test',
  'pwd', 'touch', 'stat', 'readlink', 'mkdir', 'uname', 'ionice', 'head',
];

/** Why no container can be run here; undefined when one can. */
export function noContainers(): string | undefined {
  if (!existsSync(RUNTIME)) return 'the native programs are not built here';
  if (!existsSync(BUSYBOX)) return 'busybox-static is missing';
  return lacksNamespaces();
}

/** As much of config.json as tests change. */
export interface Config {
  ociVersion: string;
  process: Record<string, unknown> & { args: string[]; env: string[]; cwd: string; user: Record<string, unknown> };
  root: { path: string; readonly: boolean };
  hostname: string;
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  linux: Record<string, unknown> & { namespaces: { type: string; path?: string }[] };
  [more: string]: unknown;
}

let count = 0, calls = 0;

/** A bundle of its own, and a directory for states; both go with it. */
export class Bundle implements Disposable {
  private readonly place: Scratch = scratch();
  readonly path = `${this.place.path}/bundle`;
  readonly root = `${this.place.path}/above/states`;
  readonly id = `test-${process.pid}-${count++}`;
  config: Config;

  constructor(change: (config: Config) => void = () => undefined) {
    mkdirSync(`${this.path}/rootfs/bin`, { recursive: true });
    mkdirSync(`${this.path}/rootfs/etc`);
    copyFileSync(BUSYBOX, `${this.path}/rootfs/bin/busybox`);
    for (const applet of APPLETS) symlinkSync('busybox', `${this.path}/rootfs/bin/${applet}`);
    execFileSync(RUNTIME, ['spec', '--bundle', this.path]);
    this.config = JSON.parse(readFileSync(`${this.path}/config.json`, 'utf8')) as Config;
    this.config.process.env = ['PATH=/bin'];
    this.config.process['rlimits'] = [];
    change(this.config);
    this.write(JSON.stringify(this.config));
  }

  write(text: string): void { writeFileSync(`${this.path}/config.json`, text); }

  file(name: string): string { return `${this.path}/${name}`; }

  /** One command of the runtime. A container that `create` makes keeps its stdout and stderr: those are files. */
  async call(args: string[], options: RunOptions = {}): Promise<Ended> {
    const argv = [RUNTIME, '--root', this.root, ...args];
    if (!args.includes('create')) return run(argv, { cwd: this.path, ...options });
    const path = this.file(`stderr-${calls++}`), stderr = openSync(path, 'w');
    const ended = await run(argv, { cwd: this.path, ...options, stdio: ['ignore', 'ignore', stderr] });
    closeSync(stderr);
    return { ...ended, stderr: readFileSync(path, 'utf8') };
  }

  /** create, start, wait, delete. */
  run(options: RunOptions = {}): Promise<Ended> { return this.call(['run', this.id], options); }

  async state(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.call(['state', this.id])).stdout.toString()) as Record<string, unknown>;
  }

  [Symbol.dispose](): void {
    try {
      execFileSync(RUNTIME, ['--root', this.root, 'delete', '--force', this.id], { stdio: 'ignore' });
    } finally {
      this.place.remove();
    }
  }
}

/** What a shell prints as the container's process. */
export async function output(script: string, change: (config: Config) => void = () => undefined): Promise<string> {
  using bundle = new Bundle((config) => {
    config.process.args = ['sh', '-c', script];
    change(config);
  });
  const { code, stdout, stderr } = await bundle.run();
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout.toString();
}
