/**
 * The members of a JSON object as they are written, by name. If a name occurs twice, the last one counts, as in
 * `JSON.parse`. A value that is parsed and written again can be another text: numbers lose digits, and keys change their
 * order.
 *
 * @param text an object that `JSON.parse` accepts
 */
export function readMemberTexts(text: string): Map<string, string> {
  const members = new Map<string, string>();
  for (let at = text.indexOf('{') + 1; ; ) {
    const keyStart = text.indexOf('"', at);
    // No member is left: JSON has no comma after the last member.
    if (keyStart < 0) return members;
    const keyEnd = endOfString(text, keyStart);
    const start = skipBlanks(text, text.indexOf(':', keyEnd) + 1);
    const end = endOfValue(text, start);
    members.set(JSON.parse(text.slice(keyStart, keyEnd)) as string, text.slice(start, end));
    at = end;
  }
}

/** @param start of a value. The end is the position after its last character. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  for (let at = start; ; ) {
    const character = text[at] ?? '}';
    if (depth === 0 && at > start && ENDS_VALUE.has(character)) return at;
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') depth -= 1;
    at += 1;
  }
}

const ENDS_VALUE = new Set([',', '}', ']', ' ', '\t', '\n', '\r']);

/** @param start of a string, at its opening quotation mark. The end is the position after the closing one. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && /[ \t\n\r]/.test(text[at] ?? '')) at += 1;
  return at;
}
