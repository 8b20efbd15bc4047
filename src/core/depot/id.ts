/** Ids of containers and jobs, which are the names of their directories. */
import { usage } from '../../base/validate.js';

/** Short enough for the path of a socket in the directory. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** What is behind an id in the name of the link to the container's owner. */
export const OWNER_SUFFIX = '.owner';

export function isId(text: string): boolean { return ID.test(text) && !text.endsWith(OWNER_SUFFIX); }

export function checkId(kind: 'container' | 'job', text: string): void {
  if (isId(text)) return;
  throw usage(`${JSON.stringify(text)} is invalid as the id of a ${kind}: an id is a letter or digit, then at most 62 letters, digits, `
    + `".", "_" and "-", and does not end in "${OWNER_SUFFIX}"`);
}

/** As Warden's handles: microseconds since 1970 in base 32, always eleven characters. */
export function idAt(microseconds: number): string { return microseconds.toString(32).padStart(11, '0'); }

function nowMicroseconds(): number { return Math.floor((performance.timeOrigin + performance.now()) * 1000); }

/** Calls `make` with new ids until it returns something: undefined means that the id is taken. */
export function withNewId<Made>(make: (id: string) => Made | undefined, fromMicroseconds = nowMicroseconds()): Made {
  for (let time = fromMicroseconds; ; time++) {
    const made = make(idAt(time));
    if (made !== undefined) return made;
  }
}
