import { expect, it } from 'vitest';
import { createBodyAttributes } from '../../store/body-in-record.ts';

it.each([
  ['an empty one', '', { body: '' }],
  ['1 KiB', 'x'.repeat(1024), { body: 'x'.repeat(1024) }],
  ['a byte more', 'x'.repeat(1025), { bodyStart: 'x'.repeat(200), bodyBytes: 1025 }],
  ['1025 bytes of fewer characters', 'é'.repeat(513), { bodyStart: 'é'.repeat(200), bodyBytes: 1026 }],
  [
    'a character in two halves at the cut',
    `${'x'.repeat(199)}😀${'x'.repeat(900)}`,
    { bodyStart: 'x'.repeat(199), bodyBytes: 1103 },
  ],
  [
    'one that ends at the cut',
    `${'x'.repeat(198)}😀${'x'.repeat(900)}`,
    { bodyStart: `${'x'.repeat(198)}😀`, bodyBytes: 1102 },
  ],
])('a record has a short body, or the start of a longer one: %s', (_, text, kept) => {
  expect(createBodyAttributes(text)).toEqual(kept);
});
