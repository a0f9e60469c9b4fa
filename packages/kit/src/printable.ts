/** Control characters, the ends of lines and paragraphs, what turns the direction of writing around, and halves of characters. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text as it may stand on a terminal: one line, whose letters do nothing but be read. What would move the cursor, begin a line or turn the writing around is its
 * escape in JSON, `\u001b`: names come from clients.
 */
export const printable = (text: string): string =>
  text.replace(unprintable, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
