/** Checks of the options that bound and confine a container. */
import { isAbsolute, normalize } from 'node:path';
import { check, type Check, type Checks, flag, fullText, integer, listOf, objectOf, usage } from '../../base/validate.js';
import { BOUNDS, type ContainerOptions, type Tmpfs } from '../options.js';

type Limits = Pick<ContainerOptions, 'cpus' | 'pidsLimit' | 'rootBytes' | 'shmBytes'>;

/** These options with their defaults, where the default does not depend on others. */
export interface Confinement extends Limits {
  readonly tmpfs: readonly Tmpfs[];
  readonly readOnly: boolean;
  readonly hidePids: boolean;
  readonly privileged: boolean;
}

const tmpfsBytes = integer(BOUNDS.tmpfsBytes.min, BOUNDS.tmpfsBytes.max);
const processes = integer(BOUNDS.pidsLimit.min, BOUNDS.pidsLimit.max);
const processors = check(`a number of processors from ${BOUNDS.cpus.min} to ${BOUNDS.cpus.max}`, (value) => (
  typeof value === 'number' && value >= BOUNDS.cpus.min && value <= BOUNDS.cpus.max
));
const pidsLimit: Check = (name, value) => { if (value !== Infinity) processes(name, value); };

/** The types of the options. */
export const CONFINEMENT_CHECKS: Checks<Limits & { -readonly [Name in keyof Confinement]?: Confinement[Name] }> = {
  cpus: processors,
  pidsLimit,
  rootBytes: tmpfsBytes,
  shmBytes: tmpfsBytes,
  tmpfs: listOf(objectOf<Tmpfs>({ target: fullText, bytes: tmpfsBytes, mode: integer(0, 0o7777) }, ['target'])),
  readOnly: flag,
  hidePids: flag,
  privileged: flag,
};

/** What options have to say together, once each has passed. */
export function checkConfinement(options: ContainerOptions): Confinement {
  const { cpus, pidsLimit: limit, rootBytes, shmBytes, root, tmpfs = [], readOnly = false, hidePids = false, privileged = false } = options;
  if (rootBytes !== undefined && root !== undefined) {
    throw usage('rootBytes is the size of a root in memory: leave it out, or leave out the root directory');
  }
  return { cpus, pidsLimit: limit, rootBytes, shmBytes, tmpfs: tmpfs.map(normalTmpfs), readOnly, hidePids, privileged };
}

function normalTmpfs({ target, ...rest }: Tmpfs): Tmpfs {
  if (!isAbsolute(target) || normalize(target) === '/') throw usage(`the target of a tmpfs must be an absolute path other than /, not ${JSON.stringify(target)}`);
  return { ...rest, target: normalize(target).replace(/\/$/, '') };
}
