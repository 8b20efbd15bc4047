/** Text for terminals, pictures and logs. */

/**
 * Escapes text that came from a container. Control and format characters, lone surrogates and all white space but the plain
 * blank become `\xNN` or `\u{NNNN}`: they could control a terminal, hide or reorder text, or be illegal in XML.
 */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, (character) => (character === ' ' ? ' ' : escaped(character.codePointAt(0)!)));
}

function escaped(code: number): string {
  const digits = code.toString(16);
  return code <= 0xff ? `\\x${digits.padStart(2, '0')}` : `\\u{${digits}}`;
}
