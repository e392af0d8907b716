import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameReader, joinWithNul } from '../../../agent/runner/slot-frames.ts';

/** Returns what a reader makes of bytes that come in parts of the given lengths. */
function read(bytes: Buffer, lengths: readonly number[]) {
  const frames: [string, string[]][] = [];
  const output = { stdout: '', stderr: '' };
  const reader = new FrameReader({
    onFrame: (letter, fields) => frames.push([letter, fields]),
    onOutput(stream, chunk) {
      output[stream] += chunk.toString('latin1');
    },
  });
  let rest = bytes;
  for (const length of lengths) {
    reader.write(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  reader.write(rest);
  return { frames, output };
}

/** A frame of output, whose payload is not a list of fields. */
function outputFrame(letter: string, payload: Buffer): Buffer {
  const header = Buffer.from(`\0\0\0\0${letter}`, 'latin1');
  header.writeUInt32BE(payload.length);
  return Buffer.concat([header, payload]);
}

test('frames are read as they were written, however they are split', () => {
  const plain = fc.tuple(fc.constantFrom('H', 'E', 'C'), fc.array(fc.string({ unit: 'binary' })));
  const bytes = fc.uint8Array({ maxLength: 50 });
  const lengths = fc.array(fc.nat(7), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(plain), bytes, bytes, lengths, (sent, out, err, cuts) => {
      const parts = sent.map(([letter, fields]) => encodeFrame(letter, ...fields));
      const between = [outputFrame('1', Buffer.from(out)), outputFrame('2', Buffer.from(err))];
      const got = read(Buffer.concat([...parts.slice(0, 1), ...between, ...parts.slice(1)]), cuts);
      expect(got.frames).toEqual(sent);
      expect(got.output.stdout).toBe(Buffer.from(out).toString('latin1'));
      expect(got.output.stderr).toBe(Buffer.from(err).toString('latin1'));
    }),
    { numRuns: 30 },
  );
});

test('texts that are separated by NUL contain none', () => {
  expect(joinWithNul(['a', '', 'b'], 'a word')).toBe('a\0\0b');
  expect(() => joinWithNul(['a', 'b\0c'], 'a word')).toThrow('a word with a NUL character: "b\\u0000c"');
});
