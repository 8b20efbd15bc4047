/**
 * A transform of the AssemblyScript compiler (shim/Makefile, asc.ts): each call `cString("text")` becomes `memory.data<u8>([…, 0])`,
 * the text's bytes and a NUL in the module's data. AssemblyScript itself has UTF-16 texts only.
 * https://www.assemblyscript.org/compiler.html#transforms
 */
import { LiteralKind, Node, NodeKind } from 'assemblyscript';
import { Transform } from 'assemblyscript/transform';

/** The text of `cString("text")`; undefined for any other node, also for a call that has something else than an ASCII text. */
function textOf(node) {
  if (node.kind !== NodeKind.Call || node.expression.text !== 'cString') return undefined;
  const [literal, ...others] = node.args;
  const isText = others.length === 0 && literal?.kind === NodeKind.Literal && literal.literalKind === LiteralKind.String;
  return isText && /^[ -~]*$/.test(literal.value) ? literal.value : undefined;
}

/** `memory.data<u8>([bytes, 0])` */
function bytesOf(text, range) {
  const identifier = (name) => Node.createIdentifierExpression(name, range);
  const bytes = [...Buffer.from(`${text}\0`)].map((byte) => Node.createIntegerLiteralExpression(globalThis.i64_new(byte, 0), range));
  return Node.createCallExpression(
    Node.createPropertyAccessExpression(identifier('memory'), identifier('data'), range),
    [Node.createNamedType(Node.createSimpleTypeName('u8', range), null, false, range)],
    [Node.createArrayLiteralExpression(bytes, range)], range,
  );
}

/** Replaces the calls in a node, or in a list of nodes. */
function replaceIn(parent) {
  for (const [key, child] of Object.entries(parent)) {
    if (!(child instanceof Node || Array.isArray(child))) continue;
    const text = textOf(child);
    if (text === undefined) replaceIn(child);
    else parent[key] = bytesOf(text, child.range);
  }
}

export default class CStrings extends Transform {
  afterParse({ sources }) {
    for (const { internalPath, statements } of sources) if (internalPath.startsWith('assembly/')) replaceIn(statements);
  }
}
