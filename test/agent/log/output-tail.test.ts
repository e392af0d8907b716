import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputTail } from '../../../agent/log/output-tail.ts';

function tailOf(limit: number, ...parts: (string | Buffer)[]): OutputTail {
  const tail = new OutputTail(limit);
  for (const part of parts) tail.write(Buffer.from(part));
  return tail;
}

test('little output is kept whole, of more output the end', () => {
  expect(tailOf(5).toString()).toBe('');
  expect(tailOf(5, 'abc').toString()).toBe('abc');
  expect(tailOf(5, 'abc', 'defg').toString()).toBe('cdefg');
});

test('however it arrives, the last bytes are kept', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 200 });
  fc.assert(
    fc.property(chunks, (parts) => {
      const tail = tailOf(16, ...parts.map((part) => Buffer.from(part)));
      expect(tail.bytes()).toEqual(Buffer.concat(parts).subarray(-16));
    }),
  );
});

test('a character that was cut at the start is left out, any other invalid byte is shown', () => {
  expect(tailOf(5, 'xä€€').toString()).toBe('€');
  expect(tailOf(4, 'x\u{1F680}abc').toString()).toBe('abc');
  expect(tailOf(9, Buffer.from([0xff, 0x61, 0x80])).toString()).toBe('\uFFFDa\uFFFD');
  // If it is whole, its first bytes are its own.
  expect(tailOf(9, Buffer.from([0x80, 0x61])).toString()).toBe('\uFFFDa');
});

test('the caller may change a chunk afterwards', () => {
  const part = Buffer.from('abc');
  const tail = new OutputTail(8);
  tail.write(part);
  part.fill('x');
  expect(tail.toString()).toBe('abc');
});
