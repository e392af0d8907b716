import { AwsError } from '../../front-door/service.ts';

/**
 * Message bodies may have any Unicode character but some controls and non-characters ("SendMessage": #x9, #xA, #xD,
 * #x20-#xD7FF, #xE000-#xFFFD, #x10000-#x10FFFF). fauxqs refuses the last range, so these characters are stored as a
 * mark and two private-use characters. Such a body is up to 2.25 times as long while it is stored.
 */

const MARK = '\ue001';
const HIGH = 0xe100;
const LOW = 0xe500;

const NEEDS_ESCAPE = /[\u{10000}-\u{10ffff}\ue001]/u;
const ESCAPED = /\ue001(?:\ue001|[\ue100-\ue4ff][\ue500-\ue8ff])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: SQS's own list of allowed characters.
const FORBIDDEN = /[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** `AwsError` InvalidMessageContents for a body, or an attribute's value, that SQS refuses. */
export function checkCharacters(text: string): void {
  if (!FORBIDDEN.test(text)) return;
  throw new AwsError(
    'InvalidMessageContents',
    'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
  );
}

export function escapeBody(body: string): string {
  if (!NEEDS_ESCAPE.test(body)) return body;
  return body.replace(/[\u{10000}-\u{10ffff}\ue001]/gu, (character) => {
    if (character === MARK) return MARK + MARK;
    const offset = (character.codePointAt(0) ?? 0) - 0x10000;
    return MARK + String.fromCharCode(HIGH + (offset >> 10), LOW + (offset & 0x3ff));
  });
}

export function unescapeBody(body: string): string {
  if (!body.includes(MARK)) return body;
  return body.replace(ESCAPED, (escaped) => {
    if (escaped === MARK + MARK) return MARK;
    const offset = ((escaped.charCodeAt(1) - HIGH) << 10) + (escaped.charCodeAt(2) - LOW);
    return String.fromCodePoint(offset + 0x10000);
  });
}
