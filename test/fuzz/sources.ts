/** The modules' sources as they are. */
import { readdirSync, readFileSync } from 'node:fs';
import { packageRoot } from '../../src/base/paths.js';

/** Paths in the package, and texts. */
export function assemblySources(): [path: string, text: string][] {
  return readdirSync(`${packageRoot}assembly`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts')).sort()
    .map((file) => [`assembly/${file}`, readFileSync(`${packageRoot}assembly/${file}`, 'utf8')]);
}
