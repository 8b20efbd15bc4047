/**
 * Text that came from a container could hold anything, also what steers a terminal, hides, turns the order of letters about, or
 * may not stand in XML: control and format characters, lone surrogates and all spaces but the plain one are shown as `\xNN` or
 * `\u{NNNN}`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, (character) => (character === ' ' ? ' ' : escaped(character.codePointAt(0)!)));
}

function escaped(code: number): string {
  const digits = code.toString(16);
  return code <= 0xff ? `\\x${digits.padStart(2, '0')}` : `\\u{${digits}}`;
}
