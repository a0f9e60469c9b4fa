/** Control characters, line and paragraph separators, bidirectional controls, and lone surrogates. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Returns text that is safe on a terminal: one line without control effects. A character that would move the cursor, begin a line or change the direction is replaced by its
 * JSON escape (`\u001b`), because names come from clients.
 */
export const printable = (text: string): string =>
  text.replace(unprintable, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A value as JSON on one line that is safe on a terminal: JSON itself escapes only the control characters below U+0020. */
export const printableJson = (value: unknown): string => printable(JSON.stringify(value));
