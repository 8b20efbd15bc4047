/** `warden doctor --engines`: how the container engines of this machine are pointed at the runtime and the monitor. */
import { existsSync } from 'node:fs';
import { monitorPath, programPath } from '../../../base/paths.js';
import { type Column, print, printJson, table } from '../../support/print.js';

export interface Engine {
  engine: string;
  /** The engine's program on this machine. */
  program?: string;
  /** One container on it: a command, or the place of the setting. */
  use: string;
  guide: string;
}

const RUNTIME = programPath('warden-runtime'), MONITOR = monitorPath;
const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const GUIDE = 'docs/guides/container-engines.md';

const ENGINES: readonly (readonly [engine: string, program: string, use: string, guide: string])[] = [
  ['podman', 'podman', `podman --cgroup-manager cgroupfs --runtime ${RUNTIME} --conmon ${MONITOR} run …`, 'docs/guides/podman.md'],
  ['containerd', 'containerd', `ctr run --runc-binary ${RUNTIME} …; for CRI BinaryName of a runtime in config.toml`, `${GUIDE}#containerd`],
  ['Docker', 'dockerd', `daemon.json: "runtimes": { "warden": { "path": "${RUNTIME}" } }; docker run --runtime warden …`, `${GUIDE}#docker`],
  ['CRI-O', 'crio', `crio.conf.d: runtime_path = "${RUNTIME}", monitor_path = "${MONITOR}"`, `${GUIDE}#cri-o`],
  ['Kubernetes', 'kubelet', 'a RuntimeClass with the handler of containerd\'s or CRI-O\'s runtime; cgroupDriver: cgroupfs', `${GUIDE}#kubernetes`],
  ['Nomad', 'nomad', 'driver docker: allow_runtimes and runtime = "warden"; driver podman: podman\'s configuration', `${GUIDE}#nomad`],
];

const COLUMNS: readonly Column<Engine>[] = [
  { title: 'ENGINE', cell: ({ engine }) => engine },
  { title: 'FOUND', cell: ({ program }) => program ?? 'no' },
  { title: 'HOW', cell: ({ use }) => use },
  { title: 'GUIDE', cell: ({ guide }) => guide },
];

function engines(): Engine[] {
  return ENGINES.map(([engine, name, use, guide]) => {
    const program = DIRECTORIES.map((directory) => `${directory}/${name}`).find(existsSync);
    return { engine, ...program === undefined ? {} : { program }, use, guide };
  });
}

export async function printEngines(json: boolean): Promise<number> {
  const found = engines();
  await (json ? printJson(found) : print(`${table(COLUMNS, found)}\n`));
  return 0;
}
