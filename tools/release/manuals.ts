/** Manual pages, made from the pages of docs/reference: nothing is written twice. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { packageRoot } from '../../src/base/paths.js';

/** The page of the reference for each manual page. Section 8 is for what root runs. */
export const MANUALS: Readonly<Record<string, string>> = {
  'warden.1': 'warden', 'warden-run.1': 'warden-run', 'warden-topology.1': 'warden-topology', 'warden-wire.1': 'warden-wire', 'warden-serve.8': 'server',
  'warden-wshd.8': 'wshd', 'warden-wsh.1': 'wsh', 'warden-iomux-spawn.1': 'iomux-spawn', 'warden-iomux-link.1': 'iomux-link', 'warden-oom.1': 'oom',
  'warden-monitor.8': 'monitor', 'warden-runtime.8': 'warden-runtime',
};

/** A page of the reference in the form that ronn(7) gave manual pages: "# name(section) -- what it does", then the synopsis. */
export function manualSource(manual: string, page: string): string {
  const [, name = '', section = ''] = /^(.*)\.(\d)$/.exec(manual) ?? [], [, about = '', rest = ''] = /^# .*\n\n([^]*?)\n\n(?=```|or, )([^]*)$/.exec(page) ?? [];
  const [sentence = '', ...more] = about.replaceAll('\n', ' ').replace(/\.$/, '').split(/\. (?=\w)/);
  const behind = more.length === 0 ? '' : `${more.join('. ')}.\n\n`;
  const text = `# ${name}(${section}) -- ${sentence[0]?.toLowerCase()}${sentence.slice(1)}\n\n## SYNOPSIS\n\n${behind}${rest}`;
  return joined(text.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1'));
}

/** Paragraphs in one line: the converter keeps the ends of lines. */
function joined(text: string): string {
  const isOwn = (line: string): boolean => line === '' || /^(#|\||```|[-*] |\d+\. |>)/.test(line);
  let isCode = false;
  return text.split('\n').reduce<string[]>((lines, line) => {
    const last = lines.at(-1), isFence = line.startsWith('```');
    const continues = !isCode && !isFence && !/^(\||#|```|[-*] |\d+\. |$)/.test(line) && last !== undefined && last !== '' && !/^(#|\||```)/.test(last);
    if (isFence) isCode = !isCode;
    if (continues && !isOwn(line)) lines[lines.length - 1] = `${last} ${line.trim()}`;
    else lines.push(line);
    return lines;
  }, []).join('\n');
}

function manualPage(manual: string, page: string, version: string): Buffer {
  const source = manualSource(manual, readFileSync(`${packageRoot}docs/reference/${page}.md`, 'utf8'));
  const command = [`${packageRoot}node_modules/marked-man/bin/marked-man.js`, '--man-version', `warden-wasm ${version}`, '--manual', 'warden-wasm'];
  const roff = execFileSync(process.execPath, command, { input: source, encoding: 'utf8' });
  if (!roff.startsWith('.TH')) throw new Error(`docs/reference/${page}.md makes no manual page`);
  return gzipSync(roff, { level: 9 });
}

/** All pages, compressed, by their names. */
export function manualPages(version: string): ReadonlyMap<string, Buffer> {
  return new Map(Object.entries(MANUALS).map(([manual, page]) => [manual, manualPage(manual, page, version)]));
}

/** Writes the pages below `share`/man. */
export function writeManuals(share: string, pages: ReadonlyMap<string, Buffer>): void {
  for (const [manual, page] of pages) {
    const folder = `${share}/man/man${manual.at(-1)}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${manual}.gz`, page);
  }
}
