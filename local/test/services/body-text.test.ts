import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AwsError } from '../../front-door/service.ts';
import { checkCharacters, escapeBody, unescapeBody } from '../../services/sqs/body-text.ts';

const FIRST_PLANE = /^[\t\n\r -\ud7ff\ue000-\ufffd]*$/;
/** Every kind of character, most often those that the escape itself uses. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom('\ue001', '\ue100', '\ue500', '\ue001\ue100\ue500', '🐛', '\u{10ffff}'),
    ),
  )
  .map((parts) => parts.join(''));

function isAllowed(body: string): boolean {
  try {
    checkCharacters(body);
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.code === 'InvalidMessageContents') return false;
    throw error;
  }
}

test('every body that SQS accepts is restored, and is stored in characters of the first plane', () => {
  fc.assert(
    fc.property(text, (body) => {
      fc.pre(isAllowed(body));
      const escaped = escapeBody(body);
      expect(escaped).toMatch(FIRST_PLANE);
      expect(unescapeBody(escaped)).toBe(body);
    }),
  );
});

test('exactly the characters of the reference are allowed', () => {
  for (let code = 0; code <= 0x10ffff; code += 1) {
    const listed =
      [0x9, 0xa, 0xd].includes(code) ||
      (code >= 0x20 && code <= 0xd7ff) ||
      (code >= 0xe000 && code <= 0xfffd) ||
      code >= 0x10000;
    if (isAllowed(String.fromCodePoint(code)) !== listed) expect.fail(`U+${code.toString(16)}`);
  }
});
