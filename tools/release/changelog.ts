/** CHANGELOG.md in the form of Keep a Changelog: "## [Unreleased]" on top, then "## [VERSION] - DATE", newest first. */

const UNRELEASED = '## [Unreleased]';
const HEADING = /^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$/;
/** Keep a Changelog's headings for kinds of changes. */
const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];

export interface Section {
  readonly version: string;
  readonly date: string | undefined;
  /** The text below the heading, without blank lines around it. */
  readonly text: string;
}

export function sections(changelog: string): Section[] {
  const parts = changelog.split(/^(?=## )/m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf('\n'), heading = HEADING.exec(part.slice(0, end));
    if (!heading) throw new Error(`CHANGELOG.md has a heading that is neither "${UNRELEASED}" nor "## [VERSION] - DATE": ${part.slice(0, end)}`);
    return { version: heading[1]!, date: heading[2], text: part.slice(end).trim() };
  });
}

/** Violations of the form; empty when there is none. */
export function faults(changelog: string): string[] {
  const [first, ...released] = sections(changelog), found: string[] = [];
  if (first?.version !== 'Unreleased') found.push(`the first section is not "${UNRELEASED}"`);
  for (const { version, date } of released) if (date === undefined) found.push(`${version} has no date`);
  found.push(...[first!, ...released].flatMap(faultsOfKinds));
  released.forEach(({ version }, at) => {
    const older = released[at + 1];
    if (older && compareVersions(version, older.version) <= 0) found.push(`${version} stands above ${older.version}`);
  });
  return found;
}

function faultsOfKinds({ version, text }: Section): string[] {
  const kinds = [...text.matchAll(/^### (.*)$/gm)].map(([, kind]) => kind!);
  const unknown = kinds.filter((kind) => !KINDS.includes(kind)).map((kind) => `${version}: "${kind}" is none of ${KINDS.join(', ')}`);
  return [...unknown, ...(new Set(kinds).size === kinds.length ? [] : [`${version} has a kind twice`])];
}

/** The changelog with the unreleased changes as this version's section. */
export function release(changelog: string, version: string, date: string): string {
  const unreleased = sections(changelog)[0];
  if (unreleased?.version !== 'Unreleased' || unreleased.text === '') throw new Error('CHANGELOG.md has no changes below "## [Unreleased]"');
  return changelog.replace(UNRELEASED, `${UNRELEASED}\n\n## [${version}] - ${date}`);
}

/** Negative when `a` is older than `b`: versions of three numbers, without a suffix. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] => {
    if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`"${version}" is not a version like 1.2.3`);
    return version.split('.').map(Number);
  };
  const [first, second] = [numbers(a), numbers(b)];
  const at = first.findIndex((number, index) => number !== second[index]);
  return at < 0 ? 0 : first[at]! - second[at]!;
}
