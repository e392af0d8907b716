import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputTail } from '../../agent/output-tail.ts';

test('little output is kept whole, more of it from its end, and says so', () => {
  const tail = new OutputTail(5);
  expect(tail.toString()).toBe('');
  tail.write(Buffer.from('abc'));
  expect(tail.toString()).toBe('abc');
  tail.write(Buffer.from('defg'));
  expect(tail.toString()).toBe('[...] cdefg');
});

test('however it arrives, the last bytes are kept', () => {
  const chunks = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 40 }), { maxLength: 200 });
  fc.assert(
    fc.property(chunks, (parts) => {
      const tail = new OutputTail(16);
      for (const part of parts) tail.write(Buffer.from(part));
      const all = parts.join('');
      expect(tail.toString()).toBe(all.length > 16 ? `[...] ${all.slice(-16)}` : all);
    }),
  );
});
