/**
 * Characters that a terminal executes instead of showing: the control characters of both sets (C0 with DEL, C1) except
 * newline and tab, and the marks that change the direction of writing, which can make a text look like another one
 * ("Unicode Technical Report #36", 2.10).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression has to match them.
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Makes control characters in text from a job, from AWS or from a file visible (`\x1b`, `\u202e`). */
export function escapeText(text: string): string {
  return text.replace(CONTROL, visible);
}

/** The same for text that has to stay on one line, such as a name, a reason or a cell of a table. */
export function escapeLine(text: string): string {
  return escapeText(text).replace(/[\n\t]/g, visible);
}

/** Escapes, as JSON, the control characters that `JSON.stringify` leaves unchanged. The value stays the same. */
export function escapeJson(json: string): string {
  return json.replace(CONTROL, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function visible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
