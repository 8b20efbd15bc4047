/** A table in a page of docs that runs of tests make, between "<!-- NAME -->" and "<!-- end of NAME -->". UPDATE_DOCS=1 writes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../../src/base/paths.js';

export class DocsTable {
  private readonly path: string;
  /** By its first cell, in the order of the table. */
  private readonly rows = new Map<string, readonly string[]>();

  /** `keys`: the first cell of each row. */
  constructor(page: string, private readonly name: string, private readonly keys: readonly string[]) {
    this.path = `${packageRoot}${page}`;
  }

  /** Compares a row that a run has made with the page's. */
  holds(cells: readonly string[]): void {
    this.rows.set(cells[0]!, cells);
    if (process.env['UPDATE_DOCS'] === '1') this.write();
    assert.equal(this.lines().find(([key]) => key === cells[0]), cells, `docs: ${this.path}, ${this.name}; UPDATE_DOCS=1 writes what this run made`);
  }

  /** That the page has these rows, and no others. */
  isComplete(): void { assert.equal(this.lines().map(([key]) => key), [...this.keys]); }

  private lines(): string[][] {
    const [, , ...rows] = this.section(readFileSync(this.path, 'utf8')).split('\n');
    return rows.filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '));
  }

  private section(text: string): string {
    const [, section] = new RegExp(`<!-- ${this.name} -->\n(.*?)<!-- end of ${this.name} -->`, 's').exec(text) ?? [];
    if (section === undefined) throw new Error(`${this.path} has no table ${this.name}`);
    return section;
  }

  private write(): void {
    const text = readFileSync(this.path, 'utf8'), section = this.section(text);
    const before = new Map(this.lines().map((cells) => [cells[0]!, cells]));
    const head = section.split('\n').slice(0, 2);
    const rows = this.keys.map((key) => this.rows.get(key) ?? before.get(key)).filter((cells) => cells !== undefined);
    writeFileSync(this.path, text.replace(section, `${[...head, ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n')}\n`));
  }
}
