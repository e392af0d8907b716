/**
 * What a terminal would obey instead of showing: the control characters, but newline and tab, of both sets (C0 with DEL,
 * C1), and the marks that turn the direction of writing, by which a text can look like another one ("Unicode Technical
 * Report #36", 2.10).
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of a job, of AWS or of a file for a terminal: what it would obey is made visible (`\x1b`, `\u202e`). */
export function escapeText(text: string): string {
  return text.replace(OBEYED, visible);
}

/** The same for what has to stay on one line: a name, a reason, a cell of a table. */
export function escapeLine(text: string): string {
  return escapeText(text).replace(/[\n\t]/g, visible);
}

/** JSON on a terminal, the same value: escapes of its own for what `JSON.stringify` leaves as it is. */
export function escapeJson(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function visible(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
