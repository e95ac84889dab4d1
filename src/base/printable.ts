/** Text of others, such as a file or the name of one, made safe for a terminal and a log. */

/** Controls (C0, C1, DEL), formats such as those that reverse text, separators of lines, halves of pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Returns the text with every character escaped that is not shown as itself: \x1b, \u{202e}. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0)!;
    const digits = code.toString(16);
    return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u{${digits}}`;
  });
}
