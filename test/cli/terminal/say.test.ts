import fc from 'fast-check';
import { expect, test } from 'vitest';
import { say, wrapLines } from '../../../cli/terminal/say.ts';

const terminal = (columns: number) => ({ isTTY: true, columns });
const TEXT =
  'There is no job j-none in fleet Shop/Mail: its record has expired, or it is another one. `mayfly list --limit 5` shows some.';

test('a message to a file or a pipe is one line', () => {
  const written: string[] = [];
  say(TEXT, { write: (text) => written.push(text) });
  expect(written).toEqual([`mayfly: ${TEXT}\n`]);
});

test('a message to a terminal is broken at words, and a command stays on one line', () => {
  const written: string[] = [];
  say(TEXT, { ...terminal(60), write: (text) => written.push(text) });
  expect(written.join('').split('\n')).toEqual([
    'mayfly: There is no job j-none in fleet Shop/Mail: its',
    '  record has expired, or it is another one.',
    '  `mayfly list --limit 5` shows some.',
    '',
  ]);
});

test('a word that is longer than a line stays whole, and line breaks of the text stay', () => {
  const url = `https://sqs.eu-central-1.amazonaws.com/111122223333/${'x'.repeat(40)}`;
  expect(wrapLines(`It goes to ${url} at once.\n  line 3: bad`, terminal(40))).toBe(
    `It goes to\n  ${url}\n  at once.\n  line 3: bad`,
  );
});

test('no line is wider than the terminal, and no word is lost', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 23, max: 90 }),
      (words, columns) => {
        const text = words.join(' ');
        const lines = wrapLines(text, terminal(columns)).split('\n');
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(columns);
        expect(lines.map((line) => line.trim()).join(' ')).toBe(text);
      },
    ),
  );
});
