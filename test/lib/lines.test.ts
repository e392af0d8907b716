import { expect, test } from 'vitest';
import { describeBadByte, linesOf } from '../../lib/lines.ts';

async function linesIn(...chunks: (string | number[])[]): Promise<string[]> {
  async function* bytes() {
    for (const chunk of chunks) yield Buffer.from(chunk as string);
  }
  const lines: string[] = [];
  for await (const line of linesOf(bytes())) lines.push(line.toString());
  return lines;
}

test.each<[string, (string | number[])[], string[]]>([
  ['no bytes', [], []],
  ['a last line without an end', ['a\nb'], ['a', 'b']],
  ['empty lines', ['\n\na\n\n'], ['', '', 'a', '']],
  ['ends of both kinds', ['a\r\nb\nc\r\n'], ['a', 'b', 'c']],
  ['a return within a line', ['a\rb\n'], ['a\rb']],
  [
    'chunks that divide lines, ends and characters',
    ['a', 'b\r', '\n', [0xc3], [0xbc], '\nd'],
    ['ab', 'ü', 'd'],
  ],
  ['a mark, divided, at the start alone', [[0xef], [0xbb, 0xbf], 'a\n', '\ufeffb'], ['a', '\ufeffb']],
  ['a mark alone', ['\ufeff'], ['']],
])('the lines of %s', async (_, chunks, lines) => {
  expect(await linesIn(...chunks)).toEqual(lines);
});

test('a byte that is not UTF-8 is described with the text before it', () => {
  expect(describeBadByte(Buffer.from('Gr\xfcn', 'latin1'))).toBe('the byte 0xfc follows "Gr"');
});
