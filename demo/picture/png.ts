import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** "Up" of the PNG specification (section 9): each byte minus the one above it, which compresses smooth pictures well. */
const FILTER_UP = 2;

/**
 * Encodes 8-bit RGB pixels, row by row, as a PNG file.
 *
 * @throws RangeError if the length of `rgb` does not match width and height
 */
export function encodePng(width: number, height: number, rgb: Uint8Array): Buffer {
  if (rgb.length !== width * height * 3) {
    throw new RangeError(
      `a picture of ${width} x ${height} has ${width * height * 3} bytes, not ${rgb.length}`,
    );
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Bit depth 8, colour type 2 (RGB); deflate, adaptive filters, no interlace.
  header.set([8, 2, 0, 0, 0], 8);
  const data = deflateSync(filtered(width * 3, rgb));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function filtered(rowBytes: number, rgb: Uint8Array): Buffer {
  const rows = rgb.length / rowBytes;
  const out = Buffer.alloc(rows * (rowBytes + 1));
  for (let row = 0; row < rows; row++) {
    const to = row * (rowBytes + 1);
    out[to] = FILTER_UP;
    for (let i = 0; i < rowBytes; i++) {
      const at = row * rowBytes + i;
      const above = row > 0 ? (rgb[at - rowBytes] ?? 0) : 0;
      out[to + 1 + i] = (rgb[at] ?? 0) - above;
    }
  }
  return out;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
