/** A configuration file as YAML 1.1, whose octal numbers the original's files use; each problem with its line. */
import { readFileSync } from 'node:fs';
import { type Document, isMap, isScalar, LineCounter, parseDocument, type ParsedNode } from 'yaml';
import { reason, WardenError } from '../../base/errors.js';

/** A configuration is a few kilobytes; the parser needs time with the square of some inputs. */
const FILE_BYTES_MAX = 256 << 10;

/** One section of the file, and how its values are read. */
export class Section {
  constructor(private readonly file: ConfigFile, private readonly path: readonly string[]) {}

  section(key: string): Section {
    const value = this.file.valueAt([...this.path, key]);
    if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value))) this.wrong(key, 'a map', value);
    return new Section(this.file, [...this.path, key]);
  }

  has(key: string): boolean { return this.file.valueAt([...this.path, key]) !== undefined; }

  /** Keys of the map; none where there is no map. */
  keys(): string[] { return Object.keys(Object(this.file.valueAt([...this.path]) ?? {}) as object); }

  text<Default extends string | null>(key: string, fallback: Default): string | Default {
    return this.read(key, fallback, 'a text', (value): value is string => typeof value === 'string' && value !== '' && !value.includes('\0'));
  }

  boolean(key: string, fallback: boolean): boolean {
    return this.read(key, fallback, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  integer<Default extends number | null>(key: string, fallback: Default, least: number, most: number): number | Default {
    return this.read(key, fallback, `a whole number from ${least} to ${most}`, (value): value is number => (
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most
    ));
  }

  /** Nulls in the list are dropped, as the original does. */
  texts(key: string): string[] {
    const list: (string | null)[] = this.read<(string | null)[], never[]>(key, [], 'a list of texts', (value): value is (string | null)[] => (
      Array.isArray(value) && value.every((each) => each === null || typeof each === 'string')
    ));
    return list.filter((each) => each !== null);
  }

  oneOf<Value extends string>(key: string, fallback: Value, values: readonly Value[]): Value {
    return this.read(key, fallback, `one of ${values.join(', ')}`, (value): value is Value => values.includes(value as Value));
  }

  /** The value, or the default where the key is missing or null. */
  private read<Value, Default>(key: string, fallback: Default, wanted: string, fits: (value: unknown) => value is Value): Value | Default {
    const value = this.file.valueAt([...this.path, key]);
    if (value === undefined || value === null) return fallback;
    if (!fits(value)) this.wrong(key, wanted, value);
    return value;
  }

  /** A text, or a number as the kernel takes it; "" where the key is null. */
  word(key: string): string {
    const value: string | number = this.read(key, '', 'a text or a number', (each): each is string | number => (
      (typeof each === 'string' && !each.includes('\0')) || Number.isSafeInteger(each)
    ));
    return String(value);
  }

  wrong(key: string, wanted: string, value: unknown): never { this.refuse(key, `must be ${wanted}, not ${JSON.stringify(value)}`); }
  refuse(key: string, sentence: string): never { this.file.refuse([...this.path, key], sentence); }
}

export class ConfigFile {
  private readonly lines = new LineCounter();
  private readonly document: Document.Parsed;
  private readonly values: unknown;

  /** @throws WardenError USAGE for what is no YAML */
  constructor(private readonly path: string, text: string) {
    if (text.length > FILE_BYTES_MAX) throw new WardenError('USAGE', `${path}: a configuration has at most ${FILE_BYTES_MAX} characters, and this one ${text.length}`);
    this.document = parseDocument(text, { version: '1.1', lineCounter: this.lines, prettyErrors: false });
    const [problem] = this.document.errors;
    if (problem) throw new WardenError('USAGE', `${path}:${this.lines.linePos(problem.pos[0]).line}: ${problem.message}`);
    const values = this.toValues();
    this.values = values;
    if (values !== null && (typeof values !== 'object' || Array.isArray(values))) throw new WardenError('USAGE', `${path}:1: must be a map of sections`);
  }

  private toValues(): unknown {
    try {
      return this.document.toJS();
    } catch (error) {
      throw new WardenError('USAGE', `${this.path}: ${(error as Error).message}`, { cause: error });
    }
  }

  static read(path: string): ConfigFile {
    try {
      return new ConfigFile(path, readFileSync(path, 'utf8'));
    } catch (error) {
      if (error instanceof WardenError) throw error;
      throw new WardenError('USAGE', `cannot read the configuration ${path}: ${reason(error)}`, { cause: error });
    }
  }

  get root(): Section { return new Section(this, []); }

  valueAt(path: readonly string[]): unknown {
    return path.reduce<unknown>((value, key) => {
      const map = Object(value) as Record<string, unknown>;
      return Object.hasOwn(map, key) ? map[key] : undefined;
    }, this.values);
  }

  refuse(path: readonly string[], sentence: string): never {
    throw new WardenError('USAGE', `${this.path}:${this.lineOf(path)}: ${path.join('.')} ${sentence}`);
  }

  /** Of the key; of the nearest section where there is no such key. */
  private lineOf(path: readonly string[]): number {
    let node: unknown = this.document.contents, offset = 0;
    for (const key of path) {
      if (!isMap(node)) break;
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (!pair) break;
      offset = (pair.key as ParsedNode).range[0];
      node = pair.value;
    }
    return this.lines.linePos(offset).line;
  }
}
