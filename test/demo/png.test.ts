import { crc32, inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { encodePng } from '../../demo/picture/png.ts';

it('writes a picture that a decoder reads back', () => {
  const [width, height] = [5, 3];
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 37) % 256);
  const chunks = chunksOf(encodePng(width, height, rgb));
  expect(chunks.map(({ type }) => type)).toEqual(['IHDR', 'IDAT', 'IEND']);
  expect(chunks[0]?.data.toJSON().data).toEqual([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  expect(unfiltered(inflateSync(chunks[1]?.data ?? Buffer.alloc(0)), width * 3)).toEqual([...rgb]);
});

it('refuses a wrong number of pixels', () => {
  expect(() => encodePng(2, 2, new Uint8Array(11))).toThrow('a picture of 2 x 2 has 12 bytes, not 11');
});

function chunksOf(file: Buffer): { type: string; data: Buffer }[] {
  expect(file.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const body = file.subarray(at + 4, at + 8 + length);
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(body));
    chunks.push({ type: body.toString('latin1', 0, 4), data: body.subarray(4) });
    at += 12 + length;
  }
  return chunks;
}

/** Undoes the filters "none" and "up" of the PNG specification. */
function unfiltered(data: Buffer, rowBytes: number): number[] {
  const pixels: number[] = [];
  for (let at = 0; at < data.length; at += rowBytes + 1) {
    const up = data[at] === 2;
    for (let i = 1; i <= rowBytes; i++) {
      const above = up && pixels.length >= rowBytes ? (pixels[pixels.length - rowBytes] ?? 0) : 0;
      pixels.push(((data[at + i] ?? 0) + above) % 256);
    }
  }
  return pixels;
}
