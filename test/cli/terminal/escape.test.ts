import fc from 'fast-check';
import { expect, it } from 'vitest';
import { escapeLine, escapeText } from '../../../cli/terminal/escape.ts';

it.each([
  ['a colour', '\x1b[31mred', '\\x1b[31mred'],
  ["a terminal's title", '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['C1, which is an escape sequence in one character', '\x9b2J', '\\x9b2J'],
  ['carriage return and backspace', 'done\rfail\b\b', 'done\\x0dfail\\x08\\x08'],
  ['DEL and NUL', '\x7f\0', '\\x7f\\x00'],
  ['a mark that changes the direction of writing', 'user\u202etxt.exe', 'user\\u202etxt.exe'],
  ['newline and tab, which stay', 'a\tb\nc', 'a\tb\nc'],
  ['letters of any script, which stay', 'Käfer, жук, 甲虫 🪲', 'Käfer, жук, 甲虫 🪲'],
])('%s', (_what, text, shown) => {
  expect(escapeText(text)).toBe(shown);
});

it('escapeLine also escapes newline and tab', () => {
  expect(escapeLine('a\tb\nc\x1b')).toBe('a\\tb\\nc\\x1b');
});

const CONTROL = /\p{Cc}|\p{Bidi_Control}/u;

it('leaves no control character, whatever the text', () => {
  const texts = fc.string({ unit: fc.oneof(fc.nat(0x3000).map((code) => String.fromCharCode(code))) });
  fc.assert(fc.property(texts, (text) => !CONTROL.test(escapeText(text).replaceAll(/[\n\t]/g, ''))));
});

it('gives the same result for a text in pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (pieces) => {
      expect(pieces.map(escapeText).join('')).toBe(escapeText(pieces.join('')));
    }),
  );
});
