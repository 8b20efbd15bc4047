/**
 * The modules' sources with a counter at every branch: which outcomes of which conditions were reached is told by the source
 * itself, whatever the compiler makes of it.
 *
 * A place is a condition, each operand of && and || being one, a case of a switch, or a function. No places are: what is
 * known at compile time (`if (…) ERROR(…)`), assertions and what tells of a failed one, and a switch that is a table of texts.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import { entryOf } from '../../../tools/build/asc.js';
import { assemblySources } from '../sources.js';
import { targets } from '../targets.js';

/** `outcomes`: true and false of a condition; that it was reached, of all others. */
export interface Place { file: string; line: number; name: string; text: string; outcomes: readonly string[] }

export interface Counted {
  sources: Map<string, string>;
  places: readonly Place[];
}

const CONDITION = ['false', 'true'], REACHED = ['reached'];
/** The number that a module gives its `note` import is twice the place's, plus the outcome's. */
export const OUTCOMES_MAX = 2;
const COUNTER = `
@external("fuzz", "note") declare function fuzzNote(outcome: u32): void;
function fuzzBranch(place: u32, taken: bool): bool {
  fuzzNote(place * ${OUTCOMES_MAX} + <u32>taken);
  return taken;
}
`;

const ASSERTIONS = 'assembly/lib/abort.ts';

/** What tells of a branch: `more` is put in at `at`. */
interface Edit { at: number; more: string }

/** The sources of the modules that are counted: monitor and warden-runtime are not. docs/internals/fuzzing.md */
function fuzzedFiles(texts: ReadonlyMap<string, string>): ReadonlySet<string> {
  const found = new Set<string>(), open = targets.filter(({ uncounted }) => !uncounted).map(({ program }) => entryOf(program));
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, from = ''] of texts.get(file)!.matchAll(/ from "(\.[^"]+)"/g)) {
      const path = posix.join(posix.dirname(file), from);
      open.push([`${path}.ts`, `${path}/index.ts`].find((name) => texts.has(name))!);
    }
  }
  return found;
}

export function countedSources(): Counted {
  const sources = new Map<string, string>(), places: Place[] = [];
  const all = new Map(assemblySources()), fuzzed = fuzzedFiles(all);
  for (const [file, text] of all) {
    if (file === ASSERTIONS || !fuzzed.has(file)) continue;
    const edits = new Counter(file, text, places).edits();
    if (edits.length > 0) sources.set(file, applied(text, edits) + COUNTER);
  }
  return { sources, places };
}

/** Edits of the same place stay in their order. */
function applied(text: string, edits: readonly Edit[]): string {
  let out = '', from = 0;
  for (const { at, more } of [...edits].sort((a, b) => a.at - b.at)) {
    out += text.slice(from, at) + more;
    from = at;
  }
  return out + text.slice(from);
}

class Counter {
  private readonly source: ts.SourceFile;
  private readonly made: Edit[] = [];

  constructor(private readonly file: string, text: string, private readonly places: Place[]) {
    this.source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  }

  edits(): Edit[] {
    this.visit(this.source);
    return this.made;
  }

  private visit(node: ts.Node): void {
    if (isStatic(node)) return;
    const condition = conditionOf(node);
    if (condition) return this.branch(node, condition);
    if (ts.isBinaryExpression(node) && isLogical(node)) return this.condition(node);
    if ((ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) && node.body) this.reached(node.body.getStart() + 1, node, 'function');
    else if (ts.isSwitchStatement(node) && !isTable(node)) this.cases(node);
    ts.forEachChild(node, (child) => this.visit(child));
  }

  /** The statement's condition, then the rest of it. */
  private branch(node: ts.Node, condition: ts.Expression): void {
    ts.forEachChild(node, (child) => (child === condition ? this.condition(condition) : this.visit(child)));
  }

  private condition(node: ts.Expression): void {
    if (ts.isParenthesizedExpression(node)) return this.condition(node.expression);
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) return this.condition(node.operand);
    if (ts.isBinaryExpression(node) && isLogical(node)) {
      this.condition(node.left);
      return this.condition(node.right);
    }
    this.made.push({ at: node.getStart(), more: `fuzzBranch(${this.place(node, node.getText(), CONDITION)}, !!(` });
    this.visit(node);
    this.made.push({ at: node.end, more: '))' });
  }

  private cases(node: ts.SwitchStatement): void {
    for (const clause of node.caseBlock.clauses) {
      const [first] = clause.statements;
      if (first) this.reached(first.getStart(), clause, ts.isCaseClause(clause) ? `case ${clause.expression.getText()}` : 'default');
    }
  }

  private reached(at: number, node: ts.Node, text: string): void {
    this.made.push({ at, more: ` fuzzNote(${this.place(node, text, REACHED) * OUTCOMES_MAX});` });
  }

  private place(node: ts.Node, text: string, outcomes: readonly string[]): number {
    const line = this.source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    return this.places.push({ file: this.file, line, name: functionOf(node), text: text.replace(/\s+/g, ' '), outcomes }) - 1;
  }
}

function isLogical(node: ts.BinaryExpression): boolean {
  const { kind } = node.operatorToken;
  return kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken;
}

/** Decided by the compiler, or an assertion, which no input may fail: the fuzzer looks for one that does. */
function isStatic(node: ts.Node): boolean {
  if (ts.isIfStatement(node)) return isCall(node.thenStatement, 'ERROR');
  return ts.isCallExpression(node) && node.expression.getText() === 'assert';
}

function isCall(node: ts.Node, name: string): boolean {
  return ts.isExpressionStatement(node) && ts.isCallExpression(node.expression) && node.expression.expression.getText() === name;
}

/** Nothing but texts by their numbers. */
function isTable(node: ts.SwitchStatement): boolean {
  return node.caseBlock.clauses.every(({ statements: [only, ...more] }) => (
    more.length === 0 && only && ts.isReturnStatement(only) && only.expression && ts.isStringLiteral(only.expression)
  ));
}

/** "Relay.pump", "judge". */
function functionOf(node: ts.Node): string {
  for (let at: ts.Node | undefined = node; at; at = at.parent) {
    if (ts.isFunctionDeclaration(at)) return at.name?.text ?? '';
    if (ts.isMethodDeclaration(at)) return `${(at.parent as ts.ClassDeclaration).name?.text ?? ''}.${at.name.getText()}`;
  }
  return '';
}

/** The condition of a statement or an expression that branches. */
function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) return node.expression;
  return ts.isConditionalExpression(node) || ts.isForStatement(node) ? node.condition : undefined;
}
