import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inLines, say } from '../../../cli/terminal/say.ts';

const terminal = (columns: number) => ({ isTTY: true, columns });
const TEXT =
  'There is no job j-none in fleet Shop/Mail: its record has expired, or it is another one. `mayfly list --limit 5` shows some.';

test('a file or a pipe has a sentence on one line', () => {
  const written: string[] = [];
  say(TEXT, { write: (text) => written.push(text) });
  expect(written).toEqual([`mayfly: ${TEXT}\n`]);
});

test('a terminal has it in lines that begin with words, and a command on one of them', () => {
  const written: string[] = [];
  say(TEXT, { ...terminal(60), write: (text) => written.push(text) });
  expect(written.join('').split('\n')).toEqual([
    'mayfly: There is no job j-none in fleet Shop/Mail: its',
    '  record has expired, or it is another one.',
    '  `mayfly list --limit 5` shows some.',
    '',
  ]);
});

test('what is longer than a line stays whole, as does what stands in lines of its own', () => {
  const url = `https://sqs.eu-central-1.amazonaws.com/111122223333/${'x'.repeat(40)}`;
  expect(inLines(`It goes to ${url} at once.\n  line 3: bad`, terminal(40))).toBe(
    `It goes to\n  ${url}\n  at once.\n  line 3: bad`,
  );
});

test('no line of words is wider than the terminal, and nothing is lost', () => {
  const word = fc.stringMatching(/^[a-z]{1,12}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 23, max: 90 }),
      (words, columns) => {
        const text = words.join(' ');
        const lines = inLines(text, terminal(columns)).split('\n');
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(columns);
        expect(lines.map((line) => line.trim()).join(' ')).toBe(text);
      },
    ),
  );
});
